// SPDX-License-Identifier: MIT
// as_completed, and wait for some of many: the first to settle, each wait registered once.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;

namespace {
int after(int ms) {
  here().sleep_for(std::chrono::milliseconds(ms));
  return ms;
}
int after_us(int us) {
  here().sleep_for(std::chrono::microseconds(us));
  return us;
}
template <class F> void in_both(const troupe::runtime& rt, F f) {
  f(rt);
  rt.get(rt.submit([f] { f(here()); }));
}
}  // namespace

TEST_CASE("as_completed gives the refs in the order in which they settle") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  in_both(rt, [](const auto& verbs) {
    std::vector<ref<int>> refs;
    for (int ms : {90, 1, 45}) refs.push_back(verbs.template submit<after>(ms));
    refs.push_back(verbs.put(-1));
    std::vector<int> order;
    for (auto& r : verbs.as_completed(refs)) order.push_back(verbs.get(r));
    CHECK(order == std::vector{-1, 1, 45, 90});
    order.clear();
    for (auto& r : verbs.as_completed(std::move(refs))) order.push_back(verbs.get(std::move(r)));
    CHECK(order == std::vector{90, 1, 45, -1});  // settled already: in the order of the refs
    for (auto& r : verbs.as_completed(std::vector<ref<int>>{})) verbs.get(r);
    CHECK_THROWS_AS(verbs.as_completed(std::vector<ref<int>>(2)), troupe::error);
    int failed = 0;
    for (auto& r : verbs.as_completed(std::vector{verbs.submit([]() -> int { throw 1; })})) {
      try {
        verbs.get(r);
      } catch (const troupe::task_error&) { ++failed; }
    }
    CHECK(failed == 1);
  });
}

TEST_CASE("a loop over as_completed may be left early") {
  test::deadline limit;
  const long before = counted::alive;
  troupe::runtime rt{{.workers = 2}};
  in_both(rt, [](const auto& verbs) {
    test::gate gate{verbs};
    std::vector<ref<counted>> refs;
    for (int i = 0; i < 20; ++i)
      refs.push_back(verbs.submit([](int x, int) { return counted{x}; }, i, gate.closed));
    refs.push_back(verbs.put(counted{100}));
    auto range = verbs.as_completed(std::move(refs));
    for (auto& r : range) {
      CHECK(verbs.get(r).value == 100);
      break;
    }
  });
  rt.drain();
  CHECK(test::soon([&] { return rt.stats().objects == 0; }));
  CHECK(counted::alive == before);
  const auto n = rt.stats();
  CHECK(n.inputs_awaited == n.readiness_messages);
}

TEST_CASE("wait gives the first to settle, not the first in order") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  in_both(rt, [](const auto& verbs) {
    std::vector<ref<int>> refs;
    for (int ms : {60, 1, 30, 90}) refs.push_back(verbs.template submit<after>(ms));
    const auto all = refs;
    auto a = verbs.wait(refs, 1);
    CHECK(a.ready == std::vector{all[1]});
    CHECK(a.pending == std::vector{all[0], all[2], all[3]});
    verbs.get(all);
    auto b = verbs.wait(std::move(a.pending), 1);  // all have settled meanwhile: still the first
    CHECK(b.ready == std::vector{all[2]});
    CHECK(b.pending == std::vector{all[0], all[3]});
    auto c = verbs.wait(b.pending, 1, 1h);
    CHECK(c.ready == std::vector{all[0]});
    CHECK(verbs.wait(std::move(c.pending), 1).pending.empty());
  });
}

TEST_CASE("a ref that is waited for by many calls in a row registers its waiter once") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  in_both(rt, [&rt](const auto& verbs) {
    test::gate gate{verbs};
    std::vector<ref<int>> many;
    for (int i = 0; i < 100; ++i)
      many.push_back(verbs.submit([](int x, int) { return x; }, i, gate.closed));
    CHECK(verbs.wait(many, 1, 1ms).ready.empty());
    const auto before = rt.stats().inputs_awaited;
    for (int i = 0; i < 10; ++i) CHECK(verbs.wait(many, 1 + i % 3, 10us).ready.empty());
    gate.open();
    int total = 0;
    for (int i = 0; !many.empty(); ++i) {
      auto [ready, pending] = verbs.wait(many, std::min<std::size_t>(many.size(), 1 + i % 3));
      CHECK(ready.size() == std::min<std::size_t>(many.size(), 1 + i % 3));
      for (auto& r : ready) total += verbs.get(r);
      many = std::move(pending);
    }
    CHECK(total == 4950);
    CHECK(rt.stats().inputs_awaited <= before + 3);  // the last call waits for all: that is a get
  });
}

// A set holds no refs: an object may go, and another one get its address, between two waits.
TEST_CASE("what stands between two waits holds no values, and is not taken for a new object") {
  test::deadline limit;
  const long before = counted::alive;
  troupe::runtime rt{{.workers = 2}};
  in_both(rt, [before](const auto& verbs) {
    for (int round = 0; round < test::size(200, 40); ++round) {
      test::gate gate{verbs};
      std::vector<ref<counted>> refs;
      for (int i = 0; i < 4; ++i)
        refs.push_back(verbs.submit([](int x, int) { return counted{x}; }, i, gate.closed));
      CHECK(verbs.wait(refs, 1, 0ms).ready.empty());
      CHECK(verbs.wait(refs, 1, 1us).ready.empty());
      if (round % 2 == 0) gate.open();
      refs.clear();
      if (round % 2 == 0) {
        verbs.get(gate.closed);
        CHECK(test::soon([&] { return counted::alive == before; }));
      }
      gate.open();
      for (int i = 0; i < 4; ++i)
        refs.push_back(verbs.submit([](int x) { return counted{x}; }, i + 10));
      for (int i = 0; i < 4; ++i) {
        auto [ready, pending] = verbs.wait(refs, 1);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].settled());
        CHECK(verbs.get(ready[0]).value >= 10);
        refs = std::move(pending);
      }
    }
  });
  rt.drain();
  CHECK(test::soon([&] { return rt.stats().objects == 0; }));
}

TEST_CASE("a ref that stands twice among the refs is ready twice") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto r = rt.submit<after>(1), s = rt.submit<after>(20);
  auto [ready, pending] = rt.wait(std::vector{r, s, r}, 2);
  CHECK(ready == std::vector{r, r});
  CHECK(pending == std::vector{s});
}

TEST_CASE("a runtime ends with sets standing: of tasks, of threads that live on, and half used") {
  test::deadline limit{120s};
  for (int round = 0; round < test::size(60, 15); ++round) {
    std::vector<ref<int>> refs;
    std::vector<ref<std::size_t>> loops;
    std::atomic<int> threads_wait{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    {
      troupe::runtime rt{{.workers = 2}};
      std::mt19937 random{static_cast<unsigned>(round)};
      for (int i = 0; i < 40; ++i)
        refs.push_back(i % 4 == 3 ? rt.submit([] { return after(3'600'000); })
                                  : rt.submit<after_us>(static_cast<int>(random() % 300)));
      for (int t = 0; t < 4; ++t)
        loops.push_back(rt.submit([refs, t] {
          std::size_t n = 0;
          if (t % 2 == 0) {
            for (auto& r : here().as_completed(refs)) n += r.settled() ? 1 : 0;
          } else {
            for (auto many = refs; !many.empty();) {
              auto w = here().wait(many, 1);
              ++n;
              many = std::move(w.pending);
            }
          }
          return n;
        }));
      for (int t = 0; t < 2; ++t)
        threads.emplace_back([&, refs, t] {
          (void)rt.wait(refs, 31, t == 0 ? 1us : 200us);
          ++threads_wait;
          while (!over) std::this_thread::yield();
        });
      auto left = rt.wait(refs, 1 + random() % 20);
      if (round % 2 == 0) refs.clear();
      CHECK(test::soon([&] { return threads_wait == 2; }));
    }
    for (auto& l : loops) CHECK(l.settled());  // cancelled, or they saw all others cancelled
    over = true;
    for (auto& t : threads) t.join();
  }
}

TEST_CASE("threads end and tasks end with a set standing, and nothing is left") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 3}};
  for (int round = 0; round < test::size(20, 5); ++round) {
    std::vector<std::thread> threads;
    std::vector<ref<int>> tasks;
    auto body = [](const auto& verbs, unsigned seed) {
      std::mt19937 random{seed};
      for (int k = 0; k < 5; ++k) {
        std::vector<ref<int>> refs;
        for (int i = 0; i < 12; ++i)
          refs.push_back(verbs.template submit<after_us>(static_cast<int>(random() % 200)));
        for (std::size_t n = random() % 6; n > 0; --n) {
          auto w = random() % 2 == 0
                       ? verbs.wait(std::move(refs), 1)
                       : verbs.wait(refs, 2, std::chrono::microseconds(random() % 100));
          refs = std::move(w.pending);
        }
        if (random() % 2 == 0)
          for (auto& r : verbs.as_completed(refs))
            if (verbs.get(r) > 150) break;
      }
      return 0;
    };
    for (unsigned t = 0; t < 4; ++t) {
      const unsigned seed = static_cast<unsigned>(round) * 4 + t;
      threads.emplace_back([&rt, body, seed] { body(rt, seed); });
      tasks.push_back(rt.submit([body, seed] { return body(here(), seed); }));
    }
    rt.get(tasks);
    for (auto& t : threads) t.join();
  }
  rt.drain();
  CHECK(test::soon([&] { return rt.stats().objects == 0; }));
  CHECK(test::soon([&] {
    const auto n = rt.stats();
    return n.inputs_awaited == n.readiness_messages;
  }));
}

TEST_CASE("refs of several runtimes are waited for together, whichever ends first") {
  test::deadline limit{120s};
  for (int round = 0; round < test::size(60, 15); ++round) {
    auto one = std::make_unique<troupe::runtime>(troupe::runtime_options{.workers = 1});
    auto two = std::make_unique<troupe::runtime>(troupe::runtime_options{.workers = 1});
    std::vector<ref<int>> refs;
    for (int i = 0; i < 10; ++i) {
      refs.push_back(one->submit<after_us>(50 * i));
      refs.push_back(two->submit<after_us>(50 * i));
    }
    auto [ready, pending] = one->wait(refs, 5);
    CHECK(ready.size() == 5);
    auto loop = two->submit([refs] {
      std::size_t n = 0;
      for (auto& r : here().as_completed(refs)) n += r ? 1 : 0;
      return n;
    });
    if (round % 3 == 0) refs.clear(), pending.clear();
    if (round % 2 == 0) one.reset();
    else two.reset();
    CHECK((round % 2 == 1 || two->get(loop) == 20));
  }
}
