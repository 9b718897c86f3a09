// SPDX-License-Identifier: MIT
// get with a timeout, wait, sleep_for, drain: who waits for what, and for how long.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using troupe::here;
using troupe::ref;

namespace {
int after(int ms) {
  here().sleep_for(std::chrono::milliseconds(ms));
  return ms;
}
using clock_type = std::chrono::steady_clock;
}  // namespace

TEST_CASE("wait gives as many as asked for, in the order of the refs") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  test::gate gate{rt};
  std::vector refs{gate.closed, rt.put(1), gate.closed, rt.put(2), rt.put(3)};
  auto [ready, pending] = rt.wait(refs, 2);
  CHECK(ready == std::vector{refs[1], refs[3]});
  CHECK(pending == std::vector{refs[0], refs[2], refs[4]});
  auto all = rt.wait(refs, 5, 1ms);
  CHECK(all.ready == std::vector{refs[1], refs[3], refs[4]});
  CHECK(all.pending == std::vector{refs[0], refs[2]});
  CHECK(rt.wait(refs, 0).ready.empty());
  CHECK(rt.wait(std::vector<ref<int>>{}, 0).pending.empty());
  CHECK_THROWS_WITH_AS(rt.wait(refs, 6), doctest::Contains("6 of 5"), troupe::error);
  gate.open();
  CHECK(rt.wait(refs, 5).ready == refs);
  auto bad = rt.submit([]() -> int { throw 1; });
  CHECK(rt.wait(std::vector{bad}, 1).ready.size() == 1);  // an error is an outcome, too
}

TEST_CASE("the first to settle are ready, in a program and in a task") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto first_two = [](const auto& verbs) {
    std::vector<ref<int>> refs;
    for (int ms : {3'600'000, 20, 3'600'001, 5}) refs.push_back(verbs.template submit<after>(ms));
    auto w = verbs.wait(refs, 2);
    return w.ready == std::vector{refs[1], refs[3]} && w.pending == std::vector{refs[0], refs[2]};
  };
  CHECK(first_two(rt));
  CHECK(rt.get(rt.submit([first_two] { return first_two(here()); })));
}

TEST_CASE("a get that gives up throws timed_out, and the task goes on") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  test::gate gate{rt};
  const auto begin = clock_type::now();
  CHECK_THROWS_AS(rt.get(gate.closed, 5ms), troupe::timed_out);
  CHECK_THROWS_AS(rt.get(std::vector{gate.closed, rt.put(1)}, 5ms), troupe::timed_out);
  CHECK_THROWS_AS(rt.get(gate.closed, 0ms), troupe::timed_out);
  CHECK_THROWS_AS(rt.get(gate.closed, -1h), troupe::timed_out);
  CHECK(clock_type::now() - begin >= 10ms);
  auto inside = rt.submit(
      [](ref<int> r) {
        int gave_up = 0;
        for (auto t : {2ms, 0ms}) {
          try {
            here().get(r, t);
          } catch (const troupe::timed_out&) { ++gave_up; }
        }
        return gave_up;
      },
      gate.closed);
  CHECK(rt.get(inside) == 2);
  CHECK_THROWS_AS(rt.get(rt.submit([](ref<int> r) { return here().get(r, 1ms); }, gate.closed)),
                  troupe::timed_out);
  CHECK_FALSE(gate.closed.settled());
  gate.open();
  CHECK(rt.get(gate.closed, troupe::duration::max()) == 1);
  CHECK(rt.get(rt.submit([](ref<int> r) { return here().get(r, troupe::duration::max()); },
                         rt.submit<after>(2))) == 2);
}

TEST_CASE("sleeping tasks take no thread, and wake in the order of their times") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  const auto begin = clock_type::now();
  std::vector<ref<int>> all;
  for (int i = 0; i < 500; ++i) all.push_back(rt.submit<after>(20 + i % 7));
  rt.get(all);
  const auto took = clock_type::now() - begin;
  CHECK(took >= 26ms);
  CHECK(took < 2s);  // one after another: 11 s
  CHECK(rt.get(rt.submit([] {
    here().sleep_for(0ms);
    here().sleep_for(-1s);
    return 1;
  })) == 1);
}

// A wait gave up, its stack was used again, and then the resolver came back to it.
TEST_CASE("waits that give up just when what they wait for settles leave nothing behind") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 4}};
  std::vector<ref<std::size_t>> all;
  for (unsigned seed = 0; seed < 64; ++seed)
    all.push_back(rt.submit(
        [](unsigned s) {
          std::mt19937 random{s};
          std::size_t n = 0;
          for (int k = 0; k < test::size(60, 15); ++k) {
            std::vector<ref<int>> refs;
            for (int i = 0; i < 8; ++i)
              refs.push_back(here().submit(
                  [](int us) {
                    here().sleep_for(std::chrono::microseconds(us));
                    return us;
                  },
                  static_cast<int>(random() % 200)));
            n += here()
                     .wait(refs, 1 + random() % 8, std::chrono::microseconds(random() % 200))
                     .ready.size();
          }
          return n;
        },
        seed));
  for (auto& r : all) CHECK(rt.get(r) <= 8 * 60);
  rt.drain();
  CHECK(rt.stats().inputs_awaited == rt.stats().readiness_messages);
}

TEST_CASE("refs that go away right after a wait for them has given up leave nothing behind") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 4}};
  std::vector<ref<int>> all;
  for (unsigned seed = 0; seed < 64; ++seed)
    all.push_back(rt.submit(
        [](unsigned s) {
          std::mt19937 random{s};
          for (int k = 0; k < test::size(60, 15); ++k) {
            std::vector<ref<int>> refs;
            for (int i = 0; i < 8; ++i)
              refs.push_back(here().submit(
                  [](int us) {
                    here().sleep_for(std::chrono::microseconds(us));
                    return us;
                  },
                  static_cast<int>(random() % 100)));
            (void)here().wait(refs, 8, 1us);
            for (std::size_t left = refs.size(); left > 0; here().sleep_for(1us)) {
              left = 0;
              for (auto& r : refs) {
                if (r.settled()) r = {};
                left += r ? 1 : 0;
              }
            }
          }
          return 0;
        },
        seed));
  rt.get(all);
  all.clear();
  rt.drain();
  CHECK(test::soon([&] { return rt.stats().objects == 0; }));
}

TEST_CASE("drain waits for every task and its children, and is refused inside a task") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::atomic<int> ended{0};
  for (int i = 0; i < 50; ++i)
    (void)rt.submit([&ended] {
      (void)here().submit([&ended] {
        here().sleep_for(2ms);
        ++ended;
      });
    });
  rt.drain();
  CHECK(ended == 50);
  CHECK_THROWS_WITH_AS(rt.get(rt.submit([&rt] { rt.drain(); })), doctest::Contains("drain()"),
                       troupe::task_error);
}

TEST_CASE("here() outside of a task says so") { CHECK_THROWS_AS(here(), troupe::error); }

TEST_CASE("many program threads, long-lived and short, use a runtime at once") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 2}};
  auto shared = rt.submit<after>(20);
  for (int round = 0; round < test::size(60, 10); ++round) {
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int t = 0; t < 12; ++t)
      threads.emplace_back([&, t] {
        auto mine = rt.submit([](int x, int y) { return x + y; }, shared, t);
        if (rt.get(mine) != 20 + t) return;
        auto timed = rt.submit<after>(t % 3);
        if (rt.get(timed, 50s) != t % 3) return;
        if (rt.wait(std::vector{timed, mine}, 2).ready.size() == 2) ++right;
      });
    for (auto& t : threads) t.join();
    REQUIRE(right == 12);
  }
}

TEST_CASE("more threads than there are counters and lanes wait at once") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 300; ++t)
    threads.emplace_back([&, t] { right += rt.get(rt.submit<after>(20 + t % 5)) == 20 + t % 5; });
  for (auto& t : threads) t.join();
  CHECK(right == 300);
  rt.drain();
  CHECK(rt.stats().tasks_settled == 300);
}

// The program's thread begins the task that it waits for, whose body parks and goes on on a worker:
// the exceptions that the program handles once went along.
TEST_CASE("a get inside a catch block of the program keeps the exception") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  test::gate gate{rt};
  std::atomic<bool> busy{false}, open{false};
  auto holds_the_worker = rt.submit([&] {
    busy = true;
    while (!open) std::this_thread::yield();
  });
  CHECK(test::soon([&] { return busy.load(); }));
  std::string text;
  try {
    try {
      throw std::runtime_error("first");
    } catch (...) {
      auto r = rt.submit([&] {
        CHECK(std::current_exception() == nullptr);
        open = true;
        here().sleep_for(std::chrono::milliseconds(1));
        return 1;
      });
      CHECK(rt.get(r) == 1);
      CHECK(std::current_exception() != nullptr);
      throw;
    }
  } catch (const std::exception& e) { text = e.what(); }
  CHECK(text == "first");
  rt.get(holds_the_worker);
}
