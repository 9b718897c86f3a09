// SPDX-License-Identifier: MIT
#pragma once

#include <ostream>
#include <string>

#include "app/config.hpp"

namespace troupe::app {

// Runs the chosen workflow of a configuration without errors; returns the exit code. Throws
// output_error when stdout fails.
int run_workflow(const configuration& config, const std::string& program, std::ostream& out);

}  // namespace troupe::app
