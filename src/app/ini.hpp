// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "app/problem.hpp"

// The pass over a config file before Boost.Program_options reads it: that parser cuts a value at
// any '#', knows no line numbers, stumbles over a byte order mark and forgets empty sections.
//
//   # a comment; so is a line that begins with ';'
//   [section]
//   key = value            # a '#' after a blank begins a comment, one inside a word does not
//   key = "# as it stands" # a value in double quotes is taken as it stands
namespace troupe::app {

struct ini_entry {
  std::string section, key, text;
  std::size_t line;
};

struct ini_section {
  std::string name;
  std::size_t line;
};

struct ini_document {
  std::vector<ini_entry> entries;     // each key once
  std::vector<ini_section> sections;  // each section once, where it begins first
  problems errors;
};

constexpr std::size_t max_config_size = 1 << 20;
constexpr std::size_t max_config_line = 4096;

// `file` is how the errors call it. Never throws for what the text holds.
ini_document read_ini(std::string_view text, const std::string& file);

}  // namespace troupe::app
