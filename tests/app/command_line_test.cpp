// SPDX-License-Identifier: MIT
#include "app/command_line.hpp"

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

std::string why_not(const std::vector<std::string>& arguments) {
  try {
    parse_command_line(arguments);
    return "accepted";
  } catch (const usage_error& e) { return e.what(); }
}

TEST_CASE("run and check take a file and any number of --set") {
  const auto c =
      parse_command_line({"run", "--set", "a.b=1", "f.ini", "--set=c.d=x y", "--workers", "3"});
  CHECK(c.what == verb::run);
  CHECK(c.file == "f.ini");
  CHECK(c.sets == std::vector<std::string>{"a.b=1", "c.d=x y"});
  CHECK(c.workers == "3");
  CHECK(parse_command_line({"check", "f.ini"}).what == verb::check);
}

TEST_CASE("help and version go before everything else") {
  CHECK(parse_command_line({"--help"}).what == verb::help);
  CHECK(parse_command_line({"run", "-h"}).what == verb::help);
  CHECK(parse_command_line({"--version"}).what == verb::version);
  CHECK(parse_command_line({"list"}).what == verb::list);
}

TEST_CASE("a wrong command line says what is wrong and what was meant") {
  CHECK(why_not({}) == "say what to do: run, check or list");
  CHECK(why_not({"rnu", "f"}) == "there is no command 'rnu' (did you mean run?)");
  CHECK(why_not({"zzzzz"}) == "there is no command 'zzzzz' (commands are: run, check, list)");
  CHECK(why_not({"run"}) == "run needs a config file");
  CHECK(why_not({"run", "f", "g"}) == "run does not take 'g' as well");
  CHECK(why_not({"list", "f"}) == "list does not take 'f' as well");
  CHECK(why_not({"list", "--workers", "1"}) == "list takes no --set and no --workers");
  CHECK(why_not({"run", "f", "--worker", "2"}) ==
        "there is no option '--worker' (did you mean --workers?)");
  CHECK(why_not({"run", "f", "--set"}) == "--set needs a value");
  CHECK(why_not({"run", "f", "--workers", "1", "--workers", "2"}) == "--workers is given twice");
}

}  // namespace
}  // namespace troupe::app
