// SPDX-License-Identifier: MIT
#include "actors/task.hpp"

#include "actors/overflow.hpp"
#include "actors/seat.hpp"
#include "actors/shard.hpp"
#include "actors/slab_pool.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <caf/actor_cast.hpp>

#include <cxxabi.h>

#include <array>
#include <cstring>

namespace troupe::detail {

namespace {
// In woken_, of a task that waits for the object that its body returned.
strand* forward_ready() { return reinterpret_cast<strand*>(1); }

// An unguarded stack that was overrun is found while the task's name is known.
void check_canary(const strand& on) {
  if (on.memory().guard == 0 && !canary_alive(on.memory())) overflowed();
}
}  // namespace

// A body may park inside a catch block, and the list of caught exceptions belongs to the thread.
// noinline: __cxa_get_globals is declared __const__, so a compiler may otherwise keep its result
// across the switch to another thread.
[[gnu::noinline]] std::array<void*, 2> swap_exceptions(std::array<void*, 2> other) {
  asm volatile("");
  return std::exchange(*reinterpret_cast<std::array<void*, 2>*>(abi::__cxa_get_globals()), other);
}

// ---- memory -------------------------------------------------------------------------------------

std::size_t task::call_offset(const task_type& type) {
  const std::size_t after = sizeof(task) + type.inputs * sizeof(waiter);
  return (after + type.align - 1) / type.align * type.align;
}

// What caf::make_actor does, with our own memory. All threads share the count inside a node_id:
// each task is lent the domain's.
task* task::make(domain& d, const task_type& type, object* out, const task_options* options) {
  d.may_fail(weak_point::memory);
  seat& s = seat::mine();
  alignas(caf::node_id) char lent[sizeof(caf::node_id)];
  std::memcpy(lent, static_cast<const void*>(&d.node()), sizeof lent);
  auto memory = static_cast<char*>(allocate_block(block_size(type)));
  auto control = new (memory)
      caf::actor_control_block(fresh_actor_id(s), reinterpret_cast<caf::node_id&>(lent),
                               &d.system(), &task::destroy, &task::free_memory);
  control->strong_refs.store(2, std::memory_order_relaxed);
  auto t = new (memory + sizeof_control) task(s.blank, d, type, out);
  try {
    if (options) t->take_options(*options);
  } catch (...) {
    t->abandon();
    throw;
  }
  return t;
}

task::task(caf::actor_config& cfg, domain& d, const task_type& type, object* out)
    : monitorable_actor(cfg),
      domain_(&d),
      type_(type),
      out_(out),
      stack_need_(static_cast<std::uint32_t>(d.stack_size())) {
  out->maker = this;
}

task::~task() { release_memory(out_); }

void task::destroy(caf::abstract_actor* a) {
  auto t = static_cast<task*>(a);
  const std::size_t size = block_size(t->type_);
  t->~task();
  std::memcpy(
      static_cast<void*>(a), &size,
      sizeof size);  // for free_memory, which may come later: weak references keep the block
}

void task::free_memory(caf::actor_control_block* c) {
  std::size_t size;
  std::memcpy(&size, static_cast<const void*>(c->get()), sizeof size);
  free_block(c, size);
}

void task::take_options(const task_options& options) {
  extras().options = options;
  private_ = options.blocking || options.stack_size > stack_need_;
  stack_need_ = std::max(stack_need_, static_cast<std::uint32_t>(options.stack_size));
}

// As CAF does it, but without a read-modify-write where nobody else can have a reference.
void task::release() {
  auto c = ctrl();
  // Somebody who has its address may make a handle of it at any time.
  if (c->strong_refs.load(std::memory_order_acquire) != 1 || exposed_)
    return caf::intrusive_ptr_release(c);
  c->strong_refs.store(0, std::memory_order_relaxed);
  c->data_dtor(this);
  if (c->weak_refs.load(std::memory_order_acquire) == 1) c->block_dtor(c);
  else caf::intrusive_ptr_release_weak(c);
}

void task::abandon() noexcept {
  keeps_place_ = true;
  release_run();
}

// Both references at once, if it has its place's as well and nobody else has one: a put that still
// waits in a mailbox has one (put_msg::keep), so when there are two the store has taken the put in and
// gives no handle away any more.
void task::release_run() {
  auto c = ctrl();
  if (keeps_place_ && c->strong_refs.load(std::memory_order_acquire) == 2 && !exposed_) {
    c->strong_refs.store(1, std::memory_order_relaxed);
  } else if (keeps_place_) {
    caf::intrusive_ptr_release(c);
  }
  release();
}

std::string_view task::name_of_task() const {
  return extras_ && !extras_->options.name.empty() ? std::string_view{extras_->options.name}
                                                   : type_.name;
}

// ---- waiting for inputs -------------------------------------------------------------------------

void task::start(object* const* missing, std::size_t n) {
  if (n > type_.inputs) extras().more = std::vector<waiter>(n - type_.inputs);
  domain_->submitted(*this);
  if (auto w = domain_->watching()) [[unlikely]]
    w->saw(moment::submit, *this);
  if (n == 0) return schedule();
  arrivals.begin(static_cast<std::int32_t>(n) + 1, countdown::free);
  for (std::size_t i = 0; i < n; ++i) {
    waiter* w = i < type_.inputs ? new (inputs() + i) waiter : &extras_->more[i - type_.inputs];
    w->wait_for(*missing[i], *this, domain_->number());
    domain_->await(*w);
  }
  if (arrivals.arrive()) schedule();
}

void task::enqueue(caf::mailbox_element_ptr m, caf::execution_unit* unit) {
  if (auto ready = content_of<ready_msg>(*m)) {
    const bool expired = ready->expired;
    if (ready->w) ready->w->answered.store(true, std::memory_order_relaxed);
    m.reset();  // before it is counted: the count may free the message with its sender's frame, and
                // this task
    const bool due = expired && arrivals.force();
    if (arrivals.arrive() || due) schedule();
  } else if (!handle_system_message(*m, unit, true)) {
    bounce(m);
  }
}

void task::schedule() noexcept {
  // Once it is published, it may run, end, and its runtime with it: nothing of either is touched
  // then.
  caf::actor_system& system = domain_->system();
  const bool at_once = domain_->at_once();
  const bool aside = blocking() && at_once;  // and a private task: its one place is all it has
  if (forwarding_) woken_.store(forward_ready(), std::memory_order_release);
  else if (parked_on_) woken_.store(parked_on_, std::memory_order_release);
  else if (!private_) out_->claim.store(claim::queued, std::memory_order_release);
  if (aside) return domain_->run_aside(*this);
  seat& s = seat::mine();
  auto unit = s.unit_of(system);
  if (unit && s.on && !s.visiting && !s.running && !s.next && at_once)
    s.next = this;  // sent by a task that has just ended
  else if (unit) unit->exec_later(this);
  else system.scheduler().enqueue(this);
}

bool task::claim_it() { return private_ || out_->claim_it(); }

// ---- running ------------------------------------------------------------------------------------

void task::run() noexcept {
  task* outer = std::exchange(seat::mine().running, this);
  verdict v;
  const failure* failed = nullptr;
  if (domain_->stopping()) failed = domain_->ended_early(*this);
  else {
    // the only place that catches everything: what a body throws is its object's outcome
    try {
      if (auto w = domain_->watching()) [[unlikely]] {
        w->saw(moment::begin, *this);
        w->may_fail(weak_point::body);
      }
      v = type_.run(call(), out_->storage());
      if (v.is == verdict::failed_input)
        failed = failure::through(*static_cast<const failure*>(v.which->value), name_of_task());
    } catch (...) { failed = failure::of_exception(name_of_task(), std::current_exception()); }
  }
  check_canary(*seat::mine().on);
  type_.destroy(call());
  seat::mine().running = outer;  // perhaps another thread by now
  if (failed) settle({outcome::failure, failed});
  else if (v.is == verdict::forward) forward(v.which, v.levels);
  else settle({outcome::value, out_->storage()});
}

void task::settle_unstarted(std::exception_ptr why) {
  type_.destroy(call());
  settle({outcome::failure, failure::of_exception(name_of_task(), std::move(why))});
}

void put_msg::keep() {
  if (o->maker) maker = caf::strong_actor_ptr{o->maker->ctrl()};
}

void task::settle(outcome how) {
  domain& d = *domain_;
  watcher* const w = d.watching();
  if (w) [[unlikely]]
    w->settles(*this, how);
  d.settled(*this, how.is == outcome::failure);
  object* out = out_;
  shard_of(*out).store->tell(put_msg{out, how});
  if (out->is_sealed() && exposed_)
    tell_monitors();  // else the store tells them when it has taken the put in
  if (w) [[unlikely]]
    w->saw(moment::end, *this);
  release_run();
  d.ended();
}

void task::tell_monitors() { cleanup(caf::error{}, nullptr); }

// ---- a body that returned a ref -----------------------------------------------------------------
// Its object takes the outcome of the one that the ref names.

void task::forward(object* inner, unsigned levels) {
  if (!inner)
    return settle({outcome::failure, failure::make(failure::kind::thrown, name_of_task(),
                                                   "the body returned a ref that names nothing")});
  if (inner == out_) {
    inner->drop();
    return settle({outcome::failure, failure::make(failure::kind::deadlock, name_of_task(),
                                                   "task '" + std::string(name_of_task()) +
                                                       "' returned a ref to itself")});
  }
  task_extras& x = extras();
  x.inner = inner;
  x.levels = levels;
  if (inner->is_sealed()) return finish_forwarding();
  forwarding_ = true;
  intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  x.forwarded.wait_for(*inner, *this, domain_->number());
  arrivals.begin(2,
                 countdown::free);  // one for this function: it keeps what the await touches alive
  domain_->await(x.forwarded);
  if (arrivals.arrive()) schedule();
}

void task::finish_forwarding() {
  object* inner = std::exchange(extras_->inner, nullptr);
  outcome how;
  if (!inner->is_sealed()) {  // the runtime ends
    how = {outcome::failure, domain_->ended_early(*this)};
    inner->drop();
  } else if (inner->failed) {
    auto f = static_cast<const failure*>(inner->value);
    f->retain();
    how = {outcome::failure, f};
    inner->drop();
  } else if (extras_->levels > 1) {  // the value is a ref itself: on to what that names
    auto next = *static_cast<object* const*>(inner->value);  // a ref is its pointer
    if (next) next->retain();
    inner->drop();
    forwarding_ = false;
    return forward(next, extras_->levels - 1);
  } else {
    keeper(*out_) = inner;
    how = {outcome::alias, inner->value};
  }
  settle(how);
}

// ---- parking ------------------------------------------------------------------------------------

void task::park() {
  seat& s = seat::mine();
  strand* me = parked_on_ = s.on;
  check_canary(*me);
  caf::intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  s.parking = this;
  s.running = nullptr;
  if (auto w = domain_->watching()) [[unlikely]]
    w->saw(moment::park, *this);
  const auto caught = swap_exceptions({});
  me->leave();
  swap_exceptions(caught);
  seat& now = seat::mine();
  now.running = this;
  parked_on_ = nullptr;
  if (auto w = domain_->watching()) [[unlikely]]
    w->saw(moment::resume, *this);
}

caf::resumable::resume_result task::resume(caf::execution_unit*, std::size_t) {
  drive(this);
  return done;
}

void resume_task(task* t) {
  drive(t);
  t->release();
}

void drive(task* first, bool ours) {
  report_overflows();
  seat& s = seat::mine();  // this runs on a thread's own stack, and stays on it
  bool is_first = true;    // the same task may come again, by another of its places
  for (task* t = first; t; t = std::exchange(s.handed, nullptr), is_first = false) {
    strand* on = t->take_woken();
    if (on == forward_ready()) t->finish_forwarding();
    else {
      task* begin = nullptr;
      if (!on && ((ours && is_first) || t->claim_it())) {
        begin = t;
        try {
          t->inside().may_fail(weak_point::stack);
          on = strand::take(t->stack_need());
        } catch (...) { t->settle_unstarted(std::current_exception()); }
      }
      if (on) {
        s.on = on;
        if (begin) on->enter(begin);
        else on->enter();
        if (task* p = std::exchange(s.parking, nullptr))
          p->left_stack();  // only now it is off its stack
        else strand::give_back(on);
        s.on = nullptr;
      }
    }
    if (!is_first) t->release();
    if (task* n = std::exchange(s.next, nullptr)) s.unit->exec_later(n);  // made ready by `parking`
  }
}

task* another_on(strand& on) {
  seat& s = seat::mine();
  for (;;) {
    if (!s.worker || s.visiting) return nullptr;
    caf::resumable* job = std::exchange(s.next, nullptr);
    if (job && ++s.lane->turns % 64 == 63 && !s.home->alone(*s.lane)) {
      s.unit->exec_later(job);  // a chain, too, lets others have a turn
      job = nullptr;
    }
    if (!job && !(job = s.home->next(*s.lane))) return nullptr;
    if (!is_task(*job)) {
      s.lane->urgent = job;
      return nullptr;
    }
    auto t = static_cast<task*>(job);
    if (t->is_woken() || t->stack_need() > on.promised() || t->is_private()) {
      s.handed = t;
      return nullptr;
    }
    if (t->claim_it()) {
      t->keep_place();
      return t;
    }
    t->release();  // somebody who needed its value has run it
  }
}

}  // namespace troupe::detail
