// SPDX-License-Identifier: MIT
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <string>
#include <vector>

using test::counted;
using test::gate;
using troupe::cancel_result;
using troupe::here;
using troupe::ref;
using namespace std::chrono_literals;

namespace {
// Objects go where their stores are told, perhaps by another thread.
bool all_gone(const troupe::runtime& rt) {
  return test::soon([&] { return rt.stats().objects == 0; });
}
int sleep_long() {
  here().sleep_for(1h);
  return 1;
}
void next(int left) {
  if (left > 0) here().submit<next>(left - 1);
}
int grow(unsigned n) {
  std::vector<ref<int>> kids;
  std::mt19937 random{n};
  for (unsigned k = random() % 4; n > 3 && k > 0; --k)
    kids.push_back(random() % 5 == 0
                       ? here().submit([](int x, unsigned m) { return x + grow(m); },
                                       here().submit(sleep_long), n / 2)
                       : here().submit<grow>(n - 1 - static_cast<unsigned>(random() % (n / 2))));
  if (random() % 3 == 0) here().sleep_for(std::chrono::microseconds(random() % 200));
  if (random() % 4 == 0) return 1;  // its children go on
  int sum = 1;
  for (auto& k : kids)
    sum += random() % 2 ? here().get(k) : here().wait(std::vector{k}, 1).ready[0].value();
  return sum;
}
}  // namespace

TEST_CASE("what waits for its inputs is cancelled before it starts, and never does") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  gate g{rt};
  std::atomic<int> begun{0};
  const long alive = counted::alive;
  auto pending =
      rt.submit([&begun](int, const counted&) { return ++begun, 1; }, g.closed, counted{});
  auto after = rt.submit([&begun](int) { return ++begun, 2; }, pending);
  CHECK(rt.cancel(pending) == cancel_result::before_start);
  CHECK(pending.settled());
  CHECK(rt.cancel(pending) == cancel_result::already_settled);
  CHECK_THROWS_AS(rt.get(pending), troupe::cancelled);
  CHECK_THROWS_AS(rt.get(after), troupe::cancelled);
  CHECK(test::soon(
      [&] { return counted::alive == alive; }));  // its arguments, while the input is still to come
  g.open();
  rt.drain();
  CHECK(begun == 0);
}

TEST_CASE("what has its inputs and waits for a worker is cancelled before it starts") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  std::atomic<bool> go{false}, busy{false};
  std::atomic<int> begun{0};
  auto first = rt.submit([&] {
    busy = true;
    while (!go) std::this_thread::yield();
  });
  REQUIRE(test::soon([&] { return busy.load(); }));
  auto queued = rt.submit([&] { ++begun; });
  auto other = rt.submit([&] { ++begun; });
  CHECK(rt.cancel(queued) == cancel_result::before_start);
  CHECK_THROWS_AS(rt.get(queued), troupe::cancelled);
  go = true;
  rt.get(other);
  rt.drain();
  CHECK(begun == 1);
}

TEST_CASE("a cancelled task that blocks never takes a thread of the side pool") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  gate g{rt};
  std::atomic<int> begun{0};
  auto blocks = rt.with({.blocking = true}).submit([&](int) { ++begun; }, g.closed);
  CHECK(rt.cancel(blocks) == cancel_result::before_start);
  g.open();
  rt.drain();
  CHECK(begun == 0);
}

TEST_CASE("a body wakes with cancelled from a get, a wait and a sleep") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  gate g{rt};
  auto never = g.closed;
  std::atomic<int> parked{0}, woken{0};
  auto tells = [&](auto wait) {
    return rt.submit([&, wait] {
      ++parked;
      try {
        wait();
      } catch (const troupe::cancelled& e) {
        CHECK(std::string(e.what()).find("was cancelled") != std::string::npos);
        ++woken;
        throw;
      }
    });
  };
  std::vector<ref<void>> all;
  all.push_back(tells([&] { (void)here().get(never); }));
  all.push_back(tells([&] { (void)here().get(never, 1h); }));
  all.push_back(tells([&] { (void)here().get(std::vector{never, never}); }));
  all.push_back(tells([&] {
    (void)here().wait(std::vector{never, never, never, never, never, never}, 2);
  }));
  all.push_back(tells([&] { (void)here().wait(std::vector{never}, 1, 1h); }));
  all.push_back(tells([&] { here().sleep_for(1h); }));
  CHECK(test::soon([&] { return parked == static_cast<int>(all.size()); }));
  for (auto& r : all) CHECK(rt.cancel(r) == cancel_result::requested);
  for (auto& r : all) CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
  CHECK(woken == static_cast<int>(all.size()));
}

// The get ran that task on its own stack, and could not wake before that had ended.
TEST_CASE("a get of a task that nobody has begun, and that is no child, wakes with cancelled") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  std::atomic<bool> sleeps{false};
  ref<int> slow, waits;
  auto both = rt.submit([&] {
    slow = here().submit([&] { return sleeps = true, sleep_long(); });
    waits = here().submit([](ref<int> r) { return here().get(r); }, slow);
  });
  rt.get(both, 1min);  // on the worker, which takes the newest first
  CHECK(test::soon([&] { return sleeps.load(); }));
  CHECK(rt.cancel(waits) == cancel_result::requested);
  CHECK_THROWS_AS(rt.get(waits), troupe::cancelled);
  CHECK(!slow.settled());
}

TEST_CASE("a body that swallows cancelled meets it again, and its task settles as cancelled") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::atomic<int> met{0};
  std::atomic<bool> parks{false};
  const long alive = counted::alive;
  auto r = rt.submit([&] {
    for (int i = 0; i < 3; ++i) {
      try {
        parks = true;
        here().sleep_for(1h);
      } catch (const troupe::cancelled&) { ++met; }
    }
    return counted{7};
  });
  CHECK(test::soon([&] { return parks.load(); }));
  CHECK(rt.cancel(r) == cancel_result::requested);
  CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
  CHECK(met == 3);
  CHECK(counted::alive == alive);
}

TEST_CASE(
    "what a cancelled task has spawned ends with it, at any depth, and through tasks that have "
    "ended") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  gate g{rt};
  std::atomic<int> parked{0}, ran{0};
  auto root = rt.submit([&] {
    here().get(here().submit([&] {  // ends at once; its children stay
      here().submit([&] { ++parked, here().sleep_for(1h), ++ran; });
      here().submit([&](int) { ++ran; }, g.closed);  // pending
      here().submit([&] {
        here().submit([&] { ++parked, here().get(g.closed), ++ran; });
        ++parked, here().sleep_for(1h), ++ran;
      });
    }));
    ++parked;
    here().sleep_for(1h);
  });
  auto beside = rt.submit([&](int) { return 5; }, g.closed);
  CHECK(test::soon([&] { return parked == 4; }));
  CHECK(rt.cancel(root) == cancel_result::requested);
  CHECK_THROWS_AS(rt.get(root), troupe::cancelled);
  CHECK(test::soon(
      [&] { return rt.stats().tasks_unended == 2; }));  // the gate, and who was not spawned by it
  CHECK(ran == 0);
  g.open();
  CHECK(rt.get(beside) == 5);
}

TEST_CASE("a child that is spawned after the cancel never begins") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::atomic<bool> up{false}, go{false};
  std::atomic<int> begun{0};
  auto r = rt.submit([&] {
    up = true;
    while (!go) std::this_thread::yield();
    for (int i = 0; i < 50; ++i) here().submit([&] { ++begun; });
  });
  CHECK(test::soon([&] { return up.load(); }));
  CHECK(rt.cancel(r) == cancel_result::requested);
  go = true;
  rt.drain();
  CHECK(begun == 0);
}

// It settled while it was on the list of those who wait, with no mark of its own: whoever told the
// descendants found it again and again, for ever if that was the only worker.
TEST_CASE("a child that asks for resources after the cancel is found once") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1, .resources = {{"seat", 1}}}};
  gate g{rt};
  std::atomic<bool> begun{false}, up{false}, go{false};
  auto beside = rt.with({.blocking = true})
                    .submit(
                        [&begun](ref<int> r) {
                          begun = true;
                          return here().get(r);
                        },
                        g.closed);
  auto r = rt.submit([&] {
    up = true;
    while (!go) std::this_thread::yield();
    here().with({.resources = {{"seat", 1}}}).submit([] {});
    (void)here().cancel(beside);
  });
  CHECK(test::soon([&] { return begun && up; }));
  CHECK(rt.cancel(r) == cancel_result::requested);
  go = true;
  CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
  CHECK_THROWS_AS(rt.get(beside), troupe::cancelled);
}

// A cancel could come between the count of a wait and the wait itself: the withdraw went first, found
// nothing, and the task ended only when what it waited for did.
TEST_CASE("a cancel at the moment when a task begins to wait without a stack") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 3, .resources = {{"seat", 1}}}};
  gate g{rt};
  std::atomic<bool> taken{false};
  auto holder = rt.with({.resources = {{"seat", 1}}})
                    .submit(
                        [&](ref<int> r) {
                          taken = true;
                          return here().get(r);
                        },
                        g.closed);
  CHECK(test::soon([&] { return taken.load(); }));
  for (int round = 0; round < test::size(2000, 200); ++round) {
    auto one = rt.submit([] { return 1; });
    std::vector<ref<int>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(
          rt.submit([](ref<int> r) -> troupe::task<int> { co_return co_await r; }, g.closed));
      all.push_back(rt.submit([](ref<int> r) { return r; }, g.closed));
      all.push_back(rt.with({.resources = {{"seat", 1}}}).submit([](int x) { return x; }, one));
    }
    for (auto& r : all) (void)rt.cancel(r);
    for (auto& r : all) CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
    CHECK(test::soon([&] { return rt.stats().tasks_unended == 2; }));
  }
}

TEST_CASE("a task that has settled is not cancelled, and neither are its children") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  gate g{rt};
  ref<int> child;
  auto parent = rt.submit([&] { child = here().submit([](int x) { return x + 1; }, g.closed); });
  rt.get(parent);
  CHECK(rt.cancel(parent) == cancel_result::already_settled);
  CHECK(rt.cancel(rt.put(1)) == cancel_result::already_settled);
  g.open();
  CHECK(rt.get(child) == 2);
  CHECK_THROWS_AS(rt.cancel(ref<int>{}), troupe::error);
}

TEST_CASE("stop tokens of a cancelled task and its children are told") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 3}};
  std::atomic<int> up{0}, told{0}, called{0};
  auto computes = [&] {
    auto token = here().stop_token();
    std::stop_callback callback(token, [&] { ++called; });
    ++up;
    while (!token.stop_requested()) std::this_thread::yield();
    ++told;
  };
  auto root = rt.submit([&] {
    here().submit(computes);
    computes();
  });
  CHECK(test::soon([&] { return up == 2; }));
  CHECK(rt.cancel(root) == cancel_result::requested);
  CHECK_THROWS_AS(rt.get(root), troupe::cancelled);
  rt.drain();
  CHECK(told == 2);
  CHECK(called == 2);
}

TEST_CASE("a runtime that ends tells the stop tokens of bodies that compute") {
  test::deadline limit;
  std::atomic<bool> up{false}, told{false};
  {
    troupe::runtime rt{{.workers = 1}};
    rt.submit([&] {
      auto token = here().stop_token();
      up = true;
      while (!token.stop_requested()) std::this_thread::yield();
      told = true;
    });
    CHECK(test::soon([&] { return up.load(); }));
  }
  CHECK(told);
}

TEST_CASE("a task that has returned a ref and waits for it can be cancelled") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  gate g{rt};
  std::atomic<bool> returned{false};
  auto r = rt.submit([&]() -> ref<int> {
    returned = true;
    return g.closed;
  });
  CHECK(test::soon([&] { return returned.load(); }));
  CHECK(rt.cancel(r) != cancel_result::before_start);
  CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
}

TEST_CASE("tasks that spawn the next one and end do not pile up") {
  test::deadline limit;
  troupe::runtime rt{
      {.workers = 1}};  // memory that threads pass on to each other is another matter
  auto resident = [] {
    std::size_t size = 0, pages = 0;
    if (auto* f = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(f, "%zu %zu", &size, &pages) != 2) pages = 0;
      std::fclose(f);
    }
    return pages * 4096;
  };
  rt.submit<next>(1000);
  rt.drain();
  const auto before = resident();
  rt.submit<next>(test::size(1'000'000, 20'000));
  rt.drain();
  if (!test::sanitized) CHECK(resident() < before + 8'000'000);  // and not 300 bytes each
}

TEST_CASE(
    "random trees cancelled at random moments: nothing is left, and no descendant gives a value "
    "after it") {
  for (unsigned seed = 1; seed <= static_cast<unsigned>(test::size(400, 40)); ++seed) {
    test::deadline limit;
    troupe::runtime rt{{.workers = 1 + seed % 4}};
    std::mt19937 random{seed};
    std::vector<ref<int>> roots;
    for (int i = 0; i < 4; ++i)
      roots.push_back(rt.submit<grow>(10 + static_cast<unsigned>(random() % 20)));
    test::linger(std::chrono::microseconds(random() % 300));
    std::vector<bool> before;
    for (auto& r : roots) before.push_back(rt.cancel(r) == cancel_result::before_start);
    for (std::size_t i = 0; i < roots.size(); ++i) {
      try {
        (void)rt.get(roots[i]);
        CHECK(!before[i]);
      } catch (const troupe::cancelled&) {}
    }
    roots.clear();
    // roots that had settled have left children that sleep: the runtime's end takes those
  }
  troupe::runtime rt{{.workers = 2}};
  CHECK(all_gone(rt));
}
