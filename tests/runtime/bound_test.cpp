// SPDX-License-Identifier: MIT
// The bound on unsettled tasks: submit waits, try_submit says no, and what could go on goes on.
#include "tests/actors/stepped.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using troupe::here;
using troupe::ref;

namespace {
int produce(int n) {
  for (int i = 0; i < n; ++i) here().submit([] {});
  return n;
}
long fib(int n) {
  if (n < 2) return n;
  auto a = here().submit<fib>(n - 1), b = here().submit<fib>(n - 2);
  return here().get(a) + here().get(b);
}
int grow(int n) {
  if (n == 0) return 1;
  auto a = here().with({.blocking = n % 2 == 0}).submit<grow>(n - 1);
  auto b = here().with({.priority = n - 3}).submit<grow>(n - 1);
  return here().get(a) + here().get(b);
}
int wait_long() {
  here().sleep_for(1h);
  return 0;
}
}  // namespace

TEST_CASE("producers in programs and in tasks never get past the bound") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 100}};
  const int each = test::size(30'000, 1'000);
  std::vector<std::thread> programs;
  std::vector<ref<int>> tasks;
  for (int t = 0; t < 3; ++t) {
    tasks.push_back(rt.submit<produce>(each));
    programs.emplace_back([&] {
      for (int i = 0; i < each; ++i) rt.submit([] {});
    });
  }
  for (auto& t : programs) t.join();
  for (auto& t : tasks) CHECK(rt.get(t) == each);
  rt.drain();
  CHECK(rt.stats().tasks_unsettled_peak <= 100);
  CHECK(rt.stats().tasks_unsettled_peak > 10);
  CHECK(rt.stats().tasks_unended == 0);
}

TEST_CASE("a recursion goes on under any bound") {
  test::deadline limit;
  for (const std::size_t most : {1u, 2u, 10u}) {
    troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = most}};
    CHECK(rt.get(rt.submit<fib>(test::size(15, 10))) == test::size(610, 55));
    rt.drain();
    CHECK(rt.stats().tasks_unsettled == 0);
    CHECK(rt.stats().tasks_unsettled_peak <= most + 40);  // as deep as it goes, not as wide
  }
}

TEST_CASE("a recursion of blocking bodies goes on under a bound") {
  test::deadline limit;
  for (int i = 0; i < 5; ++i) {
    troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 3}};
    CHECK(rt.get(rt.submit<grow>(6)) == 64);
  }
}

TEST_CASE("what sleeps, or runs aside, holds the bound: nothing is stuck") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 4}};
  std::atomic<bool> open{false};
  auto sleeper = rt.submit([] { here().sleep_for(30ms); });
  auto aside = rt.with({.blocking = true}).submit([&] { test::soon([&] { return open.load(); }); });
  auto parent = rt.submit([] {
    for (int i = 0; i < 100; ++i) here().submit([] { here().sleep_for(1us); });
    return 1;
  });
  CHECK(rt.get(parent) == 1);
  rt.get(sleeper);
  open = true;
  rt.drain();
  CHECK(rt.stats().tasks_unsettled_peak <= 4);
}

TEST_CASE("try_submit gives nothing where submit would wait") {
  test::deadline limit;
  std::vector<ref<int>> held;
  {
    troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 50}};
    while (auto r = rt.try_submit<wait_long>()) held.push_back(*r);
    CHECK(held.size() == 50);
    CHECK_FALSE(rt.with({.name = "no"}).try_submit([](int x) { return x; }, 1).has_value());
    CHECK_FALSE(rt.with({.name = "no"}).try_submit<wait_long>().has_value());
    CHECK(rt.stats().tasks_unsettled == 50);
    CHECK(rt.stats().objects == 50);
  }
  troupe::runtime free{{.workers = 1}};
  std::optional<ref<int>> r = free.try_submit([](int x) { return x; }, 1);
  REQUIRE(r);
  CHECK(free.get(*r) == 1);
}

TEST_CASE("bytes of arguments are bounded, and one that is too big for the bound goes in alone") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .max_argument_bytes = 100'000}};
  test::gate gate{rt};
  auto size = [](const std::string& s, int) { return s.size(); };
  auto first = rt.try_submit(size, std::string(60'000, 'x'), gate.closed);
  CHECK(first.has_value());
  CHECK_FALSE(rt.try_submit(size, std::string(60'000, 'x'), gate.closed).has_value());
  CHECK_FALSE(rt.try_submit([](std::vector<std::string> v, int) { return v.size(); },
                            std::vector<std::string>(60, std::string(1000, 'y')), gate.closed)
                  .has_value());
  CHECK(rt.try_submit(size, std::string(20'000, 'x'), gate.closed).has_value());
  std::atomic<bool> in{false};
  std::thread big{[&] {
    auto r = rt.submit([](const std::map<int, std::string>& m) { return m.at(1).size(); },
                       std::map<int, std::string>{{1, std::string(500'000, 'z')}});
    in = true;
    CHECK(rt.get(r) == 500'000);
  }};
  CHECK_FALSE(in);
  gate.open();
  big.join();
  CHECK(rt.get(*first) == 60'000);
}

TEST_CASE("a submit at the bound ends with cancelled when the runtime stops or ends") {
  test::deadline limit;
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    std::atomic<int> told{0}, begun{0};
    std::vector<std::thread> programs;
    {
      auto rt = std::make_unique<troupe::runtime>(
          troupe::runtime_options{.workers = 2, .max_unsettled_tasks = 5});
      std::vector<ref<int>> all;
      for (int i = 0; i < 3; ++i) all.push_back(rt->submit<wait_long>());
      all.push_back(rt->submit([&] {
        try {
          for (;;) here().submit<wait_long>();
        } catch (const troupe::cancelled&) {
          ++told;
          throw;
        }
        return 0;
      }));
      for (int t = 0; t < 2; ++t)
        programs.emplace_back([&, r = rt.get()] {
          ++begun;
          try {
            for (;;) r->submit<wait_long>();
          } catch (const troupe::cancelled&) { ++told; }
        });
      CHECK(test::soon([&] { return begun == 2 && rt->stats().tasks_unsettled >= 5; }));
      // two programs and a task wait, as three submits that have not ended
      CHECK(test::soon([&] { return rt->stats().tasks_unended >= 8; }));
      if (seed % 2 == 0) {
        rt->stop();
        for (auto& t : programs) t.join();
        programs.clear();
        CHECK_THROWS_AS(rt->submit<wait_long>(), troupe::cancelled);
        CHECK_THROWS_AS(rt->try_submit<wait_long>(), troupe::cancelled);
      }
    }
    for (auto& t : programs) t.join();
    CHECK(told == 3);
  }
}

TEST_CASE("a task that waits at another runtime's bound is cancelled when its own runtime ends") {
  test::deadline limit;
  troupe::runtime other{{.workers = 1, .max_unsettled_tasks = 1}};
  test::gate gate{other};
  std::atomic<int> told{0};
  {
    troupe::runtime rt{{.workers = 1}};
    rt.submit([&] {
      try {
        other.submit([] {});
      } catch (const troupe::cancelled&) {
        ++told;
        throw;
      }
    });
    CHECK(test::soon([&] { return other.stats().tasks_unended == 2; }));
  }
  CHECK(told == 1);
  gate.open();
  other.drain();
}

TEST_CASE("drain and get work while producers wait at the bound") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 3}};
  std::thread producer{[&] {
    for (int i = 0; i < 2000; ++i) rt.submit([] {});
  }};
  auto r = rt.submit<produce>(2000);
  rt.drain();
  CHECK(rt.get(r) == 2000);
  producer.join();
  rt.drain();
  CHECK(rt.stats().tasks_unsettled_peak <= 3);
}

TEST_CASE("a submit that may wait is refused in a value's destructor") {
  test::deadline limit;
  static std::atomic<int> refused{0};
  struct late {
    troupe::runtime* rt = nullptr;
    explicit late(troupe::runtime* r) : rt(r) {}
    late(late&& o) noexcept : rt(std::exchange(o.rt, nullptr)) {}
    ~late() {
      if (!rt) return;
      try {
        rt->submit([] {});
      } catch (const troupe::error&) { ++refused; }
    }
  };
  refused = 0;
  troupe::runtime rt{{.workers = 1, .max_unsettled_tasks = 10}};
  rt.get(rt.submit([&rt] { return 1; }));
  { auto r = rt.put(late{&rt}); }
  CHECK(refused == 1);
}

TEST_CASE("in every order of turns a recursion goes on, and the bound holds for a producer") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    stepped s;
    s.rt = std::make_unique<troupe::runtime>(*s.system,
                                             troupe::runtime_options{.max_unsettled_tasks = 3});
    auto f = s.rt->submit<fib>(8);
    s.run_shuffled(random);
    CHECK(s.rt->get(f) == 21);
    s.rt->drain();
    auto p = s.rt->submit<produce>(50);
    for (int i = 0; i < 50; ++i) s.rt->submit([] {});
    if (seed % 3 == 0) CHECK(s.rt->get(p) == 50);
    else s.run_shuffled(random);
    s.rt.reset();
  }
  stepped s;
  s.rt = std::make_unique<troupe::runtime>(*s.system,
                                           troupe::runtime_options{.max_unsettled_tasks = 3});
  CHECK(s.rt->get(s.rt->submit<produce>(100)) == 100);
  CHECK(s.rt->stats().tasks_unsettled_peak <= 3);
}

TEST_CASE("a program's submit takes the turns, and the time, that make room") {
  stepped s;
  s.rt = std::make_unique<troupe::runtime>(*s.system,
                                           troupe::runtime_options{.max_unsettled_tasks = 1});
  auto sleeper = s.rt->submit<wait_long>();
  CHECK_FALSE(s.rt->try_submit([] {}).has_value());
  s.rt->submit([] {});  // an hour later
  CHECK(sleeper.settled());
  s.rt->drain();
}
