// SPDX-License-Identifier: MIT
#include <cstdio>

#include "tests/app/process.hpp"

namespace troupe::app {
namespace {

outcome look(const std::vector<std::string>& settings, const std::string& workers = "2") {
  std::vector<std::string> arguments{
      "run", from_environment("TROUPE_SOURCE_DIR") + "/config/search.ini", "--workers", workers};
  for (const auto& s : settings) arguments.insert(arguments.end(), {"--set", s});
  return troupe(arguments);
}

TEST_CASE("the search finds a policy that balances the pole") {
  const auto r = look({});
  CHECK_MESSAGE(r.code == 0, r.messages);
  double weights[4], steps = 0;
  REQUIRE(std::sscanf(r.output.c_str(),
                      "force = %lf x %lf x' %lf a %lf a'\nThe pole stands for %lf of 500 steps in "
                      "the mean of 200 episodes",
                      &weights[0], &weights[1], &weights[2], &weights[3], &steps) == 5);
  CHECK(steps >= 495);
  CHECK(weights[2] > 0);  // a pole that leans to the right wants the cart under it
  CHECK(r.messages.starts_with("generation 1: best "));
  CHECK(r.messages.find("\ngeneration 10: best 500.0, mean ") != r.messages.npos);
}

TEST_CASE("results may come in any order: a seed has one outcome") {
  const auto one = look({}, "1");
  for (const std::string workers : {"2", "3", "8"}) {
    const auto r = look({}, workers);
    CHECK(r.output == one.output);
    CHECK(r.messages == one.messages);
  }
  CHECK(look({"runtime.max_unsettled_tasks=2"}).output == one.output);
  CHECK(look({"search.seed=2"}).output != one.output);
}

TEST_CASE("the smallest search") {
  const auto r =
      look({"search.candidates=2", "search.elite=2", "search.episodes=1", "search.generations=1",
            "search.held_out=1", "search.steps=1", "search.score=1"});
  CHECK_MESSAGE(r.code == 0, r.messages);
}

TEST_CASE("a policy that is not good enough is printed, and is an error") {
  const auto r = look({"search.generations=1"});
  CHECK(r.code == 1);
  CHECK(r.output.find("The pole stands for ") != r.output.npos);
  CHECK(r.messages.ends_with(
      "troupe: that is less than search.score: raise search.generations or search.candidates, or "
      "try another search.seed\n"));
}

TEST_CASE("more elite than candidates, or a score beyond an episode, start nothing") {
  CHECK(look({"search.elite=65"}).code == 2);
  CHECK(look({"search.score=501"}).code == 2);
}

}  // namespace
}  // namespace troupe::app
