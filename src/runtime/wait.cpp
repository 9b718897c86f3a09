// SPDX-License-Identifier: MIT
// get, wait and sleep_for: how a task's body or a program's thread waits for objects.
#include "runtime/wait.hpp"

#include "actors/client.hpp"
#include "actors/task.hpp"
#include "actors/ticks.hpp"
#include "runtime/domain.hpp"
#include "seeing/inspector.hpp"

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

// Who waits: the running task, by parking, or a program's thread, by sleeping.
struct parked_task {
  task& t;
  countdown& arrivals = t.arrivals;
  static constexpr auto stack = countdown::in_use;
  bool left = false;
  // A cancel that comes meanwhile ends the wait early.
  static body_wait at_work(call_site at) { return waits_at(at); }
  bool block(const std::int64_t*) {
    t.begin_wait();
    if (t.asked_to_end()) (void)arrivals.force();
    collect();
    t.end_wait();
    return true;
  }
  // The same, but it is not to be ended early.
  void waits_for_objects(bool begins) { t.waits_for_objects(begins); }
  void collect() {
    if ((left = !arrivals.due())) t.park();
  }
};
struct sleeping_thread {
  domain& d;
  client& c = client::mine(d);
  countdown& arrivals = c.arrivals;
  static constexpr auto stack = countdown::free;
  static constexpr bool left = false;
  static void waits_for_objects(bool) {}
  static body_wait at_work(call_site) { return {}; }
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
  bool collect() { return block(nullptr); }
};

caf::abstract_actor& who_is(const parked_task& w) { return w.t; }
caf::abstract_actor& who_is(const sleeping_thread& w) { return w.c; }

void set_limit(domain& d, sleeper& limit, caf::abstract_actor& who, std::int64_t until) {
  limit.due = until;
  limit.who = &who;
  limit.is = sleeper::limit;
  d.clock().actor().tell(sleep_msg{&limit});
}

// Waits for all of `total` arrivals of a wait that began with `missing`.
template <class Who> void collect_all(Who& who, std::int32_t missing, std::int32_t total) {
  while (who.arrivals.arrived(missing) != total) {
    missing = who.arrivals.extend(missing, total, who.left);
    who.collect();
  }
}

// Waits until `need` of the ones are sealed, or the time is up, or the runtime ends. Every wait
// comes back before this returns.
template <class Who> void wait_in(domain& d, Who who, object* const* objects, std::size_t count,
                                  std::size_t need, const std::int64_t* until, bool use_clock,
                                  call_site at) {
  body_waiter few[4];
  std::vector<body_waiter> many;
  std::size_t n = 0;
  for (std::size_t i = 0; i < count; ++i) n += objects[i]->is_sealed() ? 0 : 1;
  const std::size_t already = count - n;
  if (already >= need) return;
  body_waiter* waits = few;
  if (n > std::size(few)) {
    many = std::vector<body_waiter>(n);
    waits = many.data();
  }
  std::size_t made = 0;
  for (std::size_t i = 0; i < count && made < n; ++i)
    if (!objects[i]->is_sealed()) { waits[made++].wait_for(*objects[i], who_is(who), d.number()); }
  n = made;  // some may have been sealed meanwhile
  if (count - n >= need) return;
  auto missing = static_cast<std::int32_t>(need - (count - n));
  const body_wait body = Who::at_work(at);
  if constexpr (std::is_same_v<Who, parked_task>)
    if (auto w = d.observed_by()) [[unlikely]]
      for (std::size_t i = 0; i < n; ++i) w->saw_wait(&who.t, waits[i].awaited());
  who.arrivals.begin(missing, Who::stack);
  for (std::size_t i = 0; i < n; ++i) {
    waits[i].of_body = true;
    waits[i].body = &body;
    waits[i].to_spare = static_cast<std::uint32_t>(n) - static_cast<std::uint32_t>(missing);
    d.await(waits[i]);
  }
  sleeper limit;
  if (use_clock) set_limit(d, limit, who_is(who), *until);
  auto total = static_cast<std::int32_t>(n) + (use_clock ? 1 : 0);
  who.waits_for_objects(true);
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
    collect_all(who, missing, total);
  }
  who.waits_for_objects(false);
}

// Nobody has begun it, and its waiter can do nothing before it ends: it runs here and now. Only a
// child, which is to end when its waiter is: what is below it on the stack cannot go on before.
void run_on_this_stack(const task& me, object& o, seat& before) {
  domain& d = me.inside();
  if (!d.at_once() || o.home.load(std::memory_order_relaxed)->inside != &d || me.lets_others_in() ||
      !before.on->room_for(d.stack_size()) || !o.claim_it())
    return;
  if (!o.maker->is_child_of(me)) return o.maker->queue_again();
  const auto caught = before.swap_exceptions({});  // the child has none
  strand& on = *before.on;
  const nested_run here{const_cast<task*>(&me), on.nested};
  on.nested = &here;
  o.maker->run();
  on.nested = here.below;
  seat& s = seat::mine();
  s.swap_exceptions(caught);
  if (!s.lane) return;
  auto stale = [](caf::resumable* job) {
    return is_task(*job) && static_cast<task*>(job)->is_stale();
  };
  while (auto job = s.lane->jobs.pop_if(stale))
    static_cast<task*>(job)->release();  // the places of those run out of turn
}

// The same for a program's thread: on a strand, with a lane for what the body submits.
void run_as_guest(domain& d, object& o) {
  if (!d.at_once() || o.home.load(std::memory_order_relaxed)->inside != &d ||
      o.claim.load(std::memory_order_relaxed) != claim::queued)
    return;
  struct busy {
    gate* of;
    explicit busy(gate* g) : of(g) {
      if (of) of->enter_busy();
    }
    ~busy() {
      if (of) of->leave_busy();
    }
  } here{d.bound_gate()};
  if (!o.claim_it()) return;
  if (d.hub()->take_back(o.maker)) o.maker->keep_place();
  struct guest final : caf::execution_unit {
    guest(caf::actor_system& sys, job_hub& hub)
        : execution_unit(&sys),
          hub(hub),
          lane(hub.enter()) {
      hub.take_place();
    }
    ~guest() override {
      hub.leave(lane);
      hub.leave_place();
    }
    void exec_later(caf::resumable* job) override { hub.push(lane, job); }
    job_hub& hub;
    job_hub::lane& lane;
  } unit{d.system(), *d.hub()};
  seat& s = seat::mine();
  s.unit = &unit;
  s.home = &unit.hub;
  s.lane = &unit.lane;
  s.visiting = true;
  const auto caught = s.swap_exceptions({});  // the body may go on on another thread
  drive(o.maker, true);
  s.swap_exceptions(caught);
  s.unit = nullptr;
  s.home = nullptr;
  s.lane = nullptr;
  s.visiting = false;
}

// Until it is admitted or refused, or the wait was broken off (false).
template <class Who> bool enter_in(domain& d, Who who, entrance& e) {
  e.who = &who_is(who);
  constexpr std::int32_t missing = 1, total = 1;
  who.arrivals.begin(missing, Who::stack);
  d.bound_gate()->actor().tell(enter_msg{&e});
  if constexpr (Who::stack == countdown::in_use)
    if (&who.t.inside() != &d) who.t.inside().waits_at(*d.bound_gate());
  if (who.block(nullptr) && who.arrivals.arrived(missing) == total) return true;
  d.bound_gate()->actor().tell(withdraw_entry_msg{&e});
  collect_all(who, missing, total + 1);
  if (e.is == entry::state::admitted) d.bound_gate()->actor().tell(left_msg{e.bytes});
  return false;
}

template <class Who> void await_answers_in(Who who, std::size_t n,
                                           const std::function<void(caf::abstract_actor&)>& ask) {
  const auto answers = static_cast<std::int32_t>(n);
  who.arrivals.begin(answers, Who::stack);
  ask(who_is(who));
  if constexpr (std::is_same_v<Who, parked_task>) {
    who.collect();
    collect_all(who, answers, answers);
  } else if (!who.collect()) throw deadlock("nothing can go on, and the program waits for answers");
}

template <class Who> bool await_word_in(domain& d, Who who,
                                        const std::function<bool(caf::abstract_actor&)>& ask,
                                        const std::function<bool()>& take_back,
                                        const std::int64_t* until, bool use_clock) {
  std::int32_t missing = 1, total = 1;
  who.arrivals.begin(missing, Who::stack);
  if (!ask(who_is(who))) return true;
  sleeper limit;
  if (use_clock) {
    set_limit(d, limit, who_is(who), *until);
    ++total;
  }
  if (who.block(use_clock ? nullptr : until) && who.arrivals.arrived(missing) == total) return true;
  const bool without = take_back();
  if (without) --total;
  if (use_clock) {
    ++total;
    d.clock().actor().tell(wake_msg{&limit});
  }
  collect_all(who, missing, total);
  return !without;
}

template <class Who>
bool await_answer_in(Who who,
                     const std::function<void(caf::abstract_actor&, const body_wait&)>& ask,
                     const std::function<void(caf::abstract_actor&)>& withdraw) {
  constexpr std::int32_t missing = 1, total = 1;
  const body_wait body = Who::at_work({});
  who.arrivals.begin(missing, Who::stack);
  ask(who_is(who), body);
  const bool woken = who.block(nullptr);
  if (who.arrivals.arrived(missing) == total) return true;
  withdraw(who_is(who));
  collect_all(who, missing, total + 1);
  return woken;
}

}  // namespace

void refuse_waits() { refuse_waits(seat::mine()); }
void refuse_waits(const seat& s) {
  if (s.burying)
    throw error(
        "a value's destructor must not wait, nor a functor that is attached to a task: it runs on "
        "the "
        "stack of whoever dropped the last ref or settled the task, perhaps in the middle of "
        "another "
        "wait");
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

body_wait waits_at(call_site at) {
  const seat& s = seat::mine();
  s.running->inside().inspector().wake();
  return {at, s.on->nested, ticks()};
}

std::int64_t time_limit(domain& d, duration timeout) { return d.clock().after(timeout); }

bool await_word(domain& d, const std::function<bool(caf::abstract_actor&)>& ask,
                const std::function<bool()>& take_back, const std::int64_t* until) {
  task* me = seat::mine().running;
  if (!me) return await_word_in(d, sleeping_thread{d}, ask, take_back, until, false);
  if (until) d.clock().start();
  return await_word_in(d, parked_task{*me}, ask, take_back, until, until != nullptr);
}

bool await_answer(domain& d, const std::function<void(caf::abstract_actor&, const body_wait&)>& ask,
                  const std::function<void(caf::abstract_actor&)>& withdraw) {
  if (task* me = seat::mine().running) return await_answer_in(parked_task{*me}, ask, withdraw);
  return await_answer_in(sleeping_thread{d}, ask, withdraw);
}

bool pass_gate(domain& d, std::size_t bytes, bool only_try) {
  const seat& s = seat::mine();
  task* const me = s.running;
  if (s.burying || (s.worker && !me))
    throw error(
        "a submit to a runtime with a bound (max_unsettled_tasks, max_argument_bytes) may have to "
        "wait, which neither a value's destructor nor a CAF actor's handler can: submit in a task "
        "or in the program");
  entrance e;
  e.bytes = bytes;
  e.since = d.clock().now();
  e.only_try = only_try;
  e.of_task = me && &me->inside() == &d;
  e.party = (me ? me->inside() : d).number();
  const bool told = me ? enter_in(d, parked_task{*me}, e) : enter_in(d, sleeping_thread{d}, e);
  if (told && e.is == entry::state::admitted) return true;
  if (d.stopping()) throw cancelled("a submit was cancelled at the bound: the runtime was stopped");
  if (told && only_try) return false;
  if (me) me->refuse_if_asked();
  if (!me && !told)
    throw deadlock(
        "nothing can go on, and the program waits at the bound on unsettled tasks: raise "
        "max_unsettled_tasks or max_argument_bytes, or use try_submit");
  throw cancelled("a submit was cancelled while it waited at the bound");
}

namespace {
bool await_by_message(domain& d, object* const* objects, std::size_t count, std::size_t n,
                      const duration* timeout, call_site at) {
  if (sealed_of(objects, count) >= n) return true;
  refuse_waits();
  std::optional<std::int64_t> until;
  if (timeout) until = d.clock().after(*timeout);
  const bool all = n == count && !timeout;
  if (task* me = seat::mine().running) {
    me->refuse_if_asked();
    if (n == count)
      for (std::size_t i = 0; i < count; ++i)
        if (!objects[i]->is_sealed()) me->refuse_wait_for_itself(objects[i]);
    if (all && count > 1) {
      bool missing = false;
      for (std::size_t i = 0; i < count; ++i)
        if (!objects[i]->is_sealed()) {
          run_on_this_stack(*me, *objects[i], seat::mine());
          missing |= !objects[i]->is_sealed();
        }
      if (!missing) return true;
    }
    if (timeout) d.clock().start();
    if (all)
      for (std::size_t i = count, naps = 0; i-- > 0 && naps < 16;)
        if (!objects[i]->is_sealed()) {
          wait_in(d, parked_task{*me}, objects + i, 1, 1, nullptr, false, at), ++naps;
          if (!objects[i]->is_sealed()) break;  // asked to end
        }
    wait_in(d, parked_task{*me}, objects, count, n, until ? &*until : nullptr, timeout != nullptr,
            at);
  } else {
    if (auto w = d.observed_by()) [[unlikely]]
      for (std::size_t i = 0; i < count; ++i)
        if (!objects[i]->is_sealed()) w->saw_wait(nullptr, *objects[i]);
    if (all && count == 1) run_as_guest(d, *objects[0]);
    // The last one that is missing first: with luck the others are there by then, unasked. After
    // some naps, all that are missing.
    if (all)
      for (std::size_t i = count, naps = 0; i-- > 0 && naps < 16;)
        if (!objects[i]->is_sealed())
          wait_in(d, sleeping_thread{d}, objects + i, 1, 1, nullptr, false, at), ++naps;
    wait_in(d, sleeping_thread{d}, objects, count, n, until ? &*until : nullptr, false, at);
  }
  if (sealed_of(objects, count) >= n) return true;
  if (task* me = seat::mine().running) me->refuse_if_asked();
  if (d.closing()) throw cancelled("a wait was cancelled: the runtime ends");
  if (!timeout)
    throw deadlock("nothing can go on, and the program waits for a value that nobody will make");
  return false;
}
}  // namespace

bool await_object(domain& d, object* o, const duration* timeout, call_site at) {
  if (!timeout) {  // a get of a child, most often
    seat& s = seat::mine();
    refuse_waits(s);
    if (task* me = s.running) {
      me->refuse_if_asked();
      me->refuse_wait_for_itself(o);
      run_on_this_stack(*me, *o, s);
      if (o->is_sealed()) return true;
    }
  }
  return await_by_message(d, &o, 1, 1, timeout, at);
}

bool await_objects(domain& d, object* const* objects, std::size_t count, std::size_t n,
                   const duration* timeout, call_site at) {
  if (count == 1 && n == 1 && objects[0] && !objects[0]->is_sealed())
    return await_object(d, objects[0], timeout, at);
  return await_by_message(d, objects, count, n, timeout, at);
}

void sleep_in_task(domain& d, duration time) {
  task* me = seat::mine().running;
  if (!me) throw error("here() is for a running task: this thread runs none");
  refuse_waits();
  me->refuse_if_asked();
  if (time.count() <= 0) return;
  d.clock().start();
  sleeper s;
  s.due = d.clock().after(time);
  s.since = d.clock().now();
  s.who = me;
  if (auto w = d.observed_by()) [[unlikely]]
    w->saw(moment::sleep, *me, time.count());
  me->arrivals.begin(1, countdown::in_use);
  d.clock().actor().tell(sleep_msg{&s});
  parked_task who{*me};
  (void)who.block(nullptr);
  if (me->arrivals.arrived(1) != 1) {
    d.clock().actor().tell(wake_msg{&s});
    collect_all(who, 1, 2);
  }
  if (me->asked_to_end() || d.clock().now() < s.due) me->refuse_if_asked();
}

void throw_timed_out(duration timeout) {
  throw timed_out("not settled within " + in_words(timeout) + "; the task goes on");
}
void throw_empty_input() {
  throw error("a ref that names nothing: it was default-constructed or moved from");
}

}  // namespace troupe::detail
