// SPDX-License-Identifier: MIT
// One trace and one graph of a run on several nodes.
#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include "tests/app/scratch.hpp"
#include "tests/runtime/support.hpp"
#include "tests/seeing/traces.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace traced {
using numbers = std::vector<std::int64_t>;

std::int64_t leaf(std::int64_t x) { return x + 1; }
std::int64_t parent(std::int64_t x) {  // its children run where it does
  std::vector<ref<std::int64_t>> all;
  for (int i = 0; i < 3; ++i) all.push_back(here().with({.name = "child"}).submit<leaf>(x));
  std::int64_t sum = 0;
  for (auto& r : all) sum += here().get(r);
  return sum;
}
std::int64_t adds(ref<std::int64_t> r) {  // of another node, which it waits for in its body
  return here().get(r) + here().get(here().with({.name = "of both"}).submit<leaf>(r));
}
numbers makes(std::int64_t n) { return numbers(static_cast<std::size_t>(n), 7); }
std::int64_t sum(const numbers& all) {
  std::int64_t n = 0;
  for (const auto x : all) n += x;
  return n;
}
std::int64_t fails(std::int64_t) { throw std::runtime_error("on purpose"); }
std::vector<ref<std::int64_t>> gives() { return {here().with({.name = "given"}).submit<leaf>(1)}; }
void on_its_own() {}

struct other {
  other(const std::vector<std::string>& home, const std::string& name)
      : rt{{.workers = 2, .labels = {"far", name}, .name = name}},
        node(rt.join({.listen = "127.0.0.1:0", .join = home, .name = name})) {}
  runtime rt;
  troupe::node node;
};

struct seen {
  nlohmann::json trace, graph;
  std::map<int, std::string> processes;
  // of spans: in which processes those of that name were
  std::map<std::string, std::set<std::string>> places;
  std::map<std::string, int> transfers;  // by where they came from
  std::map<std::uint64_t, std::string> tasks;
  std::multimap<std::string, std::string> edges;
  bool has_edge(const std::string& from, const std::string& to) const {
    const auto [first, last] = edges.equal_range(from);
    return std::any_of(first, last, [&](auto& e) { return e.second == to; });
  }
};
seen read(const std::string& trace, const std::string& graph) {
  seen s{nlohmann::json::parse(test::text_of(trace)),
         nlohmann::json::parse(test::text_of(graph)),
         {},
         {},
         {},
         {},
         {}};
  for (auto& e : s.trace.at("traceEvents")) {
    if (e.value("name", "") == "process_name") s.processes[e.at("pid")] = e.at("args").at("name");
    if (e.at("ph") == "B") s.places[e.at("name")].insert(s.processes.at(e.at("pid")));
    if (e.at("ph") == "b" && e.at("cat") == "transfer") ++s.transfers[e.at("name")];
  }
  for (auto& t : s.graph.at("tasks")) s.tasks[t.at("id")] = t.at("name");
  for (auto& e : s.graph.at("edges"))
    s.edges.emplace(s.tasks.at(e.at("from")), s.tasks.at(e.at("to")));
  return s;
}
}  // namespace traced
using namespace traced;

TEST_CASE("a run on a cluster gives one trace and one graph, with the lanes of all nodes") {
  test::deadline over;
  export_tasks<leaf, parent, adds, makes, sum, fails, gives>();
  const app::scratch f;
  {
    runtime rt{
        {.workers = 1, .name = "home", .trace = f.path("t.json"), .graph = f.path("g.json")}};
    node home = rt.join({.listen = "127.0.0.1:0", .name = "home", .serves = false});
    other b({home.address()}, "b"), c({home.address()}, "c");
    REQUIRE(home.wait_for(2, 10s));
    const auto on = [&](const char* name, const char* label) {
      return rt.with({.name = name, .labels = {label}});
    };
    const auto first = on("first", "b").submit<parent>(1);
    const auto second = on("second", "c").submit<adds>(first);
    const auto big = on("big", "b").submit<makes>(200'000);
    const auto far_sum = on("far sum", "c").submit<sum>(big);
    const auto sum_here =
        rt.with({.name = "sum"}).submit([](std::int64_t x) { return x; }, far_sum);
    const auto bad = on("bad", "b").submit<fails>(1);
    const auto refs = on("gives", "b").submit<gives>();
    const auto of_given = rt.with({.name = "of given"}).submit(leaf, rt.get(refs).at(0));
    b.rt.get(b.rt.with({.name = "its own"}).submit(on_its_own));  // of its own program
    CHECK(rt.get(second) == 6 + 7);
    CHECK(rt.get(sum_here) == 1'400'000);
    CHECK(rt.get(big).size() == 200'000);
    CHECK_THROWS_AS(rt.get(bad), task_error);
    CHECK(rt.get(of_given) == 3);
  }
  const auto s = read(f.path("t.json"), f.path("g.json"));
  (void)test::check_trace(s.trace);
  CHECK(s.trace.at("otherData").at("events_lost") == 0);
  CHECK(s.processes.size() == 3);
  using places = std::set<std::string>;
  CHECK(s.places.at("first") == places{"home", "node b"});  // where its value was read
  const auto is_far = [&](const char* name) {  // they may overflow from one to the other
    const auto& at = s.places.at(name);
    return !at.empty() && !at.contains("home");
  };
  CHECK(is_far("child"));
  CHECK(s.places.at("second") == places{"home", "node c"});
  CHECK(is_far("of both"));
  CHECK(is_far("given"));
  CHECK(s.places.at("sum") == places{"home"});
  CHECK(!s.places.contains("its own"));
  CHECK(s.transfers.at("from b") >= 1);
  int transfers = 0;
  for (auto& [from, n] : s.transfers) transfers += n;
  CHECK(transfers >= 2);  // of `big`, to c and to the program
  std::map<std::string, int> times;
  for (auto& [id, name] : s.tasks) ++times[name];
  CHECK(times == std::map<std::string, int>{{"first", 1},
                                            {"second", 1},
                                            {"child", 3},
                                            {"of both", 1},
                                            {"big", 1},
                                            {"far sum", 1},
                                            {"sum", 1},
                                            {"bad", 1},
                                            {"gives", 1},
                                            {"given", 1},
                                            {"of given", 1}});
  CHECK(s.has_edge("child", "first"));
  CHECK(s.has_edge("first", "second"));
  CHECK(s.has_edge("first", "of both"));  // a ref of another node, given on there
  CHECK(s.has_edge("of both", "second"));
  CHECK(s.has_edge("big", "far sum"));
  CHECK(s.has_edge("far sum", "sum"));
  CHECK(s.has_edge("given", "of given"));  // its maker is a child there
  for (auto& t : s.graph.at("tasks"))
    CHECK(t.at("outcome") == (t.at("name") == "bad" ? "error" : "value"));
}

TEST_CASE("a node logs while somebody wants to know, and says what it has when it leaves") {
  test::deadline over;
  export_tasks<leaf, parent>();
  const app::scratch f;
  other b({}, "b");
  for (int round = 0; round < 2; ++round) {
    const std::string n = std::to_string(round);
    {
      runtime rt{{.workers = 1,
                  .name = "home",
                  .trace = f.path(n + "t.json"),
                  .graph = f.path(n + "g.json")}};
      node home = rt.join({.join = {b.node.address()}, .name = "home", .serves = false});
      REQUIRE(home.wait_for(1, 10s));
      {
        other c({b.node.address()}, "c");
        REQUIRE(home.wait_for(2, 10s));
        CHECK(rt.get(rt.with({.name = "on c", .labels = {"c"}}).submit<leaf>(1)) == 2);
      }
      CHECK(rt.get(rt.with({.name = "on b " + n, .labels = {"b"}}).submit<parent>(1)) == 6);
    }
    const auto s = read(f.path(n + "t.json"), f.path(n + "g.json"));
    (void)test::check_trace(s.trace);
    CHECK(s.processes.size() == 3);
    CHECK(s.places.contains("on b " + n));
    CHECK(s.places.contains("on c"));
    CHECK(s.places.size() == 3);  // and the children; nothing of the run before
    CHECK(s.tasks.size() == 5);
  }
}
