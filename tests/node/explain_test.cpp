// SPDX-License-Identifier: MIT
// What explain says of tasks and values of other nodes.
#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace explained {
std::atomic<bool> open{false};
int far_away() {
  while (!open) here().sleep_for(1ms);
  return 1;
}
std::vector<ref<int>> gives_late() { return {here().submit<far_away>()}; }

struct other {
  explicit other(const std::string& home)
      : rt{{.workers = 2, .labels = {"far"}, .name = "b"}},
        node(rt.join({.listen = "127.0.0.1:0", .join = {home}, .name = "b"})) {}
  runtime rt;
  troupe::node node;
};
}  // namespace explained
using namespace explained;

TEST_CASE("explain names the node that has a task, that it waits for, or whose value is to come") {
  test::deadline over;
  export_tasks<far_away, gives_late>();
  open = false;
  runtime rt{{.workers = 1, .name = "home"}};
  node home = rt.join({.listen = "127.0.0.1:0", .name = "home", .serves = false});
  const auto says = [&](const auto& r, const std::string& part) {
    std::string text;
    const bool said =
        test::soon([&] { return (text = rt.explain(r).text()).find(part) != text.npos; }, 10s);
    CAPTURE(text);
    CHECK(said);
  };
  auto b = std::make_unique<other>(home.address());
  REQUIRE(home.wait_for(1, 10s));
  const auto far = rt.with({.name = "it", .labels = {"far"}});
  const auto there = far.submit<far_away>();
  says(there, "'it' is on another node: the node 'b'");
  CHECK(rt.explain(there).tasks()[0].state == task_state::away);
  const auto waits = rt.with({.name = "sink"}).submit([](int x) { return x; }, there);
  says(waits, "the value of 'it'");
  const auto remote = rt.get(far.submit<gives_late>()).at(0);
  const auto reads = rt.with({.name = "reader"}).submit([](int x) { return x; }, remote);
  says(reads, "a value that no task of this runtime makes");
  says(remote, "its value, which is to come from the node 'b'");
  b.reset();  // the node is lost, and what was there waits for another one
  says(there, "a node with the labels far and room for it");
  open = true;
  b = std::make_unique<other>(home.address());
  CHECK(rt.get(waits) == 1);
}
