// SPDX-License-Identifier: MIT
#pragma once

#include <troupe/app/key.hpp>

namespace troupe::app {

// Complains of what the tasks of this section ask for and [runtime] can never give. Precondition:
// each value is right by itself, and [runtime] too.
void check_tasks(const section& of, const settings& values, complaints& wrong);

}  // namespace troupe::app
