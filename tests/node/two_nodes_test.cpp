// SPDX-License-Identifier: MIT
// Two runtimes of one process that are nodes of one cluster, over loopback.
#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace far {
std::string where() { return std::string(here().name()); }
int twice(int n) { return 2 * n; }
int fails(int n) { throw std::runtime_error("no " + std::to_string(n)); }
ref<int> nested(int n) { return here().submit<twice>(n + 1); }
int tries(int n) {
  if (here().attempt() == 1) throw std::runtime_error("not yet");
  return n;
}
task<int> waits(ref<int> a, int b) { co_return co_await a + b; }
int look(ref<int> r) { return here().get(r); }
ref<int> pass(ref<int> r) { return r; }
std::vector<double> numbers(std::size_t n) {
  std::vector<double> all(n);
  std::iota(all.begin(), all.end(), 0.5);
  return all;
}
std::string long_text(std::size_t n) { return std::string(n, 'y'); }
double sum(const std::vector<double>& all) { return std::accumulate(all.begin(), all.end(), 0.0); }
std::tuple<int, std::string> both(int n) { return {n, std::to_string(n)}; }
std::vector<ref<int>> many(int n) {
  std::vector<ref<int>> all;
  for (int i = 0; i < n; ++i) all.push_back(here().submit<twice>(i));
  return all;
}
int total(values<int> all) {
  int n = 0;
  for (int i : all) n += i;
  return n;
}
void sleeps(int ms) { here().sleep_for(std::chrono::milliseconds(ms)); }
int spins(int n) {
  test::linger(3ms);
  return n;
}
int waits_for_ever() {
  here().sleep_for(1h);
  return 0;
}

struct pair {
  pair() {
    export_tasks<where, twice, fails, nested, tries, waits, look, pass, numbers, long_text, sum,
                 both, many, total, sleeps, spins, waits_for_ever>();
    REQUIRE(there.wait_for(1, 10s));
    REQUIRE(home.wait_for(1, 10s));
  }
  runtime a{{.workers = 1, .name = "a"}},
      b{{.workers = 2, .resources = {{"gpu", 2}}, .labels = {"far"}, .name = "b"}};
  node there = b.join({.listen = "127.0.0.1:0", .name = "b"});
  node home = a.join({.join = {there.address()}, .name = "a", .serves = false});
};
const task_options on_b{.labels = {"far"}};
}  // namespace far

namespace {
std::size_t sockets() {
  std::size_t n = 0;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    n += std::filesystem::read_symlink(fd, gone).string().starts_with("socket:") ? 1 : 0;
  }
  return n;
}
}  // namespace

TEST_CASE("a task that needs what its own runtime lacks runs on the node that has it") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  CHECK(p.a.get(go.submit<far::twice>(21)) == 42);
  CHECK(p.a.get(p.a.with({.resources = {{"gpu", 1}}}).submit<far::twice>(4)) == 8);
  CHECK(p.b.stats().tasks_settled == 2);
  CHECK(p.a.get(p.a.with({.name = "named", .labels = {"far"}}).submit<far::where>()) == "named");
}

TEST_CASE("inputs, containers, refs and results of all kinds travel") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  const auto four = p.a.put(4);
  const auto eight = go.submit<far::twice>(four);
  CHECK(p.a.get(go.submit<far::twice>(eight)) == 16);
  CHECK(p.a.get(go.submit<far::nested>(1)) == 4);
  CHECK(p.a.get(go.submit<far::waits>(four, 1)) == 5);
  CHECK(p.a.get(go.submit<far::look>(eight)) == 8);
  CHECK(p.a.get(go.submit<far::pass>(eight)) == 8);
  CHECK(p.a.get(go.submit<far::total>(std::vector{four, eight})) == 12);
  auto [n, text] = go.submit<far::both>(7);
  CHECK(p.a.get(n) == 7);
  CHECK(p.a.get(text) == "7");
  const auto many = go.submit<far::many>(5);
  int sum = 0;
  for (const auto& r : p.a.get(many)) sum += p.a.get(r);
  CHECK(sum == 20);
}

TEST_CASE("a ref to what is not there yet is waited for on the other node") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  auto late = p.a.submit([] {
    here().sleep_for(50ms);
    return 6;
  });
  CHECK(p.a.get(go.submit<far::look>(late)) == 6);
  CHECK(p.a.get(go.submit<far::waits>(late, 1)) == 7);
}

TEST_CASE("big values are pulled in chunks, both ways") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  const std::size_t n = 1 << 20;
  const auto numbers = go.submit<far::numbers>(n);
  CHECK(p.a.get(numbers).size() == n);
  const double expected = far::sum(far::numbers(n));
  CHECK(far::sum(p.a.get(numbers)) == expected);
  const std::string text = p.a.get(go.submit<far::long_text>(n));
  CHECK(text.size() == n);
  CHECK(text.find_first_not_of('y') == std::string::npos);
  CHECK(p.a.get(go.submit<far::sum>(numbers)) == expected);
  CHECK(p.a.get(go.submit<far::sum>(far::numbers(n))) == expected);
}

TEST_CASE("an error keeps its story on its way between nodes") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  const auto failed = go.submit<far::fails>(3);
  CHECK_SAYS(p.a.get(failed), task_error, "task 'far::fails' failed: no 3");
  CHECK_SAYS(p.a.get(go.submit<far::twice>(failed)), task_error,
             "no 3; it came here through 'far::twice'");
  auto again = p.a.with({.retries = 1, .backoff = {.first = 1ms}, .labels = {"far"}});
  CHECK_SAYS(p.a.get(again.submit<far::fails>(5)), task_error, "no 5");
}

TEST_CASE("what no node can run is an error that names what each lacks") {
  test::deadline over;
  far::pair p;
  CHECK_SAYS(p.a.get(p.a.with({.labels = {"tpu"}}).submit<far::twice>(1)), task_error,
             "node 'b' has not the label 'tpu'");
  CHECK_SAYS(p.a.get(p.a.with({.resources = {{"gpu", 3}}}).submit<far::twice>(1)), task_error,
             "node 'b' has 2 of 'gpu', not 3");
}

TEST_CASE("a task that is away can be cancelled, and its deadline holds there too") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  const auto r = go.submit<far::waits_for_ever>();
  while (p.b.stats().tasks_unsettled == 0) std::this_thread::yield();
  CHECK(p.a.cancel(r) == cancel_result::requested);
  CHECK_THROWS_AS(p.a.get(r), cancelled);
  while (p.b.stats().tasks_unsettled != 0) std::this_thread::yield();
  CHECK_THROWS_AS(
      p.a.get(p.a.with({.deadline = 30ms, .labels = {"far"}}).submit<far::waits_for_ever>()),
      deadline_exceeded);
  while (p.b.stats().tasks_unsettled != 0) std::this_thread::yield();
}

TEST_CASE("what the own workers cannot take runs on a node that has room") {
  test::deadline over;
  far::pair p;
  std::vector<ref<void>> all;
  for (int i = 0; i < 30; ++i) all.push_back(p.a.submit<far::sleeps>(5));
  p.a.get(std::move(all));
  std::vector<ref<int>> busy;
  for (int i = 0; i < 40; ++i)
    busy.push_back(p.a.submit(
        [](int n) {
          const auto until = std::chrono::steady_clock::now() + 5ms;
          while (std::chrono::steady_clock::now() < until) {}
          return n;
        },
        i));
  for (int i = 0; i < 40; ++i) busy.push_back(p.a.submit<far::twice>(i));
  p.a.get(std::move(busy));
  CHECK(p.b.stats().tasks_settled > 0);
}

TEST_CASE("all that is submitted while the workers sleep is seen, and runs where there is room") {
  test::deadline over;
  for (const int priority : {0, 1}) {
    far::pair p;
    std::vector<ref<int>> all;
    for (int i = 0; i < 60; ++i)
      all.push_back(p.a.with({.priority = priority}).submit<far::spins>(i));
    for (int i = 0; i < 60; ++i) CHECK(p.a.get(all[i]) == i);
    CHECK(p.b.stats().tasks_settled > 0);
  }
}

TEST_CASE("tasks that wait for a resource go to a node that has more of it") {
  test::deadline over;
  export_tasks<far::sleeps, far::twice>();
  runtime a{{.workers = 2, .resources = {{"gpu", 1}, {"disk", 1}}, .name = "a"}},
      b{{.workers = 2, .resources = {{"gpu", 2}}, .name = "b"}};
  node there = b.join({.listen = "127.0.0.1:0", .name = "b"});
  node home = a.join({.join = {there.address()}, .name = "a", .serves = false});
  REQUIRE(home.wait_for(1, 10s));
  std::vector<ref<void>> all;
  for (int i = 0; i < 40; ++i)
    all.push_back(a.with({.resources = {{"gpu", 1}}}).submit<far::sleeps>(5));
  a.get(std::move(all));
  CHECK(b.stats().tasks_settled >= 10);
  CHECK(a.stats().tasks_settled == 40);

  // What only this node has, it waits for here; and who may not travel.
  const std::size_t before = b.stats().tasks_settled;
  std::vector<ref<void>> own;
  for (int i = 0; i < 10; ++i) {
    own.push_back(a.with({.resources = {{"gpu", 1}, {"disk", 1}}}).submit<far::sleeps>(3));
    own.push_back(a.with({.resources = {{"gpu", 1}}}).submit([] { here().sleep_for(3ms); }));
  }
  a.get(std::move(own));
  CHECK(b.stats().tasks_settled == before);

  // Those that wait can be cancelled wherever they are, and come back when the node leaves.
  std::vector<ref<void>> some;
  for (int i = 0; i < 60; ++i)
    some.push_back(a.with({.resources = {{"gpu", 1}}}).submit<far::sleeps>(i % 7));
  for (int i = 0; i < 60; i += 3) (void)a.cancel(some[i]);
  CHECK(test::soon([&] { return b.stats().tasks_settled > before + 3; }));
  { const node leaves = std::move(there); }
  for (int i = 0; i < 60; ++i) {
    if (i % 3 != 0) a.get(some[i]);
    else try {
        a.get(some[i]);
      } catch (const cancelled&) {}
  }
  CHECK(a.get(a.with({.resources = {{"gpu", 1}}}).submit<far::twice>(2)) == 4);
  CHECK(test::soon([&] { return a.stats().tasks_unended == 0; }));
}

TEST_CASE("nothing is left on either side when all is done") {
  test::deadline over;
  far::pair p;
  auto go = p.a.with(far::on_b);
  {
    std::vector<ref<int>> all;
    const auto four = p.a.put(4);
    for (int i = 0; i < 200; ++i) all.push_back(go.submit<far::look>(go.submit<far::pass>(four)));
    CHECK(p.a.get(go.submit<far::total>(all)) == 800);
  }
  while (p.a.stats().objects != 0 || p.b.stats().objects != 0) std::this_thread::yield();
  CHECK(p.home.status().find("\"lent\": 0") != std::string::npos);
  CHECK(p.there.status().find("\"borrowed\": 0") != std::string::npos);
}

TEST_CASE("a node that leaves gives back what it runs, and the rest goes on at home") {
  test::deadline over;
  export_tasks<far::sleeps>();
  runtime a{{.workers = 1, .name = "a"}};
  std::vector<ref<void>> all;
  {
    runtime b{{.workers = 2, .name = "b"}};
    node there = b.join({.listen = "127.0.0.1:0"});
    node home = a.join({.join = {there.address()}, .serves = false});
    REQUIRE(home.wait_for(1, 10s));
    for (int i = 0; i < 50; ++i) all.push_back(a.submit<far::sleeps>(2));
  }
  a.get(std::move(all));
}

TEST_CASE("a program that is no node opens no socket, and one that leaves can join again") {
  test::deadline over;
  const auto before = sockets();
  runtime a{{.workers = 1}};
  CHECK(a.get(a.submit<far::twice>(2)) == 4);
  CHECK(sockets() == before);
  for (int i = 0; i < 3; ++i) {
    CHECK(sockets() == before);
    node n = a.join({.listen = "127.0.0.1:0"});
    CHECK(n.address().starts_with("127.0.0.1:"));
    CHECK(sockets() > before);
    CHECK_SAYS(a.join({}), error, "is a node already");
  }
  CHECK_SAYS(a.join({.listen = "0.0.0.0:0"}), error, "troupe certs init");
}
