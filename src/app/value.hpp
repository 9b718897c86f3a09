// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <troupe/app/key.hpp>

namespace troupe::app {

// Why a text is no value of a key.
struct bad_value : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws bad_value with a reason that also says what would do.
value parse_value(const key_spec& spec, std::string_view text);

std::string to_text(const key_spec& spec, const value& v);  // as one would write it in a file
std::string type_name(kind type);

}  // namespace troupe::app
