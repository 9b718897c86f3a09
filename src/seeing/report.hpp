// SPDX-License-Identifier: MIT
// A run as one page of HTML, which needs nothing but a browser.
#pragma once
#include "seeing/record.hpp"

#include <iosfwd>

namespace troupe::detail {

void write_report(const record& r, std::ostream& to);

}  // namespace troupe::detail
