// SPDX-License-Identifier: MIT
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

using namespace std::chrono_literals;
using troupe::here;

namespace {
// Keeps the one worker until the test opens it: what is submitted meanwhile waits in the queues.
struct plug {
  std::atomic<bool> begun{false}, open{false};
  explicit plug(troupe::runtime& rt) {
    rt.submit([this] {
      begun = true;
      test::soon([this] { return open.load(); });
    });
    CHECK(test::soon([this] { return begun.load(); }));
  }
};
}  // namespace

TEST_CASE("queued tasks begin by priority, and equals in their order") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  std::vector<int> order;
  plug p{rt};
  for (int i = 0; i < 9; ++i)
    rt.with({.priority = 100 * (1 + i % 3)}).submit([&, i] { order.push_back(i); });
  p.open = true;
  rt.drain();
  CHECK(order == std::vector{2, 5, 8, 1, 4, 7, 0, 3, 6});
}

TEST_CASE("a low priority runs when nothing else is there, a high one does not starve the others") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  std::vector<int> order;
  plug p{rt};
  rt.with({.priority = -100}).submit([&] { order.push_back(-1); });
  for (int i = 0; i < 100; ++i) rt.with({.priority = 5}).submit([&] { order.push_back(1); });
  for (int i = 0; i < 10; ++i) rt.submit([&] { order.push_back(0); });
  p.open = true;
  rt.drain();
  REQUIRE(order.size() == 111);
  CHECK(order.front() == 1);
  CHECK(order.back() == -1);
  const auto first = std::find(order.begin(), order.end(), 0);
  CHECK(first - order.begin() < 20);
}

TEST_CASE("tasks of all priorities wait, get and fail like others") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::vector<troupe::ref<int>> all;
  for (int i = 0; i < test::size(2000, 200); ++i) {
    const auto with = rt.with({.priority = i % 7 - 3});
    if (i > 10)
      all.push_back(
          with.submit([](int a, int b) { return a + b; }, all[static_cast<std::size_t>(i) - 7], i));
    else
      all.push_back(with.submit(
          [](int x) {
            auto child = here().with({.priority = -x}).submit([] { return 1; });
            here().sleep_for(1us);
            return here().get(child) + x;
          },
          i));
  }
  int expected[2000];
  for (std::size_t i = 0; i < all.size(); ++i) {
    expected[i] = static_cast<int>(i) + (i > 10 ? expected[i - 7] : 1);
    CHECK(rt.get(all[i]) == expected[i]);
  }
}

TEST_CASE("a runtime that ends with prioritized tasks in its queues settles them") {
  test::deadline limit;
  std::vector<troupe::ref<int>> all;
  {
    troupe::runtime rt{{.workers = 1}};
    plug p{rt};
    for (int i = 0; i < 100; ++i)
      all.push_back(rt.with({.priority = i - 50}).submit([] { return 1; }));
    rt.stop();
    p.open = true;
  }
  for (auto& r : all) CHECK_THROWS_AS(r.value(), troupe::cancelled);
}
