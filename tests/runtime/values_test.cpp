// SPDX-License-Identifier: MIT
// put, get, flattening, and the life of objects.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

using test::counted;
using troupe::here;
using troupe::ref;

namespace {
int twice(int x) { return 2 * x; }
ref<int> later(int depth) {
  return here().submit(depth == 0 ? [](int) -> ref<int> { return here().put(7); } : later,
                       depth - 1);
}
struct list_node {
  counted c;
  std::optional<ref<list_node>> next;
};
bool all_gone(const troupe::runtime& rt) {
  return test::soon([&] { return rt.stats().objects == 0; });
}
}  // namespace

TEST_CASE(
    "get of an lvalue shows the value in place, of the only rvalue moves it, of a shared rvalue "
    "copies it") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto a = rt.put(counted{5});
  counted::reset();
  const counted& one = rt.get(a);
  const counted& two = rt.get(a);
  CHECK(&one == &two);
  CHECK(counted::copies + counted::moves == 0);
  auto b = a;
  CHECK(rt.get(std::move(b)).value == 5);
  CHECK(counted::copies == 1);
  CHECK(rt.get(a).value == 5);
  counted::reset();
  CHECK(rt.get(std::move(a)).value == 5);
  CHECK(counted::copies == 0);
  CHECK(all_gone(rt));
  CHECK(counted::alive == 0);
}

TEST_CASE("get of a shared value that cannot be copied says what to do") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto a = rt.submit([] { return std::make_unique<int>(3); });
  auto b = a;
  CHECK_THROWS_WITH_AS(rt.get(std::move(b)), doctest::Contains("get(ref)"), troupe::error);
  CHECK(*rt.get(a) == 3);
  b = {};
  CHECK(*rt.get(std::move(a)) == 3);
}

TEST_CASE(
    "a wait that gave up leaves nothing that would keep the only ref from being the only one") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  for (int i = 0; i < test::size(3000, 300); ++i) {
    auto a = rt.submit(
        [](int us) {
          if (us > 0) here().sleep_for(std::chrono::microseconds(us));
          return std::make_unique<int>(us);
        },
        i % 100);
    try {
      (void)rt.get(a, std::chrono::microseconds(i % 70));
    } catch (const troupe::timed_out&) {}
    REQUIRE(*rt.get(std::move(a)) == i % 100);
  }
}

TEST_CASE("several values of different types, or many of one, come at once") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::tuple refs{rt.submit<twice>(1), rt.put(std::string("text")),
                  rt.submit([] { return std::make_unique<int>(4); })};
  auto [a, b, c] = rt.get(refs);
  CHECK(a + static_cast<int>(b.size()) + *c == 10);
  CHECK(&b == &rt.get(std::get<1>(refs)));
  auto [d, e, f] = rt.get(refs, std::chrono::hours(1));
  CHECK(&e == &b);
  CHECK(d + *f == a + *c);
  auto [x, y, z] = rt.get(std::move(refs));
  CHECK(x + static_cast<int>(y.size()) + *z == 10);
  std::vector<ref<void>> done;
  std::atomic<int> n{0};
  for (int i = 0; i < 10; ++i) done.push_back(rt.submit([&n] { ++n; }));
  rt.get(done);
  CHECK(n == 10);
  CHECK(rt.get(rt.submit([](std::monostate) { return 1; }, done[0])) == 1);
}

TEST_CASE("a task that returns a ref settles with what that ref settles with") {
  test::deadline limit;
  {
    troupe::runtime rt{{.workers = 2}};
    auto flat = rt.submit([] { return here().submit<twice>(21); });
    static_assert(std::is_same_v<decltype(flat), ref<int>>);
    CHECK(rt.get(flat) == 42);
    auto inner = rt.put(counted{1});
    auto outer = rt.submit([](ref<counted> r) { return r; }, inner);
    CHECK(&rt.get(outer) == &rt.get(inner));  // one value, no copy
    inner = {};
    counted::reset();
    CHECK(rt.get(std::move(outer)).value == 1);
    CHECK(counted::copies == 0);
    CHECK_THROWS_WITH_AS(rt.get(rt.submit([] { return ref<int>{}; })),
                         doctest::Contains("names nothing"), troupe::task_error);
    auto failed = rt.submit([]() -> int { throw std::runtime_error("inner"); });
    CHECK_THROWS_WITH_AS(rt.get(rt.submit([failed] { return failed; })), doctest::Contains("inner"),
                         troupe::task_error);
    rt.get(rt.submit([] { return here().submit([] {}); }));
  }
  CHECK(counted::alive == 0);
}

// The outer ref's value is a ref, which once was taken for the value itself.
TEST_CASE("a task that returns a ref to a ref settles with the value behind both") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto flat = rt.submit([] { return here().put(here().put(std::string("behind two refs"))); });
  static_assert(std::is_same_v<decltype(flat), ref<std::string>>);
  CHECK(rt.get(flat) == "behind two refs");
  auto slow = rt.submit([] {
    auto inner = here().submit([] {
      here().sleep_for(std::chrono::milliseconds(1));
      return 5;
    });
    return here().put(inner);
  });
  CHECK(rt.get(slow) == 5);
  auto outer = rt.put(rt.put(3));
  CHECK(rt.get(rt.get(outer)) == 3);
}

TEST_CASE("refs are followed 10,000 deep, and the last one moves the value out") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto r = rt.submit(later, 10'000);
  CHECK(rt.get(rt.submit<twice>(r)) == 14);
  auto chain = rt.put(counted{9});
  for (int i = 0; i < 10'000; ++i)
    chain = rt.submit([](ref<counted> x) { return x; }, std::move(chain));
  rt.drain();
  counted::reset();
  CHECK(rt.get(std::move(chain)).value == 9);
  CHECK(counted::copies == 0);
  r = {};
  CHECK(all_gone(rt));
}

TEST_CASE("an object that nobody can reach is freed at once, with all that only it refers to") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto a = rt.put(counted{1});
  CHECK(counted::alive == 1);
  a = {};
  CHECK(counted::alive == 0);
  auto outer = rt.put(std::vector{rt.put(counted{1}), rt.put(counted{2})});
  CHECK(counted::alive == 2);
  auto one = rt.get(outer)[0];
  outer = {};
  CHECK(counted::alive == 1);
  one = {};
  CHECK(counted::alive == 0);
  {  // arguments go when the body has returned
    auto in = rt.put(counted{3});
    auto out = rt.submit([](const counted& c) { return c.value; }, in);
    in = {};
    CHECK(rt.get(out) == 3);
    rt.drain();
    CHECK(counted::alive == 0);
  }
  (void)rt.submit([] { return counted{4}; });  // its ref is dropped before it runs
  rt.drain();
  CHECK(test::soon([] { return counted::alive == 0; }));
  CHECK(all_gone(rt));
}

TEST_CASE(
    "a list of 100,000 refs in refs goes without recursion, wherever its last ref is dropped") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto make = [&] {
    std::optional<ref<list_node>> head;
    for (int i = 0; i < 100'000; ++i) head = rt.put(list_node{counted{i}, std::move(head)});
    return *head;
  };
  { auto list = make(); }
  CHECK(counted::alive == 0);
  rt.get(rt.submit([](ref<list_node> list) { list = {}; }, make()));
  rt.drain();
  CHECK(counted::alive == 0);
  ref<list_node> outlives;
  {
    troupe::runtime other{{.workers = 1}};
    std::optional<ref<list_node>> head;
    for (int i = 0; i < 100'000; ++i) head = other.put(list_node{counted{i}, std::move(head)});
    outlives = *head;
  }
  CHECK(counted::alive == 100'000);
  CHECK(outlives.value().c.value == 99'999);
  outlives = {};
  CHECK(counted::alive == 0);
}

TEST_CASE("the counters add up") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .count_names = true}};
  {
    test::gate gate{rt};
    std::vector<ref<int>> all;
    for (int i = 0; i < 500; ++i)
      all.push_back(rt.with({.name = "waits"}).submit<twice>(gate.closed));
    auto bad = rt.with({.name = "bad"}).submit([](int) -> int { throw 1; }, gate.closed);
    auto behind = rt.with({.name = "behind"}).submit<twice>(bad);
    CHECK(rt.stats().tasks_settled == 0);
    CHECK(rt.stats().tasks_unsettled == 503);
    CHECK(rt.stats().objects == 503);
    CHECK(rt.stats().inputs_awaited == 502);
    gate.open();
    rt.drain();
  }
  const auto s = rt.stats();
  CHECK(s.tasks_settled == 503);
  CHECK(s.tasks_unsettled == 0);
  CHECK(s.tasks_unended == 0);
  CHECK(s.inputs_awaited == s.readiness_messages);
  CHECK(s.puts == 503);
  CHECK(all_gone(rt));
  CHECK(rt.stats().drops == 503);
  const auto counts = rt.counts();
  REQUIRE(counts.size() == 4);
  CHECK(counts[0].name == "gate");
  CHECK(counts[1].name == "waits");
  CHECK(counts[1].submitted == 500);
  CHECK(counts[1].settled == 500);
  CHECK(counts[1].failed == 0);
  CHECK(counts[2].failed == 1);
  CHECK(counts[3].failed == 1);
}
