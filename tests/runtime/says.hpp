// SPDX-License-Identifier: MIT
// CHECK_SAYS(expression, type, words): it throws such an exception, whose text has these words.
#pragma once
#include <doctest/doctest.h>

#include <exception>
#include <string>
#include <string_view>

namespace test {
inline bool says(const std::exception& e, std::string_view words) {
  return std::string_view{e.what()}.find(words) != std::string_view::npos;
}
}  // namespace test

#define CHECK_SAYS(expression, type, words) \
  try {                                     \
    (void)(expression);                     \
    FAIL_CHECK("it throws");                \
  } catch (const type& e) { CHECK_MESSAGE(test::says(e, words), std::string(e.what())); }
