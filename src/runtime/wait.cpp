// SPDX-License-Identifier: MIT
// get, wait and sleep_for: how a task's body or a program's thread waits for objects.
#include "runtime/wait.hpp"

#include "actors/client.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace troupe::detail {

namespace {

std::size_t sealed_of(object* const* objects, std::size_t count) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!objects[i]) throw_empty_input();
    n += objects[i]->is_sealed() ? 1 : 0;
  }
  return n;
}

std::int64_t later(std::int64_t now, duration time) {
  const auto t = std::max<std::int64_t>(time.count(), 0);
  return t > timers::never - 1 - now ? timers::never - 1 : now + t;
}

// Who waits: the running task, by parking, or a program's thread, by sleeping.
struct parked_task {
  task& t;
  countdown& arrivals = t.arrivals;
  static constexpr auto stack = countdown::in_use;
  bool left = false;
  bool block(const std::int64_t*) {
    if (arrivals.due()) {
      left = false;
      return true;
    }
    t.park();
    return left = true;
  }
};
struct sleeping_thread {
  domain& d;
  client& c = client::mine(d);
  countdown& arrivals = c.arrivals;
  static constexpr auto stack = countdown::free;
  static constexpr bool left = false;
  bool block(const std::int64_t* until) {
    if (d.at_once()) {
      if (!until) return c.block(nullptr);
      const client::clock::time_point t{std::chrono::nanoseconds{*until}};
      return c.block(&t);
    }
    while (!arrivals.due())
      if (!d.step(until ? *until : timers::never)) { return false; }
    return true;
  }
};

caf::abstract_actor& who_is(const parked_task& w) { return w.t; }
caf::abstract_actor& who_is(const sleeping_thread& w) { return w.c; }

// Waits until `need` of the ones are sealed, or the time is up, or the runtime ends. Every wait
// comes back before this returns.
template <class Who> void wait_in(domain& d, Who who, object* const* objects, std::size_t count,
                                  std::size_t need, const std::int64_t* until, bool use_clock) {
  waiter few[4];
  std::vector<waiter> many;
  std::size_t n = 0;
  for (std::size_t i = 0; i < count; ++i) n += objects[i]->is_sealed() ? 0 : 1;
  const std::size_t already = count - n;
  if (already >= need) return;
  waiter* waits = few;
  if (n > std::size(few)) {
    many = std::vector<waiter>(n);
    waits = many.data();
  }
  std::size_t made = 0;
  for (std::size_t i = 0; i < count && made < n; ++i)
    if (!objects[i]->is_sealed()) { waits[made++].wait_for(*objects[i], who_is(who), d.number()); }
  n = made;  // some may have been sealed meanwhile
  if (count - n >= need) return;
  auto missing = static_cast<std::int32_t>(need - (count - n));
  who.arrivals.begin(missing, Who::stack);
  for (std::size_t i = 0; i < n; ++i) d.await(waits[i]);
  sleeper limit;
  if (use_clock) {
    limit.due = *until;
    limit.who = &who_is(who);
    limit.expires = true;
    d.clock().actor().tell(sleep_msg{&limit});
  }
  auto total = static_cast<std::int32_t>(n) + (use_clock ? 1 : 0);
  if (!who.block(use_clock ? nullptr : until) || who.arrivals.arrived(missing) != total) {
    for (std::size_t i = 0; i < n; ++i)
      if (!waits[i].answered.load(std::memory_order_relaxed)) {
        ++total;
        shard_of(waits[i].awaited()).resolver->tell(withdraw_msg{&waits[i]});
      }
    if (use_clock) {
      ++total;
      d.clock().actor().tell(wake_msg{&limit});
    }
    while (who.arrivals.arrived(missing) != total) {
      missing = who.arrivals.extend(missing, total, who.left);
      who.block(nullptr);
    }
  }
}

// Nobody has begun it, and its waiter can do nothing before it ends: it runs here and now.
void run_on_this_stack(domain& d, object& o) {
  if (!d.at_once() || o.home.load(std::memory_order_relaxed)->inside != &d ||
      !seat::mine().on->room_for(d.stack_size()) || !o.claim_it())
    return;
  const auto caught = swap_exceptions({});  // the child has none
  o.maker->run();
  swap_exceptions(caught);
  seat& s = seat::mine();
  if (!s.worker) return;
  auto stale = [](caf::resumable* job) {
    return is_task(*job) && static_cast<task*>(job)->is_stale();
  };
  while (auto job = s.lane->jobs.pop_if(stale))
    static_cast<task*>(job)->release();  // the places of those run out of turn
}

// The same for a program's thread: on a strand, with a lane for what the body submits.
void run_as_guest(domain& d, object& o) {
  if (!d.at_once() || o.home.load(std::memory_order_relaxed)->inside != &d || !o.claim_it()) return;
  struct guest final : caf::execution_unit {
    guest(caf::actor_system& sys, job_hub& hub)
        : execution_unit(&sys),
          hub(hub),
          lane(hub.enter()) {}
    ~guest() override { hub.leave(lane); }
    void exec_later(caf::resumable* job) override { hub.push(lane, job); }
    job_hub& hub;
    job_hub::lane& lane;
  } unit{d.system(), *d.hub()};
  seat& s = seat::mine();
  s.unit = &unit;
  s.home = &unit.hub;
  s.lane = &unit.lane;
  s.visiting = true;
  const auto caught = swap_exceptions({});  // the body may go on on another thread
  drive(o.maker, true);
  swap_exceptions(caught);
  s.unit = nullptr;
  s.home = nullptr;
  s.lane = nullptr;
  s.visiting = false;
}

template <class Who> void await_answers_in(Who who, std::size_t n,
                                           const std::function<void(caf::abstract_actor&)>& ask) {
  who.arrivals.begin(static_cast<std::int32_t>(n), Who::stack);
  ask(who_is(who));
  if (!who.block(nullptr)) throw deadlock("nothing can go on, and the program waits for answers");
}

}  // namespace

void refuse_waits() {
  const seat& s = seat::mine();
  if (s.burying)
    throw error(
        "a value's destructor must not wait: it runs on the stack of whoever dropped the last ref, "
        "perhaps in the middle of another wait");
  if (s.worker && !s.running)
    throw error(
        "a wait inside a CAF actor's handler would block its worker: submit a task that takes the "
        "ref as an argument, or wait in the program");
}

void await_answers(domain& d, std::size_t n, const std::function<void(caf::abstract_actor&)>& ask,
                   bool may_park) {
  if (task* me = seat::mine().running; me && may_park)
    return await_answers_in(parked_task{*me}, n, ask);
  await_answers_in(sleeping_thread{d}, n, ask);
}

bool await_objects(domain& d, object* const* objects, std::size_t count, std::size_t n,
                   const duration* timeout) {
  if (sealed_of(objects, count) >= n) return true;
  refuse_waits();
  std::optional<std::int64_t> until;
  if (timeout) until = later(d.clock().now(), *timeout);
  const bool all = n == count && !timeout;
  seat& s = seat::mine();
  if (task* me = s.running) {
    if (all)
      for (std::size_t i = 0; i < count; ++i)
        if (!objects[i]->is_sealed()) run_on_this_stack(d, *objects[i]);
    if (timeout) d.clock().start();
    if (all)
      for (std::size_t i = count, naps = 0; i-- > 0 && naps < 16;)
        if (!objects[i]->is_sealed())
          wait_in(d, parked_task{*me}, objects + i, 1, 1, nullptr, false), ++naps;
    wait_in(d, parked_task{*me}, objects, count, n, until ? &*until : nullptr, timeout != nullptr);
  } else {
    if (all && count == 1) run_as_guest(d, *objects[0]);
    // The last one that is missing first: with luck the others are there by then, unasked. After
    // some naps, all that are missing.
    if (all)
      for (std::size_t i = count, naps = 0; i-- > 0 && naps < 16;)
        if (!objects[i]->is_sealed())
          wait_in(d, sleeping_thread{d}, objects + i, 1, 1, nullptr, false), ++naps;
    wait_in(d, sleeping_thread{d}, objects, count, n, until ? &*until : nullptr, false);
  }
  if (sealed_of(objects, count) >= n) return true;
  if (d.closing()) throw cancelled("a wait was cancelled: the runtime ends");
  if (!timeout)
    throw deadlock("nothing can go on, and the program waits for a value that nobody will make");
  return false;
}

void sleep_in_task(domain& d, duration time) {
  task* me = seat::mine().running;
  if (!me) throw error("here() is for a running task: this thread runs none");
  refuse_waits();
  if (d.closing()) throw cancelled("a sleep was cancelled: the runtime ends");
  if (time.count() <= 0) return;
  d.clock().start();
  sleeper s;
  s.due = later(d.clock().now(), time);
  s.who = me;
  if (auto w = d.watching()) [[unlikely]]
    w->saw(moment::sleep, *me, time.count());
  me->arrivals.begin(1, countdown::in_use);
  d.clock().actor().tell(sleep_msg{&s});
  parked_task{*me}.block(nullptr);
  if (d.closing() && d.clock().now() < s.due)
    throw cancelled("a sleep was cancelled: the runtime ends");
}

void throw_timed_out(duration timeout) {
  throw timed_out("not settled within " +
                  std::to_string(std::chrono::duration<double>(timeout).count()) +
                  " s; the task goes on");
}
void throw_bad_wait(std::size_t n, std::size_t count) {
  throw error("wait for " + std::to_string(n) + " of " + std::to_string(count) +
              " refs: there are not so many");
}
void throw_empty_input() {
  throw error("a ref that names nothing: it was default-constructed or moved from");
}

}  // namespace troupe::detail
