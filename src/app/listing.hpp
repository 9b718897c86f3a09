// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <troupe/app/key.hpp>

namespace troupe::app {

std::string usage_text(const std::string& program);
std::string help_text(const std::string& program, const std::vector<const workflow*>& known);

// Each workflow and each of its keys: type, default, unit, help.
std::string list_text(const std::vector<const workflow*>& known);

}  // namespace troupe::app
