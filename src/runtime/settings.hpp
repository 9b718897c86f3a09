// SPDX-License-Identifier: MIT
#pragma once
#include <troupe/options.hpp>

#include <cstddef>
#include <string_view>

namespace troupe::detail {

// What the options leave open, from the command line (whose --troupe- words are taken out), the
// environment and the defaults. Throws troupe::error for what is out of range, misspelt or no
// number.
// Throws troupe::error if the name says no kind that there is.
void check_file_kind(const std::string& file, bool graph);
runtime_options settle_options(runtime_options options, int* argc = nullptr, char** argv = nullptr);
void check_stack_size(std::size_t bytes, const char* where);

// Between two words: to add, drop or change.
std::size_t letters_to_change(std::string_view a, std::string_view b);

}  // namespace troupe::detail
