// SPDX-License-Identifier: MIT
// The log of a runtime, and what is made of it.
#include <troupe/actor.hpp>
#include <troupe/troupe.hpp>

#include "seeing/graph.hpp"
#include "seeing/record.hpp"
#include "tests/app/scratch.hpp"
#include "tests/runtime/support.hpp"
#include "tests/seeing/traces.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using test::text_of;

namespace {
int fib(int n) {
  if (n < 2) return n;
  auto a = here().submit<fib>(n - 1), b = here().submit<fib>(n - 2);
  return here().get(a) + here().get(b);
}
int load(int x) { return x; }
int add(int a, int b) { return a + b; }
int fails(int) { throw std::runtime_error("on purpose"); }
std::tuple<int, int> split(int x) { return {x, x + 1}; }
stream<int> three() {
  for (int i = 0; i < 3; ++i) {
    here().sleep_for(1ms);
    co_yield i;
  }
}
task<int> later(ref<int> r) { co_return co_await r; }
struct counter {
  int n = 0;
  int next() { return ++n; }
};

// All that tasks do, once.
void everything(runtime& rt) {
  auto l = rt.submit<load>(1);
  auto sum = rt.submit<add>(l, rt.put(2));
  auto [x, y] = rt.submit<split>(sum);
  auto both = rt.submit<add>(x, y);
  auto f = rt.submit<fib>(8);
  auto sleeps = rt.submit([] {
    here().sleep_for(2ms);
    return 1;
  });
  auto gives = rt.with({.name = "gives"}).submit([](ref<int> r) { return r; }, sleeps);
  auto waits = rt.submit<later>(gives);
  auto bad = rt.submit<fails>(both);
  auto after = rt.submit<add>(bad, waits);
  auto actor = rt.actor<counter>();
  std::vector<ref<int>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(actor.call<&counter::next>());
  auto tried = rt.with({.name = "tried", .retries = 2, .backoff = {.first = 1ms}}).submit([] {
    if (here().attempt() < 3) throw std::runtime_error("again");
    return here().attempt();
  });
  auto locked = rt.with({.name = "locked", .resources = {{"lock", 1}}}).submit(fib, 5);
  int n = 0;
  for (int v : rt.submit<three>()) n += v;
  CHECK(n == 3);
  CHECK(rt.get(both) == 7);
  CHECK(rt.get(f) == 21);
  CHECK(rt.get(waits) == 1);
  CHECK_THROWS_AS(rt.get(after), task_error);
  CHECK(rt.get(calls[9]) == 10);
  CHECK(rt.get(tried) == 3);
  CHECK(rt.get(locked) == 5);
}
}  // namespace

TEST_CASE("a trace validates: spans nest, arrows have both ends, times ascend") {
  test::deadline over;
  const app::scratch f;
  for (unsigned workers : {1u, 2u, 4u}) {
    {
      runtime rt{{.workers = workers,
                  .resources = {{"lock", 1}},
                  .name = "a \"name\"",
                  .trace = f.path("t" + std::to_string(workers) + ".json")}};
      everything(rt);
    }
    const auto j = nlohmann::json::parse(text_of(f.path("t" + std::to_string(workers) + ".json")));
    const auto n = test::check_trace(j);
    CHECK(j.at("otherData").at("events_lost") == 0);
    CHECK(n.spans >= 67 + 20);
    CHECK(n.arrows >= 66);
    CHECK(n.waits >= 67);
  }
}

TEST_CASE("a graph has the tasks, what they needed, and the critical path") {
  test::deadline over;
  const app::scratch f;
  {
    runtime rt{{.workers = 2, .graph = f.path("g.json")}};
    auto a = rt.with({.name = "a"}).submit([] {
      here().sleep_for(20ms);
      return 1;
    });
    auto b = rt.with({.name = "b"}).submit(load, 2);
    auto c = rt.with({.name = "c"}).submit(add, a, b);
    auto d =
        rt.with({.name = "d"})
            .submit(
                [](ref<int> r) {
                  return here().get(r) + here().get(here().with({.name = "child"}).submit(load, 4));
                },
                c);
    CHECK(rt.get(d) == 7);
  }
  const auto j = nlohmann::json::parse(text_of(f.path("g.json")));
  std::map<std::uint64_t, std::string> names;
  for (auto& t : j.at("tasks")) names[t.at("id")] = t.at("name");
  CHECK(names.size() == 5);
  std::multimap<std::string, std::string> edges;
  for (auto& e : j.at("edges")) edges.emplace(names.at(e.at("from")), names.at(e.at("to")));
  const auto has = [&](const char* from, const char* to) {
    const auto [first, last] = edges.equal_range(from);
    return std::any_of(first, last, [&](auto& e) { return e.second == to; });
  };
  CHECK(has("a", "c"));
  CHECK(has("b", "c"));
  CHECK(has("c", "d"));
  std::vector<std::string> path;
  std::int64_t at = -1;
  for (auto& s : j.at("critical_path")) {
    if (s.at("what") == "works") path.push_back(s.at("name"));
    CHECK(s.at("begin_ns") <= s.at("end_ns"));
    if (at >= 0) CHECK(s.at("begin_ns") == at);  // without a gap
    at = s.at("end_ns");
  }
  REQUIRE(!path.empty());
  CHECK(path.front() == "a");
  CHECK(path.back() == "d");
}

TEST_CASE("beyond 300 tasks a drawing has a node for each name") {
  detail::record r;
  r.names = {"one", "two"};
  for (std::uint32_t i = 0; i < 301; ++i) r.tasks.push_back({.id = i + 1, .name = i % 2});
  for (std::uint32_t i = 1; i < 301; ++i) r.edges.push_back({i - 1, i, detail::record::never});
  const std::string dot = detail::dot_of(r);
  CHECK(detail::svg_of(dot).find("<svg") != std::string::npos);
  CHECK(dot.find("one\\n151 tasks") != dot.npos);
  CHECK(dot.find("n0 -> n1 [style=solid, label=\"150\"") != dot.npos);
  r.tasks.pop_back();
  r.edges.pop_back();
  CHECK(detail::dot_of(r).find("n299") != std::string::npos);
}

TEST_CASE("a report is one page that needs no other, with what failed") {
  test::deadline over;
  const app::scratch f;
  {
    runtime rt{{.workers = 2,
                .resources = {{"lock", 1}},
                .name = "a <b> & \"c\"",
                .report = f.path("r.html")}};
    everything(rt);
  }
  const std::string page = text_of(f.path("r.html"));
  CHECK(page.find("a &lt;b&gt; &amp; \"c\"") != page.npos);
  CHECK(page.find("on purpose") != page.npos);
  CHECK(page.find("src=") == page.npos);
  CHECK(page.find("href=\"http") == page.npos);
  const auto begin = page.find("<script id=\"data\" type=\"application/json\">") + 42;
  const auto data =
      nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  CHECK(data.at("tasks").at("name").size() == data.at("tasks").at("settled").size());
  CHECK(data.at("failures").size() == 2);
}

TEST_CASE("an environment variable is enough, and two runtimes write two files") {
  test::deadline over;
  const app::scratch f;
  ::setenv("TROUPE_TRACE", f.path("all.json").c_str(), 1);
  for (int i = 0; i < 2; ++i) {
    runtime rt{{.workers = 1}};
    CHECK(rt.get(rt.submit<load>(1)) == 1);
  }
  ::unsetenv("TROUPE_TRACE");
  (void)test::check_trace(nlohmann::json::parse(text_of(f.path("all.json"))));
  (void)test::check_trace(nlohmann::json::parse(text_of(f.path("all.2.json"))));
}

TEST_CASE("a file of a kind that there is not is refused before anything runs") {
  CHECK_THROWS_WITH_AS((runtime{{.graph = "x.png"}}),
                       "the graph's file 'x.png' ends in none of .dot, .svg and .json", error);
  CHECK_THROWS_AS((runtime{{.report = "x.pdf"}}), error);
}

TEST_CASE("events beyond what memory holds go to a file, and all come back in order") {
  test::deadline over{120s};
  const app::scratch f;
  const int n = test::size(400'000, 150'000);
  {
    runtime rt{{.workers = 2, .graph = f.path("g.dot")}};
    for (int round = 0; round < n / 10'000; ++round) {
      std::vector<ref<int>> all;
      for (int i = 0; i < 10'000; ++i) all.push_back(rt.submit<load>(i));
      (void)rt.get(all);
    }
  }
  const std::string dot = text_of(f.path("g.dot"));
  CHECK(dot.find("load\\n" + std::to_string(n) + " tasks") != dot.npos);
}

TEST_CASE("the log and the counters agree") {
  test::deadline over;
  const app::scratch f;
  statistics n;
  {
    runtime rt{{.workers = 2, .resources = {{"lock", 1}}, .graph = f.path("g.json")}};
    everything(rt);
    rt.drain();
    n = rt.stats();
  }
  CHECK(n.tasks_unsettled == 0);
  CHECK(n.inputs_awaited == n.readiness_messages);
  const auto tasks = nlohmann::json::parse(text_of(f.path("g.json"))).at("tasks");
  CHECK(tasks.size() == n.tasks_settled);
  for (auto& t : tasks) CHECK(t.contains("settled_ns"));
}

TEST_CASE("a program that submits and waits, again and again, is its own critical path") {
  test::deadline over;
  const app::scratch f;
  constexpr int n = 20'000;
  {
    runtime rt{{.workers = 1, .graph = f.path("g.json")}};
    auto all = rt.submit([] {
      int sum = 0;
      for (int i = 0; i < n; ++i) sum += here().get(here().submit<load>(1));
      return sum;
    });
    CHECK(rt.get(all) == n);
    for (int i = 0; i < 100; ++i) CHECK(rt.get(rt.submit<load>(i)) == i);
  }
  const auto j = nlohmann::json::parse(text_of(f.path("g.json")));
  std::int64_t at = -1;
  for (auto& s : j.at("critical_path")) {
    if (at >= 0) CHECK(s.at("begin_ns") == at);
    at = s.at("end_ns");
  }
  CHECK(j.at("critical_path").size() > n);
}
