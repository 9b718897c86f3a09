// SPDX-License-Identifier: MIT
// What a task may return: a tuple as a ref for each element, refs inside values; and then().
#include "tests/runtime/support.hpp"

#include <troupe/caf.hpp>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;

namespace {
std::tuple<int, std::string> split(int x) { return {x / 10, std::to_string(x % 10)}; }
std::tuple<counted, counted> pair_of(int x) { return {counted{x}, counted{x + 1}}; }
std::tuple<int, std::string> breaks() { throw std::runtime_error("broke"); }
int joined(const std::tuple<int, std::string>& t) {
  return std::get<0>(t) * 10 + std::stoi(std::get<1>(t));
}
template <class Rt> bool nothing_left(const Rt& rt) {
  return test::soon([&] { return rt.stats().objects == 0; });
}
}  // namespace

TEST_CASE("a task that returns a tuple gives a ref for each element") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  auto [tens, units] = rt.submit<split>(42);
  static_assert(std::is_same_v<decltype(units), ref<std::string>>);
  CHECK(rt.get(tens) == 4);
  CHECK(rt.get(units) == "2");
  CHECK(rt.get(rt.submit<joined>(rt.submit<split>(57))) == 57);
  CHECK(rt.get(rt.submit<split>(31)) == std::tuple{3, std::string("1")});
  auto [one] = rt.submit([](int x) { return std::tuple{x}; }, tens);
  CHECK(rt.get(one) == 4);
  auto [a, b] = rt.with({.blocking = true}).submit<split>(98);
  CHECK(rt.get(rt.submit([](int x, const std::string& y) { return x + std::stoi(y); }, a, b)) ==
        17);
  CHECK(rt.get(rt.submit([] {
    auto [t, u] = here().submit<split>(64);
    return here().get(t) + std::stoi(here().get(u));
  })) == 10);
}

TEST_CASE("elements of a tuple come through refs that are returned, and through then") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  auto [x, y] = rt.submit([] { return here().put(here().put(std::tuple{1, std::string("one")})); });
  CHECK(rt.get(x) == 1);
  CHECK(rt.get(y) == "one");
  auto [t, u] = rt.put(75).then(split);
  CHECK(rt.get(t) == 7);
  CHECK(rt.get(u) == "5");
}

TEST_CASE("every element of a task that fails settles with its error") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  auto [a, b] = rt.submit<breaks>();
  CHECK_THROWS_WITH_AS(rt.get(a), doctest::Contains("broke"), troupe::task_error);
  CHECK_THROWS_WITH_AS(rt.get(b), doctest::Contains("breaks"), troupe::task_error);
  auto [c, d] = rt.submit<split>(rt.submit([]() -> int { throw 1; }));
  CHECK_THROWS_AS(rt.get(c), troupe::task_error);
  CHECK_THROWS_AS(rt.get(d), troupe::task_error);
  CHECK_THROWS_AS(rt.get(rt.submit<joined>(rt.submit<breaks>())), troupe::task_error);
  a = {};
  b = {};
  c = {};
  d = {};
  rt.drain();
  CHECK(nothing_left(rt));
}

TEST_CASE("the tuple goes with the last of its elements' refs, whoever drops them and when") {
  test::deadline limit;
  const long before = counted::alive;
  {
    troupe::runtime rt{{.workers = 2}};
    {
      auto [a, b] = rt.submit<pair_of>(1);
      CHECK(rt.get(a).value == 1);
      a = {};
      CHECK(counted::alive == before + 2);  // they lie in one tuple
      CHECK(rt.get(b).value == 2);
    }
    CHECK(test::soon([&] { return counted::alive == before; }));
    for (int i = 0; i < 200; ++i) {
      auto [a, b] = rt.submit<pair_of>(i);  // dropped before, while and after it runs
      if (i % 3 == 0) a = {};
      if (i % 3 == 1) rt.get(b);
    }
    rt.drain();
    CHECK(nothing_left(rt));
    CHECK(counted::alive == before);
  }
  ref<counted> survivor;
  {
    troupe::runtime rt{{.workers = 2}};
    auto [a, b] = rt.submit<pair_of>(5);
    survivor = b;
    rt.drain();
  }
  CHECK(survivor.value().value == 6);
  survivor = {};
  CHECK(counted::alive == before);
}

TEST_CASE("an element is moved out of its tuple when its own ref is the only one") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  auto [p, q] = rt.submit([] {
    return std::tuple{std::make_unique<int>(1), std::make_unique<int>(2)};
  });
  CHECK(*rt.get(std::move(p)) == 1);
  CHECK(*rt.get(q) == 2);
  auto second = q;
  CHECK_THROWS_AS(rt.get(std::move(q)), troupe::error);
  CHECK(*rt.get(std::move(second)) == 2);
  // a tuple that others see is not moved from
  auto whole = rt.put(std::tuple{std::string("a long text that is allocated"), 1});
  auto [text, number] = rt.submit([whole] { return whole; });
  CHECK(rt.get(std::move(text)).size() == 29);
  CHECK(std::get<0>(rt.get(whole)).size() == 29);
}

TEST_CASE("elements settle when their runtime ends before their task has begun or ended") {
  test::deadline limit;
  ref<int> a, c;
  ref<std::string> b, d;
  {
    troupe::runtime rt{{.workers = 1}};
    auto sleeps = rt.submit([] {
      here().sleep_for(1h);
      return 1;
    });
    std::tie(a, b) = rt.submit<split>(sleeps);
    std::tie(c, d) = rt.submit([] {
      here().sleep_for(1h);
      return split(1);
    });
    CHECK(rt.task_actor(a) == rt.task_actor(b));
    CHECK(rt.task_actor(a));
  }
  CHECK_THROWS_AS(a.value(), troupe::cancelled);
  CHECK_THROWS_AS(b.value(), troupe::cancelled);
  CHECK_THROWS_AS(c.value(), troupe::cancelled);
  CHECK_THROWS_AS(d.value(), troupe::cancelled);
}

TEST_CASE("refs in structs, containers, results and elements are counted") {
  test::deadline limit;
  struct bag {
    ref<counted> one;
    std::map<int, ref<counted>> many;
  };
  const long before = counted::alive;
  troupe::runtime rt{{.workers = 2}};
  auto inner = rt.put(counted{1});
  auto outer = rt.put(bag{inner, {{1, inner}, {2, rt.put(counted{2})}}});
  inner = {};
  auto [kept, dropped] = rt.submit(
      [](const bag& b) {
        return std::tuple{b, std::vector{b.one}};
      },
      outer);
  outer = {};
  CHECK(rt.get(dropped).size() == 1);
  dropped = {};
  CHECK(rt.get(rt.get(kept).many.at(2)).value == 2);
  auto nested = rt.submit([](bag b) { return here().put(std::move(b)); }, kept);
  kept = {};
  CHECK(rt.get(rt.get(nested).one).value == 1);
  nested = {};
  rt.drain();
  CHECK(nothing_left(rt));
  CHECK(counted::alive == before);
}

TEST_CASE("then continues in a task of its own, and an error passes it by") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  auto six = rt.submit([] { return 3; }).then([](int x) { return 2 * x; });
  CHECK(rt.get(six.then([](const int& x) { return x + 1; }).then([](auto x) { return x * 10; })) ==
        70);
  CHECK(rt.get(six.then([](int x) { return here().put(x); })) == 6);
  std::atomic<int> ran{0};
  auto nothing = rt.submit([] {});
  auto after = nothing.then([&] { return ++ran; });
  CHECK(rt.get(after) == 1);
  rt.get(nothing.then([] {}).then([&] { ++ran; }));
  CHECK(ran == 2);
  auto bad = rt.submit([]() -> int { throw std::runtime_error("first"); });
  auto passed = bad.then([&](int x) { return ran = x; }).then([&](int) { ++ran; });
  CHECK_THROWS_WITH_AS(rt.get(passed), doctest::Contains("first"), troupe::task_error);
  CHECK(ran == 2);
  CHECK(*rt.get(rt.put(std::make_unique<int>(8)).then([](std::unique_ptr<int> p) { return p; })) ==
        8);
  CHECK(rt.get(rt.submit([](ref<int> r) { return here().get(r.then([](int x) { return x + 1; })); },
                         six)) == 7);
  CHECK_THROWS_AS(ref<int>{}.then([](int x) { return x; }), troupe::error);
}

TEST_CASE("then of a ref that outlived its runtime is refused, or runs in the running task's") {
  test::deadline limit;
  ref<int> old;
  {
    troupe::runtime rt{{.workers = 1}};
    old = rt.put(4);
  }
  CHECK_THROWS_AS(old.then([](int x) { return x; }), troupe::cancelled);
  troupe::runtime rt{{.workers = 1}};
  CHECK(rt.get(rt.submit([old] { return old.then([](int x) { return x + 1; }); })) == 5);
}
