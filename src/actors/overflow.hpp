// SPDX-License-Identifier: MIT
#pragma once

namespace troupe::detail {

// From now on the calling thread reports a body that overflows its stack, with the task's name, the
// stack's size and the option that raises it, and ends the program. Other faults go where they went
// before. Cheap when repeated.
void report_overflows();
// The same report, for a stack without a guard whose end was found overwritten.
[[noreturn]] void overflowed();

}  // namespace troupe::detail
