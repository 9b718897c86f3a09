// SPDX-License-Identifier: MIT
// The files that a runtime writes of what it has seen.
#pragma once
#include "seeing/log.hpp"

#include <troupe/options.hpp>

namespace troupe::detail {

inline bool is_logged(const runtime_options& o) {
  return !o.trace.empty() || !o.graph.empty() || !o.report.empty();
}
// When nothing is logged any more. What cannot be written is said on stderr.
void write_what_was_seen(log& l, const runtime_options& options) noexcept;

}  // namespace troupe::detail
