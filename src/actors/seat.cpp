// SPDX-License-Identifier: MIT
#include "actors/seat.hpp"

#include "actors/strand.hpp"
#include "actors/task.hpp"

#include <cxxabi.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <atomic>
#include <bitset>
#include <mutex>

namespace troupe::detail {

namespace {
struct numbers {  // the least free one first, so that they stay small
  std::mutex mutex;
  std::bitset<seat::most> taken;
  unsigned take() {
    std::lock_guard guard{mutex};
    for (unsigned i = 0; i < seat::most - 1; ++i)
      if (!taken[i]) return taken.set(i), i;
    return seat::most - 1;
  }
  void give_back(unsigned n) {
    std::lock_guard guard{mutex};
    if (n != seat::most - 1) taken.reset(n);
  }
};
numbers& all_numbers() {
  static auto* n = new numbers;
  return *n;
}
std::atomic<std::uint64_t> id_blocks{0};
}  // namespace

namespace {
constinit thread_local seat* place = nullptr;
}

seat& seat::mine() {
  asm volatile("");
  if (place) [[likely]]
    return *place;
  return *(place = sit_down());
}
const seat* seat::peek() {
  asm volatile("");
  return place;
}

// Never destroyed: a ref in a thread_local or a static may be dropped after all that the thread's
// end cleans up.
seat* seat::sit_down() {
  alignas(seat) constinit thread_local static char memory[sizeof(seat)] = {};
  thread_local struct leaver {
    ~leaver() { reinterpret_cast<seat*>(memory)->leave(); }
  } at_the_end;
  (void)at_the_end;
  return new (memory) seat;
}
seat::seat()
    : caught(reinterpret_cast<std::array<void*, 2>*>(abi::__cxa_get_globals())),
      number(all_numbers().take()) {}
void seat::clear_up() {
  for (auto strand : spare) delete strand;
  std::vector<strand*>().swap(spare);
  gone.tell([this](kin* k) { task::free_block_of(k, *this); });
  blocks.release();
}
bool seat::tidy() {
  mine().clear_up();
  if (return_free_memory() == 0) return false;
#if defined(__GLIBC__)
  malloc_trim(0);  // what the same crowd has left there
#endif
  return true;
}
void seat::leave() {
  clear_up();
  all_numbers().give_back(std::exchange(number, most - 1));
}

void* allocate_letter(std::size_t size) { return seat::mine().blocks.take(size); }
void free_letter(void* letter, std::size_t size) noexcept {
  seat::mine().blocks.give(letter, size);
}

// Out of the way of CAF's own counter, and without its shared cache line.
std::uint64_t fresh_actor_id(seat& s) {
  if (s.ids == s.ids_end) {
    s.ids = (std::uint64_t{1} << 62) + (id_blocks.fetch_add(1) << 16);
    s.ids_end = s.ids + 65536;
  }
  return s.ids++;
}

}  // namespace troupe::detail
