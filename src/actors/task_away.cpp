// SPDX-License-Identifier: MIT
// A task that another node runs.
#include "actors/seat.hpp"
#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <troupe/detail/exported.hpp>

#include <algorithm>
#include <utility>

namespace troupe::detail {

// Also if it need not. Its retries are made here, where a filter looks at what was thrown.
bool task::may_leave() const {
  return type_.travels && type_.role == task_role::plain && !is_private() &&
         (!extras_ || (!extras_->feeds && !extras_->options.retry_on));
}

// One that asks for resources leaves before it has them.
bool task::may_travel() const {
  return stage_ == stage::pending && !is_woken() &&
         out_->claim.load(std::memory_order_acquire) == claim::queued && may_leave() &&
         (!extras_ || extras_->asks.parts.empty());
}

std::int64_t task::time_left() const {
  if (!extras_ || extras_->options.deadline <= duration::zero()) return 0;
  return std::max<std::int64_t>(1, extras_->deadline.due - domain_->clock().now());
}

void task::set_out(std::shared_ptr<outside> where) {
  task_extras& x = extras();
  if (!x.away) x.away = std::make_unique<away_state>();
  x.away->where = std::move(where);
  x.away->reply = {};
  stage_ = stage::away;
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::away, *this);
  await_itself(1);
}

bool task::may_follow() const {
  if (!type_.travels || !type_.travels->by_refs || type_.role != task_role::plain) return false;
  return must_leave() || (may_leave() && (!extras_ || extras_->asks.parts.empty()));
}

// Its inputs are there, or it is known where they are; and it has its place.
bool task::leave_home() {
  const auto where = must_leave() ? extras_->away->where : domain_->outside();
  out_->claim.store(claim::claimed);
  if (!where) return fetch_inputs();
  set_out(where);
  where->offer(*this);
  return true;
}

// It was waiting for resources, and has been told to look for them elsewhere. False: it is to end.
bool task::leave_for_resources() {
  task_extras& x = *extras_;
  x.asks.leaves = x.asked = false;
  if (is_to_end() || domain_->stopping()) return false;
  const auto where = domain_->outside();
  if (!where) {
    ask_resources();
    return true;
  }
  out_->claim.store(claim::claimed);
  set_out(where);
  where->offer(*this);
  return true;
}

// True: it does not run now. For another try of what must leave; or it has come back, and its inputs
// are to come as well.
bool task::goes_elsewhere() {
  if (asked_to_end() || domain_->stopping()) return false;
  const bool leaves = must_leave() && stage_ != stage::away && stage_ != stage::fetching,
             waits = follows() && stage_ == stage::away && !has_reply();
  if (!leaves && !waits) return false;
  intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  if (leaves ? leave_home() : fetch_inputs()) return true;
  caf::intrusive_ptr_release(ctrl());
  return false;
}

// Waits for the values themselves of those inputs that are elsewhere. False: all are here.
bool task::fetch_inputs() {
  family().follows.store(false, std::memory_order_relaxed);
  std::vector<waiter*> missing;
  const auto look = [&](waiter& w) {
    if (!w.awaited().is_sealed()) missing.push_back(&w);
  };
  const std::size_t direct = std::min<std::size_t>(family().awaited, type_.inputs);
  for (std::size_t i = 0; i < direct; ++i) look(inputs()[i]);
  for (waiter& w : extras().more) look(w);
  if (missing.empty()) return false;
  stage_ = stage::fetching;
  await_itself(static_cast<std::int32_t>(missing.size()));
  for (waiter* w : missing) {
    w->answered.store(false, std::memory_order_relaxed);
    w->follows = false;
    domain_->await(*w);
  }
  if (arm()) schedule();
  return true;
}

void task::tell_served(bool waits) {
  if (auto where = domain_->outside()) where->served_waits(waits);
}

// From now on the runtime's end waits for it as for a set.
void task::count_out() {
  if (std::exchange(extras_->away->rests, true)) return;
  domain_->set_stands();
  domain_->ended(seat::mine());
}

// It has settled; what its value refers to may be lost, and then it is run again elsewhere.
void task::keep_call() {
  count_out();
  const auto where = extras_->away->where;
  intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  set_out(where);
  where->keeps_call(*this, true);
  is_away();
}
void task::give_up_call() {
  extras_->away->keeps_call = false;
  extras_->away->where->keeps_call(*this, false);
}
void task::forget_call() {
  extras_->away->keeps_call = false;
  destroy_call();
  finish();
}

void task::rest() {
  family().settled.store(true, std::memory_order_release);
  seat& s = seat::mine();
  domain_->settled(*this, {outcome::value, nullptr}, s);
  count_out();
  out_->found_elsewhere();
  hold_memory(out_);
  shard_of(*out_).resolver->tell(elsewhere_msg{out_});
}

void task::bring(away_reply reply) {
  extras_->away->reply = std::move(reply);
  send_ready(*domain_, *this, nullptr);
}

verdict task::take_reply() {
  const away_reply reply = std::exchange(extras_->away->reply, {});
  if (reply.is == away_reply::failed) throw brought{reply.why, reply.broke, reply.unbegun};
  extras_->away->keeps_call = reply.keep;
  if (reply.is == away_reply::in_place) return {};
  const known_function& f = type_.travels->function();
  decoder from{reply.bytes, reply.refs.get()};
  if (type_.role == task_role::method && turn().of->saves && !turn().only_reads)
    take_snapshot(from, reply);
  if (f.levels == 0) {
    f.result->read(from, out_->storage());
    return {};
  }
  object* given = nullptr;  // a ref is its pointer
  f.result->read(from, &given);
  return {verdict::forward, given, f.levels};
}

}  // namespace troupe::detail
