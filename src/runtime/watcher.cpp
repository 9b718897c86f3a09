// SPDX-License-Identifier: MIT
#include "runtime/watcher.hpp"

#include "runtime/failure.hpp"

namespace troupe::detail {

void observer::settles(const task& t, const outcome& how) noexcept {
  std::int64_t number = -1;
  if (how.is == outcome::failure) {
    auto& why = *static_cast<const failure*>(how.what);
    number = static_cast<std::int64_t>(why.kind_of());
    saw_failure(t, why);
  }
  saw(moment::settle, t, number);
}

}  // namespace troupe::detail
