// SPDX-License-Identifier: MIT
// Options from code, command line and environment.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace {
struct command_line {
  explicit command_line(std::vector<std::string> w)
      : words(std::move(w)),
        argc(static_cast<int>(words.size())) {
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
  }
  std::vector<std::string> left() const { return {argv.begin(), argv.begin() + argc}; }
  std::vector<std::string> words;
  int argc;
  std::vector<char*> argv;
};
struct environment {
  environment(const char* name, const char* value) : name(name) { ::setenv(name, value, 1); }
  ~environment() { ::unsetenv(name); }
  const char* name;
};
using words = std::vector<std::string>;
}  // namespace

TEST_CASE("the runtime takes its words out of argv and leaves the rest") {
  command_line c{{"program", "a", "--troupe-workers=3", "--mine=1", "--troupe-stack-size=524288",
                  "b", "--", "--troupe-workers=9"}};
  troupe::runtime rt{c.argc, c.argv.data(), {.workers = 2}};
  CHECK(rt.options().workers == 3);  // the command line goes before the code
  CHECK(rt.options().stack_size == 524288);
  CHECK(c.left() == words{"program", "a", "--mine=1", "b", "--", "--troupe-workers=9"});
  CHECK(c.argv[static_cast<std::size_t>(c.argc)] == nullptr);
}

TEST_CASE("the environment decides what code and command line leave open") {
  environment workers{"TROUPE_WORKERS", "3"}, stack{"TROUPE_STACK_SIZE", "131072"};
  CHECK(troupe::runtime{}.options().workers == 3);
  CHECK(troupe::runtime{}.options().stack_size == 131072);
  CHECK(troupe::runtime{{.workers = 2}}.options().workers == 2);
  command_line c{{"program", "--troupe-workers=1"}};
  CHECK(troupe::runtime{c.argc, c.argv.data()}.options().workers == 1);
  environment empty{"TROUPE_WORKERS", ""};
  CHECK(troupe::runtime{}.options().workers >= 1);
}

TEST_CASE("a near miss, a missing value and nonsense are errors that say what was meant") {
  auto says = [](const char* word, const char* part) {
    command_line c{{"program", word}};
    CHECK_THROWS_WITH_AS((troupe::runtime{c.argc, c.argv.data()}), doctest::Contains(part),
                         troupe::error);
  };
  says("--troupe-worker=2", "--troupe-workers");
  says("--troupe-stacksize=2", "--troupe-stack-size");
  says("--troup-workers=2", "--troupe-workers");
  says("-troupe-workers=2", "--troupe-workers");
  says("--troupe_workers=2", "--troupe-workers");
  says("--TROUPE-WORKERS=2", "--troupe-workers");
  says("--troupe-help", "there are --troupe-workers=N");
  says("--troupe-workers", "--troupe-workers=N");
  says("--troupe-workers=", "whole number");
  says("--troupe-workers=two", "two");
  says("--troupe-workers=-1", "-1");
  says("--troupe-workers=2.5", "2.5");
  says("--troupe-workers=99999999999999999999999", "--troupe-workers");
  says("--troupe-workers=201", "200");
  says("--troupe-stack-size=1", "--troupe-stack-size");
}

TEST_CASE("options out of range are errors that say where they came from") {
  CHECK_THROWS_WITH_AS((troupe::runtime{{.workers = 5000}}), doctest::Contains("5000"),
                       troupe::error);
  CHECK_THROWS_WITH_AS((troupe::runtime{{.stack_size = 1}}), doctest::Contains("1 bytes"),
                       troupe::error);
  CHECK_THROWS_AS((troupe::runtime{{.stack_size = std::size_t{1} << 40}}), troupe::error);
  environment bad{"TROUPE_WORKERS", "many"};
  CHECK_THROWS_WITH_AS(troupe::runtime{}, doctest::Contains("TROUPE_WORKERS"), troupe::error);
}

TEST_CASE("what is left open has a default") {
  troupe::runtime rt;
  CHECK(rt.options().workers >= 1);
  CHECK(rt.options().stack_size == 256 * 1024);
  CHECK(rt.options().name == "troupe");
  CHECK(rt.counts().empty());
  troupe::runtime named{{.workers = 1, .name = "mine"}};
  CHECK(named.options().name == "mine");
}
