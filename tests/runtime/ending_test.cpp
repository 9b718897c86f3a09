// SPDX-License-Identifier: MIT
// Runtimes that end while work is pending, several at once, and refs that outlive them or cross
// between them.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;

namespace {
int slow(int x) {
  here().sleep_for(1h);
  return x;
}
int twice(int x) { return 2 * x; }
}  // namespace

TEST_CASE(
    "what is pending, queued, parked, sleeping or forwarding when the runtime ends is settled as "
    "cancelled") {
  test::deadline limit;
  std::vector<ref<int>> all;
  std::atomic<int> begun{0}, told{0};
  const auto threads = test::threads();
  {
    troupe::runtime rt{{.workers = 1}};
    auto sleeping = rt.submit<slow>(1);
    for (int i = 0; i < 100; ++i) {
      all.push_back(rt.submit<slow>(i));
      all.push_back(rt.submit<twice>(sleeping));
      all.push_back(
          rt.submit([](std::vector<int> v) { return v[0]; }, std::vector{all.back(), sleeping}));
      all.push_back(rt.submit([sleeping] { return sleeping; }));
      all.push_back(rt.submit(
          [&](ref<int> r) {
            ++begun;
            try {
              return here().get(r);
            } catch (const troupe::cancelled&) {
              ++told;
              throw;
            }
          },
          sleeping));
      all.push_back(rt.submit([](ref<int> r) { return here().get(r, 1h); }, sleeping));
      all.push_back(rt.submit(
          [](ref<int> r) {
            (void)here().wait(std::vector{r}, 1, 1h);
            return here().get(r);
          },
          sleeping));
    }
    all.push_back(
        rt.with({.blocking = true}).submit([](ref<int> r) { return here().get(r); }, sleeping));
    REQUIRE(test::soon([&] { return begun == 100; }));
    for (int i = 0; i < 1000; ++i) all.push_back(rt.submit<slow>(i));
  }
  for (auto& r : all) {
    REQUIRE(r.settled());
    CHECK_THROWS_AS((void)r.value(), troupe::cancelled);
  }
  CHECK(told == 100);
  CHECK(test::soon([&] { return test::threads() <= threads; }));
}

TEST_CASE(
    "bodies that run are waited for when the runtime ends, and what they then ask for is "
    "cancelled") {
  test::deadline limit;
  std::atomic<bool> begun{false}, ended{false};
  ref<int> r;
  {
    troupe::runtime rt{{.workers = 1}};
    r = rt.with({.blocking = true}).submit([&] {
      begun = true;
      std::this_thread::sleep_for(20ms);
      try {
        (void)here().submit<twice>(1);
      } catch (const troupe::cancelled&) { ended = true; }
      return 5;
    });
    REQUIRE(test::soon([&] { return begun.load(); }));
  }
  CHECK(ended);
  CHECK(r.settled());
}

TEST_CASE("runtimes come and go without leaving threads") {
  test::deadline limit;
  const auto threads = test::threads();
  for (int i = 0; i < 30; ++i) {
    troupe::runtime rt{{.workers = 3}};
    CHECK(rt.get(rt.submit<twice>(i)) == 2 * i);
    if (i % 3 == 0) rt.get(rt.with({.blocking = true}).submit<twice>(i));
    if (i % 4 == 0) rt.get(rt.submit([] { here().sleep_for(100us); }));
  }
  CHECK(test::soon([&] { return test::threads() <= threads; }));
}

TEST_CASE(
    "values outlive their runtime with their refs, and go with the last one, from any thread") {
  test::deadline limit;
  std::vector<ref<counted>> kept;
  ref<std::vector<ref<counted>>> outer;
  {
    troupe::runtime rt{{.workers = 2}};
    for (int i = 0; i < 100; ++i) kept.push_back(rt.submit([](int x) { return counted{x}; }, i));
    auto flat = rt.submit([r = kept[0]] { return r; });
    outer = rt.put(std::vector{kept[1], flat});
    rt.drain();
  }
  for (int i = 0; i < 100; ++i) CHECK(kept[static_cast<std::size_t>(i)].value().value == i);
  CHECK(outer.value()[1].value().value == 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back(
        [some = std::vector(kept.begin() + t * 25, kept.begin() + (t + 1) * 25)]() mutable {
          for (auto& r : some) r = {};
        });
  kept.clear();
  for (auto& t : threads) t.join();
  CHECK(counted::alive == 2);
  outer = {};
  CHECK(counted::alive == 0);
}

TEST_CASE("refs are dropped by other threads while their runtime ends") {
  test::deadline limit;
  for (int round = 0; round < test::size(40, 15); ++round) {
    std::thread dropper;
    {
      troupe::runtime rt{{.workers = 2}};
      std::vector<ref<counted>> all;
      for (int i = 0; i < 2000; ++i) all.push_back(rt.put(counted{i}));
      dropper = std::thread{[all = std::move(all)]() mutable {
        for (auto& r : all) r = {};
      }};
    }
    dropper.join();
    REQUIRE(counted::alive == 0);
  }
}

TEST_CASE("refs cross between runtimes: as arguments, in gets, as results") {
  test::deadline limit;
  troupe::runtime a{{.workers = 1}}, b{{.workers = 2}};
  test::gate gate{a};
  auto in_b = b.submit<twice>(gate.closed);
  auto back_in_a = a.submit<twice>(in_b);
  auto inside = b.submit([](ref<int> r) { return here().get(r); }, gate.closed);
  auto flat = b.submit([r = gate.closed] { return r; });
  auto timed = b.submit([](ref<int> r) { return here().get(r, 1h); }, gate.closed);
  auto other_verbs = a.submit([&b] { return b.get(b.submit<twice>(4)); });
  gate.open();
  CHECK(b.get(back_in_a) == 4);
  CHECK(a.get(inside) + a.get(flat) + a.get(timed) == 3);
  CHECK(b.get(other_verbs) == 8);
  CHECK(a.wait(std::vector{in_b, back_in_a, flat}, 3).ready.size() == 3);
}

// The resolvers of the runtime that ended answered before its tasks had settled, and the waiters
// took that for a value.
TEST_CASE("what waits in one runtime for a task of another is cancelled when that one ends") {
  test::deadline limit;
  troupe::runtime b{{.workers = 1}};
  std::vector<ref<int>> all;
  std::thread program;
  std::atomic<bool> told{false};
  {
    troupe::runtime a{{.workers = 1}};
    for (int i = 0; i < 300; ++i) {
      auto sleeping = a.submit<slow>(i);
      all.push_back(b.submit<twice>(sleeping));
      all.push_back(b.submit([](ref<int> r) { return here().get(r); }, sleeping));
      all.push_back(b.submit([](ref<int> r) { return here().get(r, 1h); }, sleeping));
      all.push_back(b.submit([sleeping] { return sleeping; }));
    }
    program = std::thread{[&told, &b, r = a.submit<slow>(1)] {
      try {
        b.get(r);
      } catch (const troupe::cancelled&) { told = true; }
    }};
    std::this_thread::sleep_for(10ms);
  }
  program.join();
  CHECK(told);
  for (auto& r : all) CHECK_THROWS_AS(b.get(r), troupe::cancelled);
}

// CAF's logger stayed with the thread that had made the system, and its end waited for it.
TEST_CASE("a runtime may end on another thread than the one that made it") {
  test::deadline limit;
  auto rt = std::make_unique<troupe::runtime>(troupe::runtime_options{.workers = 1});
  CHECK(rt->get(rt->submit<twice>(2)) == 4);
  std::thread{[&] { rt.reset(); }}.join();
}

// Its end once refused to wait inside a task, from a destructor.
TEST_CASE("a task may make a runtime of its own, drain it and end it") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  CHECK(rt.get(rt.submit([] {
    troupe::runtime inner{{.workers = 1}};
    auto r = inner.submit<slow>(1);
    auto quick = inner.submit<twice>(21);
    const int value = inner.get(quick);
    return value;
  })) == 42);
  CHECK_THROWS_AS(rt.get(rt.submit([&] { rt.drain(); })), troupe::task_error);
}
