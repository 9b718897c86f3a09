// SPDX-License-Identifier: MIT
#pragma once
#include "runtime/domain.hpp"
#include "testing/history.hpp"

namespace troupe::testing::detail {

// Tests what must hold of a runtime between two turns; more, if nothing is runnable. Throws
// std::logic_error with the first that does not. O(waits), and O(tasks) if nothing is runnable.
void check_invariants(troupe::detail::domain& d, const history& seen);

// What must hold when no runtime is left in the process.
void check_all_over();

}  // namespace troupe::testing::detail
