// SPDX-License-Identifier: MIT
// How errors travel.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

using troupe::here;
using troupe::ref;

namespace {
std::atomic<int> ran{0};
int twice(int x) {
  ++ran;
  return 2 * x;
}
int sum(const std::vector<int>& v) {
  ++ran;
  return static_cast<int>(v.size());
}
int fails(const std::string& why) { throw std::invalid_argument(why); }
struct special : std::out_of_range {
  using out_of_range::out_of_range;
};

template <class T> troupe::task_error error_of(const troupe::runtime& rt, const ref<T>& r) {
  try {
    rt.get(r);
  } catch (const troupe::task_error& e) { return e; }
  throw std::logic_error("it has a value");
}
}  // namespace

TEST_CASE("an error tells who failed first, with which text, and through whom it came") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  ran = 0;
  auto bad = rt.with({.name = "first"}).submit<fails>("no reason");
  auto through = rt.with({.name = "second"}).submit<twice>(bad);
  auto after = rt.with({.name = "third"}).submit<sum>(std::vector{rt.put(1), through});
  const auto e = error_of(rt, after);
  CHECK(e.task() == "first");
  CHECK(e.text() == "no reason");
  CHECK(e.via() == std::vector<std::string>{"second", "third"});
  CHECK(e.is<std::invalid_argument>());
  CHECK(e.is<std::logic_error>());
  CHECK_FALSE(e.is<std::out_of_range>());
  REQUIRE(e.original());
  CHECK_THROWS_AS(std::rethrow_exception(e.original()), std::invalid_argument);
  for (const char* part : {"first", "no reason", "second", "third"})
    CHECK(std::string(e.what()).find(part) != std::string::npos);
  CHECK(error_of(rt, bad).via().empty());
  CHECK(ran == 0);  // dependants do not run
  CHECK_THROWS_AS((void)bad.value(), troupe::task_error);
  CHECK_THROWS_AS(rt.get(std::vector{bad, through}), troupe::task_error);
  CHECK_THROWS_AS(rt.get(std::tuple{rt.put(1), bad}), troupe::task_error);
}

TEST_CASE("anything can be thrown") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  CHECK(error_of(rt, rt.submit([]() -> int { throw 5; })).is<int>());
  CHECK(error_of(rt, rt.submit([]() -> int { throw 5; })).text().find("int") != std::string::npos);
  CHECK(error_of(rt, rt.submit([]() -> int { throw "text"; })).is<const char*>());
  CHECK(error_of(rt, rt.submit([]() -> int { throw special("s"); })).is<special>());
  CHECK(error_of(rt, rt.submit([] { throw troupe::error("e"); })).is<troupe::error>());
  struct grumpy {
    grumpy() = default;
    grumpy(const grumpy&) { throw std::runtime_error("no copy"); }
  };
  CHECK(error_of(rt, rt.submit([] {
          static const grumpy g;
          return g;
        })).text() == "no copy");
}

TEST_CASE("an error that a body lets pass goes on with its story, one that it catches ends there") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto child = [] { return here().get(here().with({.name = "child"}).submit<fails>("inner")); };
  const auto e = error_of(rt, rt.with({.name = "parent"}).submit(child));
  CHECK(e.task() == "child");
  CHECK(e.text() == "inner");
  CHECK(e.via() == std::vector<std::string>{"parent"});
  CHECK(e.is<std::invalid_argument>());
  CHECK(rt.get(rt.submit([child] {
    try {
      return child();
    } catch (const troupe::task_error& caught) { return static_cast<int>(caught.text().size()); }
  })) == 5);
  auto wrapped = rt.submit([child]() -> int {
    try {
      return child();
    } catch (const troupe::task_error&) { std::throw_with_nested(special("outer")); }
  });
  CHECK(error_of(rt, wrapped).is<special>());
}

TEST_CASE("the middle of a long way is left out") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  ref<int> r = rt.submit<fails>("far away");
  for (int i = 0; i < 10'000; ++i)
    r = rt.with({.name = "hop " + std::to_string(i)}).submit<twice>(std::move(r));
  const auto e = error_of(rt, r);
  CHECK(e.text() == "far away");
  CHECK(e.via().front() == "hop 0");
  CHECK(e.via().back() == "hop 9999");
  CHECK(e.via().size() < 30);
}

TEST_CASE("cancelled, timed_out and their like keep their type through bodies and dependants") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto travels = [&](auto e) {
    using E = decltype(e);
    auto a = rt.submit([e]() -> int { throw e; });
    CHECK_THROWS_AS(rt.get(a), E);
    CHECK_THROWS_AS(rt.get(rt.submit<twice>(a)), E);
    CHECK_THROWS_AS(rt.get(rt.submit([](ref<int> r) { return here().get(r); }, a)), E);
    CHECK_THROWS_AS(rt.get(rt.submit([a] { return a; })), E);
    CHECK_THROWS_WITH_AS(rt.get(a), doctest::Contains("why"), E);
  };
  travels(troupe::cancelled("why"));
  travels(troupe::deadline_exceeded("why"));
  travels(troupe::timed_out("why"));
  travels(troupe::deadlock("why"));
}

TEST_CASE("an error outlives its runtime, and may be read by many threads") {
  test::deadline limit;
  ref<int> r;
  {
    troupe::runtime rt{{.workers = 1}};
    r = rt.with({.name = "gone"}).submit<fails>("still known");
    rt.drain();
  }
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&right, r] {
      for (int i = 0; i < 200; ++i) {
        try {
          (void)r.value();
        } catch (const troupe::task_error& e) {
          right += e.is<std::invalid_argument>() && e.task() == "gone";
        }
      }
    });
  for (auto& t : threads) t.join();
  CHECK(right == 800);
}
