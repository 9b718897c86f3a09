// SPDX-License-Identifier: MIT
#include "actors/strand.hpp"

#include "actors/overflow.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"

namespace troupe::detail {

namespace {
// Twice what a body may count on, so that a get may run an unbegun child on the same stack; frames
// grow under AddressSanitizer.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t times = 6;
#else
constexpr std::size_t times = 2;
#endif
constexpr std::size_t spare_for_a_thread = 64;

struct no_allocator {
  boost::context::stack_context allocate() { return {}; }
  void deallocate(boost::context::stack_context&) {}
};
}  // namespace

strand* strand::take(std::size_t promised) {
  auto& spare = seat::mine().spare;
  if (!spare.empty() && spare.back()->promised_ == promised) {
    strand* s = spare.back();
    spare.pop_back();
    return s;
  }
  return new strand(promised);
}

void strand::give_back(strand* s) {
  auto& spare = seat::mine().spare;
  if (!spare.empty() && spare.back()->promised_ != s->promised_) {
    if (s->promised_ > default_stack_size)
      return delete s;  // a task's own size; what all use is kept
    for (auto old : spare) delete old;
    spare.clear();
  }
  if (spare.size() < spare_for_a_thread) spare.push_back(s);
  else delete s;
}

strand::strand(std::size_t promised)
    : promised_(promised),
      memory_(allocate_stack(promised * times)),
      marks_(memory_.low, memory_.size) {
  boost::context::stack_context c;
  c.sp = memory_.low + memory_.size;
  c.size = memory_.size;
  inside_ = boost::context::fiber(
      std::allocator_arg, boost::context::preallocated(c.sp, c.size, c), no_allocator{},
      [this](boost::context::fiber&& back) { return loop(std::move(back)); });
}

strand::~strand() {
  stop_ = true;
  enter();
  marks_.forget();
  free_stack(memory_);
}

void strand::enter(task* first) {
  first_ = first;
  enter();
}

void strand::enter() {
  void* mine = nullptr;
  marks_.entering(mine);
  inside_ = std::move(inside_).resume();
  marks_.back(mine);
}

[[gnu::noinline]] void strand::leave() {
  marks_.leaving();
  outside_ = std::move(outside_).resume();
  marks_.resumed();
}

boost::context::fiber strand::loop(boost::context::fiber&& back) {
  outside_ = std::move(back);
  marks_.begun();
  for (; !stop_; leave())
    for (task* t = std::exchange(first_, nullptr); t; t = another_on(*this)) t->run();
  marks_.ending();
  return std::move(outside_);
}

void strand::check() const {
  if (memory_.guard == 0 && !canary_alive(memory_)) overflowed();
}

bool strand::room_for(std::size_t need) const {
  return static_cast<std::size_t>(static_cast<char*>(__builtin_frame_address(0)) - memory_.low) >=
         need;
}

}  // namespace troupe::detail
