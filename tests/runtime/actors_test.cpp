// SPDX-License-Identifier: MIT
#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::actor;
using troupe::here;
using troupe::ref;

namespace {
class counter {
public:
  explicit counter(int start = 0) : n_(start) {}
  int add(int x) { return n_ += x; }
  int value() const { return n_; }
  void reset() noexcept { n_ = 0; }
  int fails(int x) {
    n_ += x;
    throw std::runtime_error("no room for " + std::to_string(x));
  }
  std::tuple<int, std::string> both() const { return {n_, std::to_string(n_)}; }
  ref<int> later(int x) {
    return here().submit([](int a, int b) { return a + b; }, n_, x);
  }
  troupe::stream<int> down() {
    for (int i = n_; i > 0; --i) co_yield i;
  }
  troupe::task<int> sum_with(ref<int> r) {
    const int x = co_await r;
    co_return n_ += x;
  }
  long sum(const std::vector<int>& v, const std::map<int, int>& m) {
    long all = n_;
    for (int x : v) all += x;
    for (auto [k, x] : m) all += x;
    return all;
  }
  int takes(std::unique_ptr<int> p) { return n_ += *p; }
  std::unique_ptr<int> gives() { return std::make_unique<int>(n_); }
  int views(counted a, const counted& b, counted&& c) { return a.value + b.value + c.value; }

private:
  int n_;
};

// Who has been in, in order; parks where it is told to.
class tape {
public:
  int write(int x, int) {
    log_.push_back(x);
    return x;
  }
  void note(int x) { log_.push_back(x); }
  std::vector<int> read() const { return log_; }
  // Parks in its middle.
  void around(int x, ref<int> until) {
    log_.push_back(x);
    here().get(until);
    log_.push_back(-x);
  }
  troupe::task<int> awaits(int x, ref<int> until) {
    log_.push_back(x);
    co_await until;
    log_.push_back(-x);
    co_return x;
  }

private:
  std::vector<int> log_;
};

// How many bodies run in it, now and at most.
class room {
public:
  static inline std::atomic<int> inside{0}, most{0}, exclusive{0}, wrong{0};
  static void clear() { inside = most = exclusive = wrong = 0; }
  void alone(int turns) {
    if (++inside != 1 || ++exclusive != 1) ++wrong;
    spin(turns);
    --exclusive, --inside;
  }
  void together(int turns) const { beside(turns); }
  void safe(int turns) { beside(turns); }
  void parks(ref<int> until) const {
    if (exclusive != 0) ++wrong;
    here().get(until);
    if (exclusive != 0) ++wrong;
  }

private:
  static inline std::atomic<int> here_{0};
  static void spin(int turns) {
    for (int i = 0; i < turns; ++i) here_.load();
  }
  static void beside(int turns) {
    const int now = ++inside;
    if (exclusive != 0) ++wrong;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
    spin(turns);
    --inside;
  }
};
}  // namespace
template <> inline constexpr bool troupe::concurrent_method<&room::safe> = true;

namespace {
struct handed_on {
  int n = 0;
  int next() { return ++n; }
};
}  // namespace

TEST_CASE("a method's calls change one object, one at a time, and give refs at once") {
  troupe::runtime rt{{.workers = 2}};
  auto c = rt.actor<counter>(3);
  ref<int> seven = c.call<&counter::add>(4);
  CHECK(rt.get(seven) == 7);
  std::vector<ref<int>> all;
  for (int i = 0; i < 1000; ++i) all.push_back(c.call<&counter::add>(1));
  int expected = 7;
  for (int x : rt.get(all)) CHECK(x == ++expected);
  ref<void> reset = c.call<&counter::reset>();
  CHECK(rt.get(c.call<&counter::value>()) == 0);
  CHECK(reset.settled());
  CHECK(c.name().find("counter") != std::string::npos);
}

TEST_CASE(
    "arguments and constructor arguments may be values or refs, anywhere that submit takes them") {
  troupe::runtime rt{{.workers = 2}};
  test::gate gate{rt};
  auto slow = rt.submit([](int x) { return x + 4; }, gate.closed);
  auto c = rt.actor<counter>(slow);
  auto sum = c.call<&counter::sum>(std::vector<ref<int>>{slow, rt.put(1)},
                                   std::map<int, ref<int>>{{1, slow}, {2, rt.put(2)}});
  CHECK_FALSE(sum.settled());
  gate.open();
  CHECK(rt.get(sum) == 5 + 6 + 7);
  CHECK(rt.get(c.call<&counter::takes>(std::make_unique<int>(2))) == 7);
  CHECK(*rt.get(c.call<&counter::gives>()) == 7);
  auto moved = rt.submit([] { return std::make_unique<int>(10); });
  CHECK(rt.get(c.call<&counter::takes>(std::move(moved))) == 17);
  counted::reset();
  CHECK(rt.get(c.call<&counter::views>(counted{1}, counted{2}, counted{3})) == 6);
  CHECK(counted::copies == 0);
}

TEST_CASE("methods return what functions may: tuples, refs, streams, coroutines, void") {
  troupe::runtime rt{{.workers = 2}};
  auto c = rt.actor<counter>(4);
  auto [n, text] = c.call<&counter::both>();
  CHECK(rt.get(n) == 4);
  CHECK(rt.get(text) == "4");
  CHECK(rt.get(c.call<&counter::later>(5)) == 9);
  std::vector<int> seen;
  for (const int& x : c.call<&counter::down>()) seen.push_back(x);
  CHECK(seen == std::vector{4, 3, 2, 1});
  CHECK(rt.get(c.call<&counter::sum_with>(rt.put(6))) == 10);
  static_assert(std::is_same_v<decltype(c.call<&counter::reset>()), ref<void>>);
  static_assert(std::is_same_v<decltype(c.call<&counter::later>(1)), ref<int>>);
  static_assert(std::is_same_v<decltype(c.call<&counter::sum_with>(rt.put(1))), ref<int>>);
}

TEST_CASE("an exception fails its call, with its story, and not the actor") {
  troupe::runtime rt{{.workers = 2}};
  auto c = rt.actor<counter>(1);
  auto bad = c.call<&counter::fails>(5);
  auto after = rt.submit([](int x) { return x; }, bad);
  try {
    rt.get(after);
    FAIL("it failed");
  } catch (const troupe::task_error& e) {
    CHECK(e.is<std::runtime_error>());
    CHECK(e.text() == "no room for 5");
    CHECK(e.task().find("counter::fails") != std::string::npos);
  }
  CHECK(rt.get(c.call<&counter::value>()) == 6);
  CHECK_THROWS_AS(rt.get(c.call<&counter::add>(bad)), troupe::task_error);  // an input failed
  CHECK(rt.get(c.call<&counter::value>()) == 6);
}

TEST_CASE(
    "calls of one caller have their turns in the order made, also when the first ones wait for "
    "refs") {
  troupe::runtime rt{{.workers = 2}};
  for (int round = 0; round < 50; ++round) {
    auto t = rt.actor<tape>();
    test::gate gate{rt};
    std::vector<int> expected;
    for (int i = 0; i < 20; ++i) {
      if (i % 3 == 0) t.call<&tape::write>(i, gate.closed);
      else t.call<&tape::write>(i, 0);
      expected.push_back(i);
    }
    auto all = t.call<&tape::read>();
    CHECK_FALSE(all.settled());
    gate.open();
    CHECK(rt.get(all) == expected);
  }
}

TEST_CASE("a call whose refs are missing holds up its caller's later calls, and nobody else's") {
  troupe::runtime rt{{.workers = 2}};
  auto t = rt.actor<tape>();
  test::gate gate{rt};
  auto first = t.call<&tape::write>(1, gate.closed);
  auto second = t.call<&tape::write>(2, 0);
  auto other = rt.submit([t] { return here().get(t.call<&tape::write>(3, 0)); });
  CHECK(rt.get(other) == 3);
  int from_a_thread = 0;
  std::thread{[&] { from_a_thread = rt.get(t.call<&tape::write>(4, 0)); }}.join();
  CHECK(from_a_thread == 4);
  CHECK_FALSE(first.settled());
  CHECK_FALSE(second.settled());
  gate.open();
  CHECK(rt.get(t.call<&tape::read>()) == std::vector{3, 4, 1, 2});
}

TEST_CASE("who calls little waits for one call of who calls much, not for all of them") {
  troupe::runtime rt{{.workers = 2}};
  auto t = rt.actor<tape>();
  test::gate gate{rt};
  auto holds = t.call<&tape::around>(1, gate.closed);  // all others come while it is parked
  auto flood = rt.submit([t] {
    for (int i = 0; i < 1000; ++i) t.call<&tape::note>(1000);
  });
  rt.get(flood);
  auto small = rt.submit([t] {
    for (int i = 0; i < 10; ++i) t.call<&tape::note>(5);
  });
  rt.get(small);
  gate.open();
  rt.drain();
  const auto log = rt.get(t.call<&tape::read>());
  REQUIRE(log.size() == 1012);
  std::size_t last = 0;
  for (std::size_t i = 0; i < log.size(); ++i)
    if (log[i] == 5) last = i;
  CHECK(last <= 2 + 2 * 10);
}

TEST_CASE("while a method is parked nobody else gets in") {
  troupe::runtime rt{{.workers = 2}};
  auto t = rt.actor<tape>();
  for (int k = 0; k < 2; ++k) {
    test::gate gate{rt};
    if (k == 0) t.call<&tape::around>(1, gate.closed);
    else t.call<&tape::awaits>(2, gate.closed);
    auto other = rt.submit([t] { return here().get(t.call<&tape::write>(7, 0)); });
    rt.get(rt.submit([] {}));
    CHECK_FALSE(other.settled());
    gate.open();
    CHECK(rt.get(other) == 7);
  }
  CHECK(rt.get(t.call<&tape::read>()) == std::vector{1, -1, 7, 2, -2, 7});
}

TEST_CASE(
    "while a method of a reentrant actor is parked others get in, and it comes back before those "
    "who wait") {
  troupe::runtime rt{{.workers = 2}};
  auto t = rt.with({.reentrant = true}).actor<tape>();
  for (int k = 0; k < 2; ++k) {
    CAPTURE(k);
    test::gate gate{rt};
    auto parks = k == 0 ? t.call<&tape::around>(1, gate.closed)
                        : t.call<&tape::awaits>(1, gate.closed).then([](int) {});
    CHECK(rt.get(t.call<&tape::write>(7, 0), 20s) == 7);
    CHECK_FALSE(parks.settled());
    gate.open();
    rt.get(parks);
  }
  CHECK(rt.get(t.call<&tape::read>()) == std::vector{1, 7, -1, 1, 7, -1});
}

TEST_CASE("two bodies of a reentrant actor never run at a time") {
  room::clear();
  struct hall {
    void work(int turns) {
      room r;
      r.alone(turns);
      here().sleep_for(std::chrono::microseconds(turns % 50));
      r.alone(turns);
      here().get(here().submit([] { return 1; }));
      r.alone(turns);
    }
  };
  troupe::runtime rt{{.workers = 4}};
  auto h = rt.with({.reentrant = true}).actor<hall>();
  std::vector<ref<void>> all;
  for (int i = 0; i < test::size(3000, 300); ++i) all.push_back(h.call<&hall::work>(i % 200));
  rt.get(all);
  CHECK(room::wrong == 0);
}

TEST_CASE(
    "with a concurrency, const methods and concurrent ones run together, at most so many, and "
    "others alone") {
  room::clear();
  troupe::runtime rt{{.workers = 4}};
  auto r = rt.with({.concurrency = 3}).actor<room>();
  std::vector<ref<void>> all;
  for (int i = 0; i < test::size(6000, 600); ++i) {
    if (i % 7 == 0) all.push_back(r.call<&room::alone>(100));
    else if (i % 3 == 0) all.push_back(r.call<&room::safe>(500));
    else all.push_back(r.call<&room::together>(500));
  }
  rt.get(all);
  CHECK(room::wrong == 0);
  CHECK(room::most <= 3);
}

TEST_CASE(
    "so many const methods as the concurrency says are in at a time, and an exclusive one waits "
    "for them all") {
  troupe::runtime rt{{.workers = 2}};
  room::clear();
  auto r = rt.with({.concurrency = 2}).actor<room>();
  test::gate one{rt}, two{rt};
  auto a = r.call<&room::parks>(one.closed), b = r.call<&room::parks>(two.closed);
  auto alone = r.call<&room::alone>(1);
  auto behind = r.call<&room::together>(1);  // must not overtake
  two.open();
  rt.get(b, 20s);  // so b was in beside a
  CHECK_FALSE(alone.settled());
  CHECK_FALSE(behind.settled());
  one.open();
  rt.get(std::vector{alone, behind}, 20s);
  CHECK(room::wrong == 0);
}

TEST_CASE(
    "a method may call, submit and wait, and a get of a call of its own actor is a deadlock that "
    "says what to do") {
  struct self {
    actor<self> me;
    void knows(actor<self> a) { me = a; }
    int one() { return 1; }
    int two() const { return 2; }
    int waits() { return here().get(me.call<&self::one>()); }
    int waits_long(bool many) {
      auto r = me.call<&self::one>();
      if (many) return here().get(std::vector{r, me.call<&self::one>()})[1];
      return here().get(r, std::chrono::hours(1));
    }
    troupe::task<int> awaits() { co_return co_await me.call<&self::one>(); }
    int reads() const { return here().get(me.call<&self::two>()); }
    ref<int> returns() { return me.call<&self::one>(); }
    void forgets() { me = {}; }
  };
  troupe::runtime rt{{.workers = 2}};
  auto s = rt.actor<self>();
  s.call<&self::knows>(s);
  CHECK_SAYS(rt.get(s.call<&self::waits>()), troupe::deadlock, "reentrant");
  CHECK_SAYS(rt.get(s.call<&self::waits_long>(false)), troupe::deadlock,
             "call the method directly");
  CHECK_SAYS(rt.get(s.call<&self::waits_long>(true)), troupe::deadlock, "self");
  CHECK_SAYS(rt.get(s.call<&self::awaits>(), 20s), troupe::deadlock, "reentrant");
  CHECK(rt.get(s.call<&self::returns>()) == 1);
  CHECK(rt.get(s.call<&self::one>()) == 1);
  rt.get(s.call<&self::forgets>());

  auto shared = rt.with({.concurrency = 2}).actor<self>();
  shared.call<&self::knows>(shared);
  CHECK(rt.get(shared.call<&self::reads>(), 20s) == 2);
  CHECK_SAYS(rt.get(shared.call<&self::waits>()), troupe::deadlock, "self");
  rt.get(shared.call<&self::forgets>());

  auto open = rt.with({.reentrant = true}).actor<self>();
  open.call<&self::knows>(open);
  CHECK(rt.get(open.call<&self::waits>(), 20s) == 1);
  CHECK(rt.get(open.call<&self::awaits>(), 20s) == 1);
  rt.get(open.call<&self::forgets>());
}

TEST_CASE("the options of an actor hold for its calls, also for those with options of their own") {
  struct worker {
    std::thread::id where() const { return std::this_thread::get_id(); }
    std::string name() const { return std::string(here().name()); }
    std::size_t deep(int n) const {  // some 300 KiB
      volatile char frame[1024];
      frame[n] = 1;
      return n == 0 ? 0 : 1 + deep(n - 1) + frame[n] - 1;
    }
  };
  troupe::runtime rt{{.workers = 1}};
  const auto ours = rt.get(rt.with({.name = "a worker"}).submit([] {
    here().sleep_for(1us);
    return std::this_thread::get_id();
  }));
  auto w = rt.with({.blocking = true, .stack_size = 1 << 20}).actor<worker>();
  // in a task, since the program's thread may run what it waits for
  auto [plain, with_name] = rt.submit([w] {
    return std::tuple{here().get(w.call<&worker::where>()),
                      here().get(w.with({.name = "mine"}).call<&worker::where>())};
  });
  CHECK(rt.get(plain) != ours);
  CHECK(rt.get(with_name) != ours);
  CHECK(rt.get(w.with({.name = "mine"}).call<&worker::name>()) == "mine");
  CHECK(rt.get(w.call<&worker::name>()).find("worker::name") != std::string::npos);
}

TEST_CASE("a call with a priority, and of an actor with one, gives its value") {
  troupe::runtime rt{{.workers = 2}};
  auto c = rt.with({.priority = 3}).actor<counter>(0);
  for (int i = 0; i < 100; ++i) c.with({.priority = i % 5 - 2}).call<&counter::add>(1);
  CHECK(rt.get(c.call<&counter::value>()) == 100);
}

TEST_CASE(
    "options that mean nothing for an actor, a call or a task are errors that say whose they are") {
  troupe::runtime rt{{.workers = 1}};
  auto make = [&](troupe::task_options o) { return rt.with(std::move(o)).actor<counter>(1); };
  CHECK_SAYS(make({.retries = 1}), troupe::error, "restarts");
  CHECK_SAYS(make({.retry_on = troupe::errors<int>()}), troupe::error, "actor_broken");
  CHECK_SAYS(make({.deadline = 1s}), troupe::error, "give it to a call");
  CHECK_SAYS(make({.resources = {{"gpu", 1}}}), troupe::error, "resources");
  CHECK_SAYS(make({.labels = {"moon"}}), troupe::error, "moon");
  CHECK_SAYS(make({.stream_buffer = 3}), troupe::error, "of a call");
  CHECK_SAYS(make({.retry_calls = 3}), troupe::error, "retry_calls without restarts");
  CHECK_SAYS(make({.restarts = 1, .snapshot_every = 2}), troupe::error, "snapshot()");
  CHECK_SAYS(make({.name = "tally", .backoff = {.factor = 0.5}}), troupe::error, "'tally'");
  CHECK_SAYS(make({.stack_size = std::size_t{2} << 30}), troupe::error, "stack_size");
  auto c = make({});
  CHECK_SAYS(c.with({.retries = 1}), troupe::error, "a call's options");
  CHECK_SAYS(c.with({.restarts = 1}), troupe::error, "a call's options");
  CHECK_SAYS(c.with({.resources = {{"gpu", 1}}}), troupe::error, "a call's options");
  CHECK_SAYS(c.with({.stream_buffer = 2}).call<&counter::add>(1), troupe::error, "stream");
  CHECK_SAYS(rt.with({.detached = true}).submit([] {}), troupe::error, "of actors");
  CHECK_SAYS(actor<counter>{}.call<&counter::add>(1), troupe::error, "names no actor");
  CHECK_SAYS(actor<counter>{}.stop(), troupe::error, "names no actor");
  CHECK_SAYS(actor<counter>{}.name(), troupe::error, "names no actor");
  CHECK(rt.get(c.call<&counter::add>(ref<int>{rt.put(1)})) == 2);
  CHECK_THROWS_AS(c.call<&counter::add>(ref<int>{}), troupe::error);
  CHECK(rt.get(c.call<&counter::value>()) == 2);
}

TEST_CASE(
    "handles travel: in arguments, structs, containers, refs and other actors, and can be compared "
    "and hashed") {
  struct team {
    std::string name;
    std::vector<actor<counter>> members;
  };
  struct boss {
    actor<counter> of;
    explicit boss(actor<counter> c) : of(std::move(c)) {}
    int both(actor<counter> other, int x) {
      return here().get(of.call<&counter::add>(x)) + here().get(other.call<&counter::add>(x));
    }
    actor<counter> whose() const { return of; }
  };
  troupe::runtime rt{{.workers = 2}};
  auto a = rt.actor<counter>(1), b = rt.actor<counter>(100);
  auto boss_ = rt.actor<boss>(a);
  CHECK(rt.get(boss_.call<&boss::both>(b, 1)) == 2 + 101);
  CHECK(rt.get(boss_.call<&boss::whose>()) == a);
  auto sum = rt.submit(
      [](const team& t) {
        int all = 0;
        for (auto& m : t.members) all += here().get(m.call<&counter::value>());
        return all;
      },
      team{"all", {a, b, a}});
  CHECK(rt.get(sum) == 2 + 101 + 2);
  auto made = rt.submit([] { return here().actor<counter>(5); });
  auto c = rt.get(made);
  CHECK(rt.get(c.call<&counter::add>(1)) == 6);
  CHECK(a != b);
  auto copy = a;
  CHECK(copy == a);
  actor<counter> moved = std::move(copy);
  CHECK(moved == a);
  CHECK_FALSE(copy);
  std::unordered_set<actor<counter>> set{a, b, moved, {}};
  CHECK(set.size() == 3);
}

TEST_CASE("a bounded runtime holds calls back, and a constructor passes") {
  troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 4}};
  auto c = rt.actor<counter>(0);
  auto many = rt.submit([c] {
    for (int i = 0; i < 200; ++i) c.call<&counter::add>(1);
    return here().get(c.call<&counter::value>());
  });
  CHECK(rt.get(many) == 200);
  for (int i = 0; i < 100; ++i) c.call<&counter::add>(1);
  CHECK(rt.get(c.call<&counter::value>()) == 300);
  CHECK(rt.stats().tasks_unsettled_peak <= 5);
  struct maker {  // all that is unsettled waits: its call is admitted
    int nest(int n) {
      if (n == 0) return 0;
      auto next = here().actor<maker>();
      return 1 + here().get(next.call<&maker::nest>(n - 1));
    }
  };
  CHECK(rt.get(rt.actor<maker>().call<&maker::nest>(20)) == 20);
}

TEST_CASE("a parked method and a get of another actor's call do not hold a thread") {
  struct waits {
    int of(ref<int> r) { return here().get(r); }
  };
  troupe::runtime rt{{.workers = 1}};
  test::gate gate{rt};
  std::vector<ref<int>> all;
  std::vector<actor<waits>> who;
  for (int i = 0; i < 200; ++i) {
    who.push_back(rt.actor<waits>());
    all.push_back(who.back().call<&waits::of>(gate.closed));
  }
  gate.open();
  for (int x : rt.get(all)) CHECK(x == 1);
}

// its getter claimed it, was not its parent, and put it back: then it asked for its turn once more
TEST_CASE("the ref of a call may be waited for by another task than the one that made the call") {
  troupe::runtime rt{{.workers = 2}};
  auto c = rt.actor<handed_on>();
  for (int round = 0; round < 50; ++round) {
    ref<int> got = rt.submit(
        [](const troupe::actor<handed_on>& a) {
          std::vector<ref<int>> calls;
          for (int i = 0; i < 20; ++i) calls.push_back(a.call<&handed_on::next>());
          return here().submit(
              [](const std::vector<ref<int>>& of_others) {
                int last = 0;
                for (auto& r : of_others) last = here().get(r);
                return last;
              },
              calls);
        },
        c);
    CHECK(rt.get(got) == 20 * (round + 1));
  }
}
