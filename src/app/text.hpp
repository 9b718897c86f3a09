// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::app {

std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string join(const std::vector<std::string>& words, std::string_view between);

// In single quotes, shortened to 60 bytes, with every byte that is not plain text escaped: safe to
// print on a terminal whatever a file holds.
std::string quoted(std::string_view text);

bool is_printable(std::string_view text);  // quoted() would show it as it is

// The names that `wrong` was probably meant to be, the nearest first, three at most.
std::vector<std::string> near_names(std::string_view wrong, const std::vector<std::string>& known);

// " (did you mean a or b?)"; when nothing is near, " (<what> are: a, b, c)".
std::string suggestion(std::string_view wrong, const std::vector<std::string>& known,
                       std::string_view what);

}  // namespace troupe::app
