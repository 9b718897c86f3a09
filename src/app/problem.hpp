// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace troupe::app {

struct problem {
  std::string origin;  // "file:line", "--set section.key" or a variable's name
  std::string key;     // "section.key", "[section]" or nothing
  std::string reason;

  std::string text() const {
    const bool named = key.empty() || origin.ends_with(" " + key);  // --set says it already
    return origin + ": " + (named ? "" : key + ": ") + reason;
  }
};

using problems = std::vector<problem>;

}  // namespace troupe::app
