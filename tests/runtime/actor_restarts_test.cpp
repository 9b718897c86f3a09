// SPDX-License-Identifier: MIT
// Stateful actors that break, and are made again.
#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using troupe::actor;
using troupe::here;
using troupe::ref;

namespace {
// Counts what there is of it.
struct alive {
  static inline std::atomic<int> now{0}, made{0};
  static void clear() { now = made = 0; }
  alive() { ++now, ++made; }
  alive(const alive&) = delete;
  ~alive() { --now; }
};

// Breaks when it is told to.
class fragile : alive {
public:
  static inline std::atomic<int> breaks_left{0};
  explicit fragile(int n = 0) : n_(n) {}
  int add(int x) { return n_ += x; }
  int value() const { return n_; }
  int breaks(int x) {
    n_ += x;
    throw troupe::actor_broken("at " + std::to_string(n_));
  }
  int breaks_some_times(int x) {
    if (breaks_left-- > 0) throw troupe::actor_broken("once more");
    return n_ += x;
  }
  int breaks_after(ref<int> until) const {
    here().get(until);
    throw troupe::actor_broken("after");
  }
  troupe::stream<int> stream() {
    co_yield n_;
    throw troupe::actor_broken("in a stream");
  }
  int passes_on(ref<int> r) { return here().get(r); }

private:
  int n_;
};

class kept : alive {
public:
  static inline std::atomic<int> taken{0}, snapshots_that_throw{0}, restores_that_throw{0};
  static void clear() { taken = snapshots_that_throw = restores_that_throw = 0; }
  int add(int x) { return n_ += x; }
  int value() const { return n_; }
  int throws() {
    ++n_;
    throw std::runtime_error("only this call");
  }
  int breaks() {
    n_ = -1000;
    throw troupe::actor_broken("at 1000");
  }
  struct state {
    int n;
  };
  state snapshot() const {
    if (snapshots_that_throw > 0 && snapshots_that_throw-- > 0)
      throw std::runtime_error("no snapshot");
    ++taken;
    return {n_};
  }
  void restore(const state& s) {
    if (restores_that_throw > 0 && restores_that_throw-- > 0)
      throw std::runtime_error("no restore");
    n_ = s.n;
  }

private:
  int n_ = 0;
};

// Many write it at a time.
class shared_tally {
public:
  static inline std::atomic<int> snapshots{0};
  int add(int x) { return n_.fetch_add(x) + x; }
  int value() const { return n_; }
  int breaks() { throw troupe::actor_broken("all at once"); }
  std::vector<int> snapshot() const {
    ++snapshots;
    return std::vector<int>(100, n_);
  }
  void restore(const std::vector<int>& s) { n_ = s.at(99); }

private:
  std::atomic<int> n_{0};
};

const troupe::retry_backoff at_once{.first = {}};
}  // namespace
template <> inline constexpr bool troupe::concurrent_method<&shared_tally::add> = true;

TEST_CASE(
    "a method that throws actor_broken ends its actor, and all who call it hear the whole story") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.name = "glass"}).actor<fragile>(1);
  auto r = a.call<&fragile::breaks>(1);
  auto after = a.call<&fragile::add>(1);
  CHECK_SAYS(rt.get(r), troupe::task_error, "at 2");
  try {
    rt.get(r);
  } catch (const troupe::task_error& e) { CHECK(e.is<troupe::actor_broken>()); }
  auto through = rt.submit([](int x) { return x; }, rt.submit([](int x) { return x; }, after));
  CHECK_SAYS(rt.get(through), troupe::actor_died, "actor 'glass' is gone: it broke (1. '");
  CHECK_SAYS(rt.get(a.call<&fragile::add>(1)), troupe::actor_died, "at 2");
  CHECK(test::soon([] { return alive::now == 0; }));
  CHECK_SAYS(rt.get(rt.submit([a] { return here().get(a.call<&fragile::add>(1)); })),
             troupe::actor_died, "glass");
}

TEST_CASE("the failure of another actor's call that a method lets pass does not break its own") {
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.actor<fragile>(1), b = rt.actor<fragile>(1);
  auto broken = a.call<&fragile::breaks>(1);
  CHECK_THROWS_AS(rt.get(b.call<&fragile::passes_on>(broken)), troupe::task_error);
  CHECK(rt.get(b.call<&fragile::add>(1)) == 2);
}

TEST_CASE(
    "an actor with restarts is made again from its arguments, and who waits does not notice") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 2}).actor<fragile>(10);
  CHECK(rt.get(a.call<&fragile::add>(5)) == 15);
  auto r = a.call<&fragile::breaks>(0);
  auto after = a.call<&fragile::add>(1);
  CHECK_THROWS_AS(rt.get(r), troupe::task_error);
  CHECK(rt.get(after) == 11);
  CHECK(alive::now == 1);
  CHECK(alive::made == 2);
  auto s = a.call<&fragile::stream>();
  CHECK(s.next() == 11);
  CHECK_THROWS_AS(s.next(), troupe::task_error);
  CHECK(rt.get(a.call<&fragile::value>()) == 10);
  CHECK_THROWS_AS(rt.get(a.call<&fragile::breaks>(1)), troupe::task_error);
  CHECK_SAYS(rt.get(a.call<&fragile::add>(1)), troupe::actor_died,
             "it broke 3 times, and its restarts = 2 are used up (1. '");
  CHECK_SAYS(rt.get(a.call<&fragile::add>(1)), troupe::actor_died, "; 3. '");
}

TEST_CASE("an actor that is made again waits for its back-off, longer each time") {
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = {.first = 20ms, .factor = 2}, .restarts = 2}).actor<fragile>(1);
  const auto start = std::chrono::steady_clock::now();
  a.call<&fragile::breaks>(1);
  CHECK(rt.get(a.call<&fragile::add>(1)) == 2);
  CHECK(std::chrono::steady_clock::now() - start >= 20ms);
  a.call<&fragile::breaks>(1);
  CHECK(rt.get(a.call<&fragile::add>(1)) == 2);
  CHECK(std::chrono::steady_clock::now() - start >= 60ms);
}

TEST_CASE(
    "stop while an actor is to be made again refuses who waits, and nothing is made any more") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = {.first = 24h, .most = 24h}, .restarts = 2}).actor<fragile>(1);
  CHECK_THROWS_AS(rt.get(a.call<&fragile::breaks>(1)), troupe::task_error);
  auto waits = a.call<&fragile::add>(1);
  a.stop();
  CHECK_THROWS_AS(rt.get(waits), troupe::cancelled);
  CHECK(alive::made == 1);
}

TEST_CASE("an actor that was given up and breaks is made again only for those who still wait") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 5}).actor<fragile>(1);
  test::gate gate{rt};
  auto held = a.call<&fragile::passes_on>(gate.closed);
  auto r = a.call<&fragile::breaks>(1);
  auto after = a.call<&fragile::add>(1);
  auto last = a.call<&fragile::breaks>(1);
  a = {};
  gate.open();
  CHECK_THROWS_AS(rt.get(r), troupe::task_error);
  CHECK(rt.get(after) == 2);
  CHECK_THROWS_AS(rt.get(last), troupe::task_error);
  rt.drain();
  CHECK(test::soon([] { return alive::now == 0; }));
  CHECK(alive::made == 2);
}

TEST_CASE(
    "retry_calls tries a call again that broke its actor, before what its caller called later") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 10, .retry_calls = 2}).actor<fragile>(1);
  fragile::breaks_left = 2;
  auto r = a.call<&fragile::breaks_some_times>(1);
  std::vector<ref<int>> after;
  for (int i = 0; i < 10; ++i) after.push_back(a.call<&fragile::add>(1));
  CHECK(rt.get(r) == 2);
  int expected = 2;
  for (int x : rt.get(after)) CHECK(x == ++expected);
  CHECK(alive::made == 3);
  fragile::breaks_left = 3;
  CHECK_THROWS_AS(rt.get(a.call<&fragile::breaks_some_times>(1)), troupe::task_error);
  CHECK(rt.get(a.call<&fragile::add>(1)) == 2);
}

// Another call began on the fresh object while the one that had broken was on its way back.
TEST_CASE("a call that is tried again keeps its place, however fast the actor is made again") {
  troupe::runtime rt{{.workers = 3}};
  for (int i = 0; i < test::size(2000, 300); ++i) {
    fragile::breaks_left = 1;
    auto a = rt.with({.backoff = at_once, .restarts = 1, .retry_calls = 1}).actor<fragile>(0);
    auto r = a.call<&fragile::breaks_some_times>(1);
    auto next = a.call<&fragile::add>(10);
    REQUIRE(rt.get(r) == 1);
    REQUIRE(rt.get(next) == 11);
  }
}

// The actor thought that nobody wanted it any more, and was gone when the call came back.
TEST_CASE("a call that is tried again keeps its actor, which has no handle any more") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  for (int i = 0; i < test::size(500, 100); ++i) {
    fragile::breaks_left = 2;
    auto r = rt.with({.backoff = at_once, .restarts = 2, .retry_calls = 2})
                 .actor<fragile>(1)
                 .call<&fragile::breaks_some_times>(1);
    REQUIRE(rt.get(r) == 2);
    fragile::breaks_left = 5;
    auto dies = rt.with({.backoff = at_once, .restarts = 1, .retry_calls = 5})
                    .actor<fragile>(1)
                    .call<&fragile::breaks_some_times>(1);
    CHECK_SAYS(rt.get(dies), troupe::actor_died, "used up");
  }
  rt.drain();
  CHECK(test::soon([] { return alive::now == 0; }));
}

TEST_CASE("a call that its actor may have to make again must be copyable, and must not stream") {
  struct picky {
    int takes(std::unique_ptr<int> p) { return *p; }
    int looks(const std::unique_ptr<int>& p) { return *p; }
    troupe::stream<int> streams() { co_yield 1; }
  };
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.restarts = 1, .retry_calls = 1}).actor<picky>();
  CHECK_SAYS(a.call<&picky::takes>(std::make_unique<int>(1)), troupe::error, "retry_calls");
  CHECK_SAYS(a.call<&picky::streams>(), troupe::error, "it gives a stream");
  CHECK(rt.get(a.call<&picky::looks>(std::make_unique<int>(1))) == 1);
}

TEST_CASE("a call that is tried again may be cancelled, and its actor stopped, in between") {
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = {.first = 24h, .most = 24h}, .restarts = 5, .retry_calls = 5})
               .actor<fragile>(1);
  fragile::breaks_left = 1;
  auto r = a.call<&fragile::breaks_some_times>(1);
  CHECK(test::soon([] { return fragile::breaks_left == 0; }));
  (void)rt.cancel(r);
  CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
  a.stop();
  auto b = rt.with({.backoff = {.first = 24h, .most = 24h}, .restarts = 5, .retry_calls = 5})
               .actor<fragile>(1);
  fragile::breaks_left = 1;
  auto q = b.call<&fragile::breaks_some_times>(1);
  CHECK(test::soon([] { return fragile::breaks_left == 0; }));
  b.stop();
  CHECK_THROWS_AS(rt.get(q), troupe::cancelled);
}

TEST_CASE("several breaks at once are one, and told as one") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .concurrency = 3, .restarts = 1}).actor<fragile>(1);
  for (int round = 0; round < 2; ++round) {
    test::gate gate{rt};
    std::vector<ref<int>> all;
    for (int i = 0; i < 3; ++i) all.push_back(a.call<&fragile::breaks_after>(gate.closed));
    gate.open();
    for (auto& r : all) try {
        rt.get(r);
        FAIL_CHECK("it broke");
      } catch (const troupe::error&) {}
    if (round == 0) CHECK(rt.get(a.call<&fragile::add>(1)) == 2);
    else CHECK_SAYS(rt.get(a.call<&fragile::add>(1)), troupe::actor_died, "broke 2 times");
  }
}

// ---- snapshots ----------------------------------------------------------------------------------

TEST_CASE("an actor with a snapshot is made again as it was after its last call that ended well") {
  kept::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 5}).actor<kept>();
  for (int i = 1; i <= 5; ++i) a.call<&kept::add>(1);
  CHECK(rt.get(a.call<&kept::value>()) == 5);
  CHECK(kept::taken == 5);  // none for a const method
  CHECK_THROWS_AS(rt.get(a.call<&kept::breaks>()), troupe::task_error);
  CHECK(rt.get(a.call<&kept::value>()) == 5);
  CHECK(rt.get(a.call<&kept::add>(1)) == 6);
  CHECK_THROWS_AS(rt.get(a.call<&kept::throws>()), troupe::task_error);
  CHECK(rt.get(a.call<&kept::value>()) == 7);  // it goes on
  auto plain = rt.actor<kept>();
  CHECK(rt.get(plain.call<&kept::add>(1)) == 1);
  CHECK(kept::taken == 6);  // no restarts, no snapshots
}

TEST_CASE("snapshot_every says after how many calls, and what came after the last one is lost") {
  kept::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 5, .snapshot_every = 3}).actor<kept>();
  for (int i = 0; i < 8; ++i) a.call<&kept::add>(1);
  CHECK_THROWS_AS(rt.get(a.call<&kept::breaks>()), troupe::task_error);
  CHECK(kept::taken == 2);
  CHECK(rt.get(a.call<&kept::value>()) == 6);
  for (int i = 0; i < 2; ++i) a.call<&kept::add>(1);
  CHECK_THROWS_AS(rt.get(a.call<&kept::breaks>()), troupe::task_error);
  CHECK(rt.get(a.call<&kept::value>()) == 6);  // the count began anew
}

TEST_CASE("a snapshot that throws breaks the actor after its call has given its value") {
  kept::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 1}).actor<kept>();
  CHECK(rt.get(a.call<&kept::add>(1)) == 1);
  kept::snapshots_that_throw = 1;
  CHECK(rt.get(a.call<&kept::add>(1)) == 2);
  CHECK(rt.get(a.call<&kept::value>()) == 1);
  kept::snapshots_that_throw = 1;
  CHECK(rt.get(a.call<&kept::add>(5)) == 6);
  CHECK_SAYS(rt.get(a.call<&kept::value>()), troupe::actor_died, "kept::snapshot': no snapshot");
}

TEST_CASE("a restore that throws is a break like a constructor that does") {
  kept::clear();
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.with({.backoff = at_once, .restarts = 3}).actor<kept>();
  CHECK(rt.get(a.call<&kept::add>(4)) == 4);
  kept::restores_that_throw = 2;
  CHECK_THROWS_AS(rt.get(a.call<&kept::breaks>()), troupe::task_error);
  CHECK(rt.get(a.call<&kept::value>()) == 4);
  kept::restores_that_throw = 1;
  CHECK_THROWS_AS(rt.get(a.call<&kept::breaks>()), troupe::task_error);
  CHECK_SAYS(rt.get(a.call<&kept::value>()), troupe::actor_died, "1. ");
}

// They wrote the count and the place of the snapshot at the same time.
TEST_CASE("methods that run at the same time take their snapshots one by one") {
  troupe::runtime rt{{.workers = 4}};
  shared_tally::snapshots = 0;
  const int n = test::size(20'000, 2'000);
  auto a = rt.with({.backoff = at_once, .concurrency = 4, .restarts = 1}).actor<shared_tally>();
  std::vector<ref<int>> all;
  for (int i = 0; i < n; ++i) all.push_back(a.call<&shared_tally::add>(1));
  rt.get(all);
  CHECK(shared_tally::snapshots == n);
  CHECK_THROWS_AS(rt.get(a.call<&shared_tally::breaks>()), troupe::task_error);
  CHECK(rt.get(a.call<&shared_tally::value>()) == n);
  shared_tally::snapshots = 0;
  auto b = rt.with({.concurrency = 4, .restarts = 1, .snapshot_every = 10}).actor<shared_tally>();
  all.clear();
  for (int i = 0; i < n; ++i) all.push_back(b.call<&shared_tally::add>(1));
  rt.get(all);
  CHECK(shared_tally::snapshots == n / 10);
}
