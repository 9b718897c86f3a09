// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <troupe/options.hpp>

namespace troupe::app {

// Items as in a config file: a name, a blank, an amount ("gpu 2"). Throws bad_value.
resource_map parse_resources(const std::vector<std::string>& items);
std::vector<std::string> resource_items(const resource_map& resources);  // the other way

}  // namespace troupe::app
