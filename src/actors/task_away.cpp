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

bool task::may_travel() const {
  if (!type_.travels || type_.role != task_role::plain || stage_ != stage::pending || private_ ||
      is_woken() || out_->claim.load(std::memory_order_acquire) != claim::queued)
    return false;
  // its retries are made here, where a filter looks at what was thrown
  return !extras_ || (!extras_->feeds && !extras_->options.retry_on && extras_->asks.parts.empty());
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
  await_itself(1);
}

// Its inputs are there, and it has its place.
void task::leave_home() {
  out_->claim.store(claim::claimed);
  const auto where = extras_->away->where;
  set_out(where);
  where->offer(*this);
}

void task::bring(away_reply reply) {
  extras_->away->reply = std::move(reply);
  send_ready(*domain_, *this, nullptr);
}

verdict task::take_reply() {
  const away_reply reply = std::exchange(extras_->away->reply, {});
  if (reply.is == away_reply::failed) throw brought{reply.why, reply.broke, reply.unbegun};
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
