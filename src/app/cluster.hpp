// SPDX-License-Identifier: MIT
// What the program does with nodes: be one, ask them, make their certificates.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include <troupe/node.hpp>

#include "app/command_line.hpp"
#include "app/config.hpp"

namespace troupe::app {

// As [runtime] says; what it leaves open is settled here: the library would ask the environment again.
runtime_options options_of_runtime(const settings& values, const std::string& name);
node_options options_of_node(const settings& values);

// A run on a cluster: joins it, and waits for the first node. Nothing, if the config names none.
// Throws troupe::error.
std::optional<node> join_for_run(runtime& rt, const settings& values);

// Each returns the program's exit code. `out` is flushed when there is something to read.
int run_node(const configuration& config, const std::string& program, std::ostream& out);
int tell_status(const command& what, const settings& values, const std::string& program,
                std::ostream& out);
int make_certificates(const command& what, const std::string& program, std::ostream& out);

}  // namespace troupe::app
