// SPDX-License-Identifier: MIT
// A log as a trace in Chrome's JSON format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.
#pragma once
#include "seeing/merged_log.hpp"

#include <iosfwd>
#include <string>

namespace troupe::detail {

// A process for each node, with a lane for each thread, and on it a span for each time that a body runs there; arrows from where a task
// settles to where those begin that have its value as an input (`data`), and from a task's begin to its
// children's (`spawn`); a line of its own for each wait (`waits`: for arguments, resources, a worker; or
// parked), and for each value that comes from another node in pieces (`transfer`). Times ascend; a span lies within the one that it began in; each arrow has both ends. Beyond
// a million arrows there are no more, and it says so. Throws troupe::error if it cannot be written.
void write_trace(merged_log& l, const std::string& program, std::ostream& to);

}  // namespace troupe::detail
