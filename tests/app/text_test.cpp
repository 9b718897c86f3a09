// SPDX-License-Identifier: MIT
#include "app/text.hpp"

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

const std::vector<std::string> names{"sources", "fetch", "process", "aggregate", "workers"};

TEST_CASE("a slip of the hand finds the name that was meant") {
  for (const auto* slip : {"fetsh", "ftech", "fetc", "Fetch", "FETCH", "ffetch", "fetch_delay"})
    CHECK(near_names(slip, names) == std::vector<std::string>{"fetch"});
}

TEST_CASE("the nearest name comes first, three at most") {
  CHECK(near_names("merge", {"merged", "verges", "emerge", "marge", "fetch"}) ==
        std::vector<std::string>{"emerge", "marge", "merged"});
  CHECK(near_names("merge", {"marge", "Merge"}) == std::vector<std::string>{"Merge"});
}

TEST_CASE("what is like nothing gets all the names there are") {
  CHECK(suggestion("zzzzzz", names, "keys") ==
        " (keys are: sources, fetch, process, aggregate, workers)");
  CHECK(suggestion("sorces", names, "keys") == " (did you mean sources?)");
  CHECK(suggestion("x", {}, "keys").empty());
}

TEST_CASE("names of any length are compared in bounded time") {
  CHECK(near_names(std::string(100'000, 'x'), names).empty());
  CHECK(near_names("", names).empty());
}

TEST_CASE("quoted text is safe on a terminal and short") {
  CHECK(quoted("a b") == "'a b'");
  CHECK(quoted("\x1b[2J\n") == "'\\x1b[2J\\x0a'");
  CHECK(quoted(std::string(61, 'x')) == "'" + std::string(60, 'x') + "...'");
}

}  // namespace
}  // namespace troupe::app
