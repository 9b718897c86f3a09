// SPDX-License-Identifier: MIT
// A body that returns a tuple: an object for each element.
#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

namespace troupe::detail {

// Nobody refers to the tuple itself: its object is kept by those of its elements, in one store, which
// takes the tuple in first.

void task::make_parts() {
  auto& parts = extras().parts;
  parts.reserve(type_.parts->count);
  shard& home = shard_of(*out_);
  while (parts.size() < type_.parts->count) {
    object* part = allocate_object(*domain_, value_type_of<void>, seat::mine());
    part->home.store(&home, std::memory_order_relaxed);
    part->maker = this;
    parts.push_back(part);
  }
  out_->split = 1;
  out_->refs.store(static_cast<std::uint32_t>(parts.size()), std::memory_order_relaxed);
}

// Gives the last one. Precondition: the tuple's object has been put.
object* task::settle_parts(outcome how) {
  const auto& parts = extras_->parts;
  const bool failed = how.is == outcome::failure;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    outcome part = how;
    if (failed) static_cast<const failure*>(how.what)->retain();
    else {
      keeper(*parts[i]) = out_;
      part = {outcome::alias, type_.parts->part(how.what, i)};
    }
    if (auto w = domain_->observed_by()) [[unlikely]]
      w->saw_put(*parts[i]);
    shard_of(*parts[i]).store->tell(put_msg{parts[i], part});
  }
  if (failed) {
    out_->refs.fetch_sub(static_cast<std::uint32_t>(parts.size()) - 1, std::memory_order_acq_rel);
    out_->drop();
  }
  return parts.back();
}

}  // namespace troupe::detail
