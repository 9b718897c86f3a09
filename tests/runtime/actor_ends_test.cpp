// SPDX-License-Identifier: MIT
// How stateful actors end, and begin again.
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

class plain : alive {
public:
  explicit plain(int n = 0) : n_(n) {}
  int add(int x) { return n_ += x; }
  int waits(ref<int> until) { return n_ += here().get(until); }
  bool is_told() {
    while (!here().stop_token().stop_requested()) std::this_thread::yield();
    return true;
  }
  int sleeps() {
    here().sleep_for(std::chrono::hours(1));
    return ++n_;
  }

private:
  int n_;
};

// Breaks when it is told to.
class fragile : alive {
public:
  static inline std::atomic<int> constructors_that_throw{0};
  explicit fragile(int n = 0) : n_(n) {
    if (constructors_that_throw > 0) {
      --constructors_that_throw;
      throw std::runtime_error("no luck");
    }
  }
  int add(int x) { return n_ += x; }
  int breaks(int) { throw troupe::actor_broken("at " + std::to_string(n_)); }
  int passes_on(ref<int> r) { return here().get(r); }

private:
  int n_;
};

const troupe::retry_backoff at_once{.first = {}};
}  // namespace

// ---- handles ------------------------------------------------------------------------------------

TEST_CASE("the last handle ends the actor, after the calls that were made") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  test::gate gate{rt};
  auto a = rt.actor<plain>(1);
  auto first = a.call<&plain::waits>(gate.closed);
  auto second = a.call<&plain::add>(gate.closed);
  auto third = a.call<&plain::add>(1);
  a = {};
  CHECK(test::soon([] { return alive::now == 1; }));
  gate.open();
  CHECK(rt.get(first) == 2);
  CHECK(rt.get(second) == 3);
  CHECK(rt.get(third) == 4);
  rt.drain();
  CHECK(test::soon([] { return alive::now == 0; }));
}

TEST_CASE(
    "an actor without handles that nobody calls is destroyed, whatever its constructor waits for") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  (void)rt.actor<plain>(1);
  rt.drain();
  CHECK(test::soon([] { return alive::made == 1 && alive::now == 0; }));
  test::gate gate{rt};
  (void)rt.actor<plain>(gate.closed);
  gate.open();
  rt.drain();
  CHECK(test::soon([] { return alive::made == 2 && alive::now == 0; }));
}

TEST_CASE(
    "handles that lie in an actor's object, its arguments and its values hold other actors, and "
    "let them go with them") {
  alive::clear();
  struct holder : alive {
    actor<plain> of;
    explicit holder(actor<plain> a) : of(std::move(a)) {}
    actor<plain> give() { return of; }
    int add(actor<plain> a) { return here().get(a.call<&plain::add>(1)); }
  };
  troupe::runtime rt{{.workers = 2}};
  auto h = rt.actor<holder>(rt.actor<plain>(1));
  auto inner = h.call<&holder::give>();
  CHECK(rt.get(h.call<&holder::add>(inner)) == 2);
  CHECK(alive::now == 2);
  h = {};
  rt.drain();
  CHECK(test::soon([] { return alive::now == 1; }));
  CHECK(rt.get(rt.get(inner).call<&plain::add>(1)) == 3);
  inner = {};
  rt.drain();
  CHECK(test::soon([] { return alive::now == 0; }));
}

// Each destroyed the next one's object on the stack where its own was.
TEST_CASE("a long chain of actors that hold the next one goes, also in a task") {
  alive::clear();
  struct link : alive {
    actor<link> next;
    explicit link(actor<link> n) : next(std::move(n)) {}
  };
  troupe::runtime rt{{.workers = 2}};
  const int n = test::size(20'000, 5'000);
  auto make = [n](const troupe::scope& on) {
    actor<link> first;
    for (int i = 0; i < n; ++i) first = on.actor<link>(std::move(first));
    return first;
  };
  auto chain = make(rt);
  rt.drain();
  CHECK(alive::now == n);
  chain = {};
  CHECK(test::soon([] { return alive::now == 0; }));
  rt.get(rt.submit([make] { (void)make(here()); }));
  rt.drain();
  CHECK(test::soon([] { return alive::now == 0; }));
}

TEST_CASE("an actor that holds itself lives until the runtime's end, or until it is stopped") {
  alive::clear();
  struct selfish : alive {
    actor<selfish> me;
    void hold(actor<selfish> a) { me = std::move(a); }
  };
  {
    troupe::runtime rt{{.workers = 2}};
    auto a = rt.actor<selfish>();
    rt.get(a.call<&selfish::hold>(a));
    auto b = rt.actor<selfish>();
    rt.get(b.call<&selfish::hold>(b));
    a = {};
    b.stop();
    b = {};
    rt.drain();
    CHECK(test::soon([] { return alive::now == 1; }));
  }
  CHECK(alive::now == 0);
}

TEST_CASE(
    "a detached actor lives without handles, is found by its name, and ends when it is stopped or "
    "with its runtime") {
  alive::clear();
  {
    troupe::runtime rt{{.workers = 2}};
    (void)rt.with({.name = "one", .detached = true}).actor<plain>(1);
    (void)rt.with({.name = "two", .detached = true}).actor<plain>(2);
    rt.drain();
    CHECK(alive::now == 2);
    CHECK(rt.get(rt.find_actor<plain>("one").call<&plain::add>(1)) == 2);
    rt.find_actor<plain>("one").stop();
    CHECK(test::soon([] { return alive::now == 1; }));
    CHECK_THROWS_AS(rt.find_actor<plain>("one"), troupe::error);
  }
  CHECK(alive::now == 0);
}

TEST_CASE("a handle outlives its runtime: its calls say so, and it may be dropped") {
  alive::clear();
  actor<plain> a, b;
  {
    troupe::runtime rt{{.workers = 2, .name = "short"}};
    a = rt.with({.name = "tally"}).actor<plain>(1);
    b = rt.with({.detached = true}).actor<plain>(1);
    CHECK(rt.get(a.call<&plain::add>(1)) == 2);
  }
  CHECK(alive::now == 0);
  CHECK_SAYS(a.call<&plain::add>(1), troupe::cancelled, "tally");
  CHECK(a.name() == "tally");
  a.stop();
  auto copy = a;
  a = {};
  CHECK(copy);
}

// ---- stop ---------------------------------------------------------------------------------------

TEST_CASE(
    "stop cancels the calls that wait, for their turn or their refs, and lets those go on that "
    "have begun") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  test::gate gate{rt}, never{rt};
  auto a = rt.with({.name = "tally"}).actor<plain>(1);
  auto parked = a.call<&plain::waits>(gate.closed);
  while (alive::now == 0) std::this_thread::yield();
  rt.get(rt.submit([] {}));
  auto unready = a.call<&plain::add>(never.closed), queued = a.call<&plain::add>(1);
  auto from_other = rt.get(rt.submit([a] { return std::vector{a.call<&plain::add>(1)}; }));
  a.stop();
  a.stop();
  CHECK_SAYS(rt.get(queued), troupe::cancelled, "actor 'tally' was stopped");
  CHECK_SAYS(rt.get(unready), troupe::cancelled, "was stopped");
  CHECK_SAYS(rt.get(from_other[0]), troupe::cancelled, "was stopped");
  CHECK_SAYS(rt.get(a.call<&plain::add>(1)), troupe::cancelled, "was stopped");
  CHECK(alive::now == 1);
  gate.open();
  try {
    CHECK(rt.get(parked) == 2);
  } catch (const troupe::cancelled&) {  // it had not begun
  }
  CHECK(test::soon([] { return alive::now == 0; }));
  CHECK_SAYS(rt.get(a.call<&plain::add>(1)), troupe::cancelled, "was stopped");
}

TEST_CASE("a running call goes on after stop, and its actor is destroyed after it") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  static std::atomic<bool> in, out;
  in = out = false;
  struct busy : alive {
    bool works() {
      in = true;
      while (!out) std::this_thread::yield();
      return alive::now == 1;
    }
  };
  auto a = rt.actor<busy>();
  auto works = a.call<&busy::works>();
  CHECK(test::soon([] { return in.load(); }));
  a.stop();
  a = {};
  CHECK(alive::now == 1);
  out = true;
  CHECK(rt.get(works));
  CHECK(test::soon([] { return alive::now == 0; }));
}

TEST_CASE(
    "stop before the constructor has its inputs refuses all calls, and what it makes is "
    "destroyed") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  test::gate gate{rt};
  auto a = rt.actor<plain>(gate.closed);
  auto waits = a.call<&plain::add>(1);
  a.stop();
  CHECK_THROWS_AS(rt.get(waits), troupe::cancelled);
  gate.open();
  rt.drain();
  CHECK(test::soon([] { return alive::now == 0; }));
}

// The call's task looked for its actor when nothing held it any more.
TEST_CASE("a call of an actor that is over may outlive the last handle") {
  troupe::runtime rt{{.workers = 2}};
  for (int i = 0; i < test::size(3000, 500); ++i) {
    auto a = rt.actor<plain>(1);
    a.stop();
    if (i % 2) rt.drain();
    auto r = a.call<&plain::add>(1);
    auto u = a.call<&plain::add>(rt.submit([] { return 1; }));
    a = {};
    CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
    CHECK_THROWS_AS(rt.get(u), troupe::cancelled);
  }
}

TEST_CASE(
    "a runtime that is stopped or destroyed settles the calls of its actors, whatever they wait "
    "for") {
  for (int how = 0; how < 2; ++how) {
    CAPTURE(how);
    alive::clear();
    std::vector<ref<int>> all;
    ref<int> runs;
    actor<plain> kept_handle;
    {
      troupe::runtime rt{{.workers = 2}};
      auto never = rt.submit([] {
        here().sleep_for(std::chrono::hours(10));
        return 1;
      });
      auto open = rt.with({.reentrant = true}).actor<plain>(1);
      auto a = rt.actor<plain>(1), unborn = rt.actor<plain>(never);
      auto broken =
          rt.with({.backoff = {.first = std::chrono::hours(1)}, .restarts = 3}).actor<fragile>(1);
      broken.call<&fragile::breaks>(1);
      all = {a.call<&plain::waits>(never),
             a.call<&plain::add>(1),
             a.call<&plain::add>(never),
             open.call<&plain::waits>(never),
             open.call<&plain::waits>(never),
             open.call<&plain::sleeps>(),
             open.call<&plain::add>(never),
             unborn.call<&plain::add>(1),
             unborn.call<&plain::add>(never),
             broken.call<&fragile::add>(1),
             broken.call<&fragile::passes_on>(never)};
      kept_handle = a;
      rt.get(rt.submit([] {}));
      if (how == 0) {
        rt.stop();
        CHECK_THROWS_AS(a.call<&plain::add>(1), troupe::cancelled);
        CHECK_THROWS_AS(rt.actor<plain>(1), troupe::cancelled);
      }
    }
    for (auto& r : all) CHECK_THROWS_AS(r.value(), troupe::cancelled);
    CHECK(alive::now == 0);
  }
}

// ---- cancel and deadlines -----------------------------------------------------------------------

TEST_CASE("a cancel meets a call while it waits for inputs, stands in line, runs, or is parked") {
  troupe::runtime rt{{.workers = 2}};
  test::gate gate{rt}, never{rt};
  auto a = rt.actor<plain>(0);
  auto parked = a.call<&plain::waits>(never.closed);
  auto in_line = a.call<&plain::add>(1), waits = a.call<&plain::add>(never.closed),
       behind = a.call<&plain::add>(2);
  CHECK(rt.cancel(waits) == troupe::cancel_result::before_start);
  CHECK_THROWS_AS(rt.get(waits), troupe::cancelled);
  CHECK(rt.cancel(in_line) == troupe::cancel_result::before_start);
  CHECK_THROWS_AS(rt.get(in_line), troupe::cancelled);
  CHECK_FALSE(behind.settled());
  (void)rt.cancel(parked);
  CHECK_THROWS_AS(rt.get(parked), troupe::cancelled);
  CHECK(rt.get(behind) == 2);  // none of the others has added
  auto runs = a.call<&plain::is_told>();
  auto next = a.call<&plain::add>(1);
  rt.get(rt.submit([] {}));
  (void)rt.cancel(runs);
  CHECK_THROWS_AS(rt.get(runs), troupe::cancelled);
  CHECK(rt.get(next) == 3);
}

TEST_CASE("a deadline passes while a call waits for inputs, stands in line, or is parked") {
  troupe::runtime rt{{.workers = 2}};
  test::gate never{rt};
  auto a = rt.actor<plain>(0);
  auto held = a.call<&plain::waits>(never.closed);
  auto soon = a.with({.name = "soon", .deadline = 5ms});
  auto in_line = soon.call<&plain::add>(1), waits = soon.call<&plain::add>(never.closed);
  CHECK_SAYS(rt.get(in_line), troupe::deadline_exceeded, "'soon'");
  CHECK_SAYS(rt.get(waits), troupe::deadline_exceeded, "'soon'");
  rt.cancel(held);
  CHECK_SAYS(rt.get(soon.call<&plain::sleeps>()), troupe::deadline_exceeded, "'soon'");
  CHECK_SAYS(rt.get(soon.call<&plain::is_told>()), troupe::deadline_exceeded, "'soon'");
  CHECK(rt.get(a.with({.deadline = 1h}).call<&plain::add>(7)) == 7);
}

TEST_CASE(
    "the calls that a task has made end with it when it is cancelled, and the actors it made do "
    "not") {
  troupe::runtime rt{{.workers = 2}};
  test::gate never{rt};
  auto a = rt.actor<plain>(0);
  auto held = a.call<&plain::waits>(never.closed);
  auto [mine, calls] = rt.submit([a, n = never.closed] {
    auto own = here().actor<plain>(5);
    return std::tuple{own,
                      std::vector<ref<int>>{a.call<&plain::add>(1), own.call<&plain::waits>(n)}};
  });
  auto made = rt.get(calls);  // that task has settled: its children go on
  auto other = rt.submit(
      [a, n = never.closed](actor<plain> own) {
        own.call<&plain::waits>(n);
        return here().get(a.call<&plain::add>(1));
      },
      mine);
  rt.get(rt.submit([] {}));
  (void)rt.cancel(other);
  CHECK_THROWS_AS(rt.get(other), troupe::cancelled);
  for (auto& r : made) (void)rt.cancel(r);
  rt.cancel(held);
  auto own = rt.get(mine);
  CHECK(rt.get(own.call<&plain::add>(1)) == 6);
  CHECK(rt.get(a.call<&plain::add>(1)) == 1);
}

// ---- constructors -------------------------------------------------------------------------------

TEST_CASE(
    "a constructor that throws, or whose input failed, ends the actor, and its callers hear why") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  fragile::constructors_that_throw = 1;
  auto a = rt.actor<fragile>(1);
  auto r = a.call<&fragile::add>(1);
  CHECK_SAYS(rt.get(rt.submit([](int x) { return x; }, r)), troupe::actor_died, "no luck");
  CHECK_SAYS(rt.get(a.call<&fragile::add>(1)), troupe::actor_died, "fragile");
  auto bad = rt.submit([]() -> int { throw std::runtime_error("no input"); });
  auto b = rt.with({.name = "fed"}).actor<fragile>(bad);
  CHECK_SAYS(rt.get(b.call<&fragile::add>(1)), troupe::actor_died, "actor 'fed' is gone");
  CHECK_SAYS(rt.get(b.call<&fragile::add>(1)), troupe::actor_died, "no input");
  auto c = rt.with({.restarts = 2}).actor<fragile>(bad);
  CHECK_SAYS(rt.get(c.call<&fragile::add>(1)), troupe::actor_died, "no input");
  try {
    rt.get(c.call<&fragile::add>(1));
  } catch (const troupe::actor_died& e) { CHECK_FALSE(test::says(e, "used up")); }
  CHECK(alive::now == 0);
}

TEST_CASE("a constructor that throws is tried again as often as the restarts say") {
  alive::clear();
  troupe::runtime rt{{.workers = 2}};
  fragile::constructors_that_throw = 2;
  auto a = rt.with({.backoff = at_once, .restarts = 2}).actor<fragile>(rt.put(1));
  CHECK(rt.get(a.call<&fragile::add>(1)) == 2);
  fragile::constructors_that_throw = 3;
  auto b = rt.with({.backoff = at_once, .restarts = 2}).actor<fragile>(1);
  CHECK_SAYS(rt.get(b.call<&fragile::add>(1)), troupe::actor_died,
             "it broke 3 times, and its restarts = 2 are used up (1. 'fragile': no luck; 2. "
             "'fragile': no luck; 3. 'fragile': no luck)");
  CHECK(fragile::constructors_that_throw == 0);
}

TEST_CASE("a constructor may park, call others and make actors; calls wait for it") {
  struct box {
    ref<int> r;
  };
  struct parent {
    actor<plain> child;
    int n;
    explicit parent(const box& until)
        : child(here().actor<plain>(1)),
          n(here().get(until.r) + here().get(child.call<&plain::add>(1))) {}
    int value() const { return n; }
  };
  troupe::runtime rt{{.workers = 2}};
  test::gate gate{rt};
  auto p = rt.actor<parent>(box{gate.closed});
  auto n = p.call<&parent::value>();
  rt.get(rt.submit([] {}));
  CHECK_FALSE(n.settled());
  gate.open();
  CHECK(rt.get(n) == 3);
}

TEST_CASE("an argument that cannot be copied goes with no restarts, and the error names a way") {
  struct owner {
    std::unique_ptr<int> p;
    explicit owner(std::unique_ptr<int> q) : p(std::move(q)) {}
    int value() const { return *p; }
  };
  troupe::runtime rt{{.workers = 2}};
  CHECK(rt.get(rt.actor<owner>(std::make_unique<int>(4)).call<&owner::value>()) == 4);
  auto a = rt.with({.restarts = 1}).actor<owner>(std::make_unique<int>(4));
  CHECK_SAYS(rt.get(a.call<&owner::value>()), troupe::actor_died, "shared_ptr");
}
