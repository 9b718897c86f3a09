// SPDX-License-Identifier: MIT
#include "runtime/watcher.hpp"

#include "runtime/failure.hpp"

namespace troupe::detail {

void watcher::settles(const task& t, outcome how) noexcept {
  std::int64_t number = -1;
  if (how.is == outcome::failure)
    number = static_cast<std::int64_t>(static_cast<const failure*>(how.what)->kind_of());
  saw(moment::settle, t, number);
}

}  // namespace troupe::detail
