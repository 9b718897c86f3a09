// SPDX-License-Identifier: MIT
// What a task awaits for itself, not for its body: resources, another try, what the body returned or
// its coroutine awaits.
#include "actors/seat.hpp"
#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "runtime/requirements.hpp"
#include "seeing/inspector.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace troupe::detail {

void task::await_object(object& o) {
  waiter& w = extras().own;
  intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  w.answered.store(false, std::memory_order_relaxed);
  w.wait_for(o, *this, domain_->number());
  if (auto by = domain_->observed_by()) [[unlikely]]
    by->saw_wait(this, o);
  domain_->inspector().wake();
  await_itself(1);
  domain_->await(w);
  if (arm()) schedule();
}

// Its waits are registered. True: they are over, or it is asked to end; false: whoever finds that
// out goes on with it. Until this is called nobody does, so that no withdraw goes before its wait,
// and what registers them touches a task that is alive.
bool task::arm() {
  begin_wait();
  if (asked_to_end()) (void)arrivals.force();
  return arrivals.leave();
}

void task::await_itself(std::int32_t n) {
  task_extras& x = extras();
  x.missing = x.total = n;
  x.taken_back = false;
  arrivals.begin(n, countdown::in_use);
}

bool task::go_on() {
  end_wait();
  switch (stage_) {
    case stage::forwarding: finish_forwarding(); return false;
    case stage::unbegun:
    case stage::leaving: leave(); return false;
    case stage::away:  // nobody has taken it
    case stage::backing_off:
      if (!take_back()) return false;
      if (!wants_resources() || is_to_end() || domain_->stopping()) return true;
      if (stage_ == stage::away && (has_reply() || must_leave() || keeps_call())) return true;
      ask_resources();
      return false;
    default: return take_back();
  }
}

// Nothing of what it awaits for itself is on its way any more. False: it will be scheduled again.
bool task::take_back() {
  task_extras& x = extras();
  if (x.missing == 0) x.missing = x.total = static_cast<std::int32_t>(family().awaited);
  auto give_up = [&](waiter& w) {
    if (w.answered.load(std::memory_order_relaxed)) return;
    ++x.total;
    shard_of(w.awaited()).resolver->tell(withdraw_msg{&w});
  };
  if (arrivals.arrived(x.missing) != x.total && !std::exchange(x.taken_back, true)) {
    if (stage_ == stage::forwarding || stage_ == stage::suspended) give_up(x.own);
    else if (stage_ == stage::away) {
      ++x.total;
      x.away->where->recall(*this);
    } else if (stage_ == stage::backing_off) {
      ++x.total;
      domain_->clock().actor().tell(wake_msg{&x.back_off});
    } else if (stage_ == stage::readmitting || x.asked) {
      ++x.total;
      domain_->admission()->tell(withdraw_ask_msg{&x.asks});
    } else {
      const std::size_t direct = std::min<std::size_t>(family().awaited, type_.inputs);
      for (std::size_t i = 0; i < direct; ++i) give_up(inputs()[i]);
      for (waiter& w : x.more) give_up(w);
    }
  }
  while (arrivals.arrived(x.missing) != x.total) {
    intrusive_ptr_add_ref(ctrl());  // for the next place in a queue
    if (arrivals.extend(x.missing, x.total)) return false;
    caf::intrusive_ptr_release(ctrl());
  }
  return true;
}

// ---- resources ----------------------------------------------------------------------------------

bool task::wants_resources() const {
  return extras_ && !extras_->asked && !extras_->asks.parts.empty();
}

void task::ask_resources() {
  task_extras& x = *extras_;
  x.asked = true;
  const bool first = stage_ == stage::pending, came_back = stage_ == stage::away;
  if (!came_back) {  // else it keeps its place
    x.asks.since = domain_->clock().now();
    x.asks.key = x.asks.since - advance_of(x.options.priority);
  }
  x.asks.leaves = false;
  x.asks.may_leave = first && domain_->is_node() && may_leave();
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::asks, *this);
  stage_ = first ? stage::admitting : stage::readmitting;
  if (!first) intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  await_itself(1);
  domain_->admission()->tell(ask_resources_msg{&x.asks});
  if (!arm()) return;
  if (!first || arrivals.arrived(x.missing) == x.total) schedule();
  else end_unbegun(family().asked_in_all(), false);
}

void task::give_back_resources() {
  task_extras& x = *extras_;
  if (!std::exchange(x.asked, false)) return;  // the ledger may not yet have seen it given back
  if (x.asks.is == resource_ask::state::held) domain_->admission()->tell(give_back_msg{&x.asks});
}

// ---- another try --------------------------------------------------------------------------------

bool task::deserves_retry() {
  try {
    throw;
  } catch (const cancelled&) { return false; } catch (const deadline_exceeded&) {
    return false;
  } catch (...) {
    const error_filter filter = extras_->options.retry_on;
    try {
      return !filter || filter();
    } catch (...) { return false; }
  }
}

duration wait_before(unsigned attempt, const retry_backoff& b) {
  if (b.first == duration::zero()) return b.first;  // also of a power that is infinite
  const double grown = static_cast<double>(b.first.count()) * std::pow(b.factor, attempt - 2);
  if (grown >= static_cast<double>(b.most.count())) return b.most;
  return duration{static_cast<std::int64_t>(grown)};
}

void task::back_off() {
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::retry, *this);
  task_extras& x = *extras_;
  const duration wait = wait_before(x.attempt + 1, x.options.backoff);
  ++x.attempt;
  stage_ = stage::backing_off;
  intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  domain_->clock().start();
  x.back_off.due = domain_->clock().after(wait);
  x.back_off.since = domain_->clock().now();
  await_itself(1);
  domain_->clock().actor().tell(sleep_msg{&x.back_off});
  if (arm()) schedule();
}

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
  if (inner->is_sealed()) return settle_as_inner();
  stage_ = stage::forwarding;
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::gives, *this);
  await_object(*inner);
}

void task::finish_forwarding() {
  if (take_back()) settle_as_inner();
}

void task::settle_as_inner() {
  object* inner = std::exchange(extras_->inner, nullptr);
  outcome how;
  const auto why = kin::any_standing() ? family().asked_in_all() : kin::no;
  if (why != kin::no || !inner->is_sealed()) {  // not sealed: the runtime ends
    how = {outcome::failure, why != kin::no ? early_end(why) : domain_->ended_early(*this)};
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
    return forward(next, extras_->levels - 1);
  } else {
    keeper(*out_) = inner;
    how = {outcome::alias, inner->value};
  }
  settle(how);
}

// ---- a coroutine that awaits ----------------------------------------------------------------------

void task::finish_feeding(const failure* failed) noexcept {
  if (auto c = std::exchange(extras_->feeds, nullptr)) finish_stream(*c, failed);
}

// It has begun, and runs again on any strand.
void task::suspend(object& on) {
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::park, *this);
  stage_ = stage::suspended;
  waits_for_objects(true);
  if (lets_others_in()) [[unlikely]]
    let_others_in();
  await_object(on);
}

}  // namespace troupe::detail
