// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::app {

enum class verb { run, check, list, node, status, certs, help, version };

struct command {
  verb what = verb::help;
  std::string file;
  std::vector<std::string> sets;
  std::optional<std::string> workers;
  std::vector<std::string> words;  // of status and certs, after the verb
  std::vector<std::string> hosts;  // of certs issue
  int days = 365;                  // of certs
  bool json = false;               // of status
};

// The command line is not one of ours; says what is.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

command parse_command_line(
    const std::vector<std::string>& arguments);  // without the program's name
std::string options_help();

}  // namespace troupe::app
