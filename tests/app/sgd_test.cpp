// SPDX-License-Identifier: MIT
#include <cstdio>
#include <sstream>

#include "tests/app/process.hpp"

namespace troupe::app {
namespace {

outcome fit(const std::vector<std::string>& settings, const std::string& workers = "2") {
  std::vector<std::string> arguments{
      "run", from_environment("TROUPE_SOURCE_DIR") + "/config/sgd.ini", "--workers", workers};
  for (const auto& s : settings) arguments.insert(arguments.end(), {"--set", "sgd." + s});
  return troupe(arguments);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

struct fitted {
  std::vector<double> losses;
  double distance = -1;
};

fitted read(const std::string& output) {
  fitted result;
  std::istringstream all(output);
  double loss = 0;
  int round = 0;
  for (std::string line; std::getline(all, line);) {
    if (std::sscanf(line.c_str(), "round %d: loss %lf", &round, &loss) == 2)
      result.losses.push_back(loss);
    else std::sscanf(line.c_str(), "done: the weights are %lf from", &result.distance);
  }
  return result;
}

TEST_CASE("the loss falls to what was asked for, and the weights come near the true ones") {
  const auto r = fit({});
  CHECK_MESSAGE(r.code == 0, r.messages);
  const auto [losses, distance] = read(r.output);
  REQUIRE(losses.size() > 5);
  CHECK(losses.front() > 100);  // 200 weights of variance 1 explain it
  CHECK(losses.back() <= 0.0125);
  for (std::size_t i = 1; i < losses.size(); ++i) CHECK(losses[i] < losses[i - 1]);
  CHECK(distance >= 0);
  CHECK(distance < 0.1);
}

TEST_CASE("without noise the true weights are found") {
  const auto r = fit({"noise=0", "loss=1e-12", "rounds=2000", "seed=2"});
  CHECK_MESSAGE(r.code == 0, r.messages);
  const auto distance = read(r.output).distance;
  CHECK(distance >= 0);
  CHECK(distance < 1e-5);
}

TEST_CASE("neither workers nor servers nor a bound change a digit") {
  const auto one = fit({"servers=1"}, "1").output;
  CHECK(has(one, "done: "));
  CHECK(fit({}, "1").output == one);
  CHECK(fit({}, "2").output == one);
  CHECK(fit({"servers=3"}, "7").output == one);
  CHECK(fit({"servers=200"}, "3").output == one);
  CHECK(fit({"seed=2"}).output != one);
  const auto bounded = troupe({"run", from_environment("TROUPE_SOURCE_DIR") + "/config/sgd.ini",
                               "--set", "runtime.max_unsettled_tasks=3"});
  CHECK(bounded.output == one);
}

TEST_CASE("one weight, one part, one sample") {
  const auto r = fit({"features=1", "parts=1", "samples=1", "batch=1", "servers=1", "every=1"});
  CHECK_MESSAGE(r.code == 0, r.messages);
}

TEST_CASE("a loss that is not reached, and one that grows, end with 1 and what to change") {
  const auto few = fit({"rounds=25"});
  CHECK(few.code == 1);
  CHECK(few.messages ==
        "troupe: the loss is above 0.0125 after 25 rounds: raise sgd.rounds or sgd.loss, or change "
        "sgd.rate\n");
  CHECK(has(few.output, "round 25: loss "));
  CHECK(!has(few.output, "done"));
  const auto wild = fit({"rate=5"});
  CHECK(wild.code == 1);
  CHECK(wild.messages == "troupe: the loss is larger than at the beginning: lower sgd.rate\n");
}

TEST_CASE("keys that do not go together start nothing") {
  for (const auto* wrong : {"servers=201", "batch=2001", "samples=1000000", "seed=-1"}) {
    const auto r = fit({wrong});
    CHECK_MESSAGE(r.code == 2, wrong);
    CHECK(r.output.empty());
  }
}

}  // namespace
}  // namespace troupe::app
