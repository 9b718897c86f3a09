// SPDX-License-Identifier: MIT
#include "app/terminal.hpp"

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

constexpr progress_style silent{false, false}, plain{true, false}, coloured{true, true};

TEST_CASE("progress is for terminals that can redraw, outside of CI") {
  CHECK(choose_style(true, nullptr, nullptr, "xterm") == coloured);
  CHECK(choose_style(false, nullptr, nullptr, "xterm") == silent);
  CHECK(choose_style(true, "true", nullptr, "xterm") == silent);
  CHECK(choose_style(true, "1", nullptr, "xterm") == silent);
  CHECK(choose_style(true, "", nullptr, "xterm") == coloured);
  CHECK(choose_style(true, "false", nullptr, "xterm") == coloured);
  CHECK(choose_style(true, nullptr, nullptr, "dumb") == silent);
  CHECK(choose_style(true, nullptr, nullptr, nullptr) == silent);
}

TEST_CASE("NO_COLOR takes the colour, not the progress; empty it says nothing") {
  CHECK(choose_style(true, nullptr, "1", "xterm") == plain);
  CHECK(choose_style(true, nullptr, "0", "xterm") == plain);
  CHECK(choose_style(true, nullptr, "", "xterm") == coloured);
}

TEST_CASE("each name has its line with done/total") {
  CHECK(progress_text({{"fetch", 2, 3, 0}, {"process", 0, 3, 1}}, false, 80, 24) ==
        std::vector<std::string>{"fetch    2/3", "process  0/3, 1 failed"});
}

TEST_CASE("colour marks what is done and what failed") {
  CHECK(progress_text({{"a", 3, 3, 0}, {"b", 1, 3, 0}, {"c", 3, 3, 1}}, true, 80, 24) ==
        std::vector<std::string>{"\x1b[32ma  3/3\x1b[0m", "b  1/3",
                                 "\x1b[31mc  3/3, 1 failed\x1b[0m"});
}

TEST_CASE("no line is longer than the screen, no name can steer the terminal") {
  const auto lines =
      progress_text({{std::string(200, 'x'), 1, 2, 0}, {"a\x1b[2J", 0, 1, 0}}, false, 80, 24);
  CHECK(lines[0] == std::string(30, 'x') + "  1/2");
  CHECK(lines[1].starts_with("a?[2J "));
}

TEST_CASE("a screen full of names is cut short") {
  std::vector<progress_line> many(100, {"n", 0, 1, 0});
  const auto lines = progress_text(many, false, 80, 24);
  REQUIRE(lines.size() == 23);
  CHECK(lines.back() == "  and 78 more names");
}

}  // namespace
}  // namespace troupe::app
