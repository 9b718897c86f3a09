// SPDX-License-Identifier: MIT
#include "app/listing.hpp"

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

TEST_CASE("a list shows each key with default, help, type, unit and range") {
  workflow w{"demo", "Shows a list.", {}};
  w.duration("wait", std::chrono::milliseconds(1500), "how long to wait").unit("ms");
  w.size("chunk", 8192, "how much at once").at_least(1);
  w.choice<int>("output", {{"text", 0}, {"json", 1}}, "how to print");
  w.integer("top", 10, "how many").at_least(1).at_most(99).unit("words");
  const auto text = list_text({&w});
  CHECK(
      text.starts_with("[demo]  Shows a list.\n"
                       "  wait   = 1500 ms  how long to wait (duration in ms)\n"
                       "  chunk  = 8 KiB    how much at once (size in B, at least 1 B)\n"
                       "  output = text     how to print (choice: text|json)\n"
                       "  top    = 10       how many (integer in words, 1 to 99)\n"));
  CHECK(text.find("[runtime]") != text.npos);
  CHECK(text.find("workers             = 0 ") != text.npos);
}

TEST_CASE("help has the commands, the precedence, the exit codes and the workflows") {
  const workflow w{"demo", "Shows help.", {}};
  const auto text = help_text("prog", {&w});
  for (const auto* part :
       {"usage: prog run FILE", "prog check FILE", "prog list", "--set", "--workers",
        "TROUPE_SECTION__KEY", "Exit codes: 0", "demo  Shows help."})
    CHECK_MESSAGE(text.find(part) != text.npos, part);
}

}  // namespace
}  // namespace troupe::app
