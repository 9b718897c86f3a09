// SPDX-License-Identifier: MIT
// Many threads and tasks use the same actors at random; what came of it is counted.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using troupe::actor;
using troupe::here;
using troupe::ref;

namespace {
// Its calls carry who made them, and a number that grows: so it sees whether the order is kept.
class ledger {
public:
  static inline std::atomic<int> alive{0}, wrong{0};
  static inline std::atomic<long> calls{0};
  static void clear() { alive = wrong = 0, calls = 0; }

  explicit ledger(bool alone = true) : alone_(alone) { ++alive; }
  ledger(const ledger&) = delete;
  ~ledger() {
    if (inside_ != 0) ++wrong;
    --alive;
  }
  int count(int caller, int number) {
    const visit v{*this};
    note(caller, number);
    return ++n_;
  }
  int counts_when(int caller, int number, int) { return count(caller, number); }
  int parks(int caller, int number, ref<int> until) {
    {
      const visit v{*this};
      note(caller, number);
    }
    const int before = n_;
    (void)here().get(until);
    if (alone_ && n_ != before) ++wrong;  // somebody was in meanwhile
    const visit v{*this};
    return ++n_;
  }
  troupe::task<int> awaits(int caller, int number, ref<int> until) {
    {
      const visit v{*this};
      note(caller, number);
    }
    (void)co_await until;
    const visit v{*this};
    co_return ++n_;
  }
  int throws(int caller, int number) {
    const visit v{*this};
    note(caller, number);
    throw std::runtime_error("as it should");
  }
  int breaks(int caller, int number) {
    const visit v{*this};
    note(caller, number);
    throw troupe::actor_broken("as it should");
  }
  int value() const { return n_; }

private:
  // A body's stretch between two waits: nobody else has one.
  struct visit {
    ledger& in;
    explicit visit(ledger& l) : in(l) {
      if (in.inside_.fetch_add(1) != 0) ++wrong;
      ++calls;
    }
    ~visit() { in.inside_.fetch_sub(1); }
  };
  void note(int caller, int number) {
    int& last = last_[caller];
    if (number <= last) ++wrong;
    last = number;
  }
  std::map<int, int> last_;
  int n_ = 0;
  std::atomic<int> inside_{0};
  const bool alone_;
};

enum class came { value, error, cancelled, died, late };
came outcome(const troupe::scope& s, ref<int> r) {
  try {
    (void)s.get(std::move(r));
    return came::value;
  } catch (const troupe::task_error&) { return came::error; } catch (const troupe::actor_died&) {
    return came::died;
  } catch (const troupe::deadline_exceeded&) {
    return came::late;
  } catch (const troupe::cancelled&) { return came::cancelled; }
}

// One caller's calls of some actors, at random.
void use(const troupe::scope& s, std::vector<actor<ledger>> actors, int caller, unsigned seed,
         int rounds, bool rough) {
  std::mt19937 random{seed};
  std::vector<ref<int>> mine;
  for (int i = 1; i <= rounds; ++i) {
    auto& a = actors[random() % actors.size()];
    auto slow = [&] {
      return s.submit([n = random() % 3] {
        if (n == 0) here().sleep_for(std::chrono::microseconds(20));
        return 1;
      });
    };
    try {
      switch (random() % 12) {
        case 0: mine.push_back(a.call<&ledger::counts_when>(caller, i, slow())); break;
        case 1: mine.push_back(a.call<&ledger::parks>(caller, i, slow())); break;
        case 2: mine.push_back(a.call<&ledger::awaits>(caller, i, slow())); break;
        case 3: mine.push_back(a.call<&ledger::throws>(caller, i)); break;
        case 4:
          mine.push_back(a.with({.deadline = std::chrono::microseconds(1 + random() % 300)})
                             .call<&ledger::counts_when>(caller, i, slow()));
          break;
        case 5:
          if (!mine.empty()) (void)s.cancel(mine[random() % mine.size()]);
          break;
        case 6:
          if (rough && random() % 8 == 0) mine.push_back(a.call<&ledger::breaks>(caller, i));
          break;
        case 7:
          if (rough && random() % 32 == 0) a.stop();
          break;
        case 8:
          if (!mine.empty()) {
            (void)outcome(s, std::move(mine.back()));
            mine.pop_back();
          }
          break;
        case 9:
          if (rough && random() % 4 == 0) a = s.actor<ledger>(true);
          break;
        default: mine.push_back(a.call<&ledger::count>(caller, i));
      }
    } catch (const troupe::cancelled&) { return; }  // the runtime was stopped
  }
  for (auto& r : mine)
    if (r) (void)outcome(s, std::move(r));
}
}  // namespace

TEST_CASE(
    "an actor that counts has counted the calls that gave values, and those that threw are told") {
  troupe::runtime rt{{.workers = 3}};
  ledger::clear();
  {
    auto a = rt.actor<ledger>();
    const int each = test::size(3000, 400);
    std::atomic<int> values{0};
    auto calls = [&, a](const troupe::scope& s, int caller) {
      std::vector<ref<int>> all;
      for (int i = 1; i <= each; ++i)
        all.push_back(i % 5 == 0   ? a.call<&ledger::throws>(caller, i)
                      : i % 7 == 0 ? a.call<&ledger::awaits>(caller, i, s.put(1))
                                   : a.call<&ledger::count>(caller, i));
      int last = 0;
      for (auto& r : all) try {
          const int n = s.get(r);
          if (n <= last) ++ledger::wrong;
          last = n, ++values;
        } catch (const troupe::task_error&) {}
    };
    std::vector<ref<void>> tasks;
    for (int t = 0; t < 6; ++t) tasks.push_back(rt.submit([&, t] { calls(here(), t); }));
    std::vector<std::thread> threads;
    for (int t = 6; t < 9; ++t) threads.emplace_back([&, t] { calls(rt, t); });
    for (auto& t : threads) t.join();
    rt.get(tasks);
    CHECK(rt.get(a.call<&ledger::value>()) == values);
    CHECK(values == 9 * (each - each / 5));
  }
  CHECK(ledger::wrong == 0);
  CHECK(test::soon([] { return ledger::alive == 0; }));
}

TEST_CASE(
    "callers that wait, cancel, throw and are late keep their order, and one body is in at a "
    "time") {
  ledger::clear();
  for (unsigned round = 0; round < static_cast<unsigned>(test::size(30, 6)); ++round) {
    CAPTURE(round);
    troupe::runtime rt{{.workers = 1 + round % 4}};
    {
      const bool reentrant = round % 3 == 0;
      std::vector<actor<ledger>> actors;
      for (unsigned k = 0; k < 1 + round % 4; ++k)
        actors.push_back(rt.with({.reentrant = reentrant}).actor<ledger>(!reentrant));
      std::vector<ref<void>> tasks;
      for (int t = 0; t < 5; ++t)
        tasks.push_back(rt.submit([=] { use(here(), actors, t, round * 31 + t, 200, false); }));
      std::thread thread{[&] { use(rt, actors, 9, round, 200, false); }};
      thread.join();
      rt.get(tasks);
      for (auto& a : actors) (void)rt.get(a.call<&ledger::value>());
    }
    rt.drain();
    CHECK(test::soon([] { return ledger::alive == 0; }));
    const auto n = rt.stats();
    CHECK(n.tasks_unended == 0);
    CHECK(n.objects == 0);
  }
  CHECK(ledger::wrong == 0);
}

TEST_CASE(
    "actors that break, are made again, stopped and dropped while all call them leave nothing "
    "behind") {
  ledger::clear();
  for (unsigned round = 0; round < static_cast<unsigned>(test::size(60, 10)); ++round) {
    CAPTURE(round);
    std::optional<troupe::runtime> rt;
    rt.emplace(troupe::runtime_options{.workers = 1 + round % 4,
                                       .max_unsettled_tasks = round % 5 == 4 ? 20u : 0u});
    {
      std::vector<actor<ledger>> actors;
      for (unsigned k = 0; k < 2 + round % 4; ++k)
        actors.push_back(rt->with({.backoff = {.first = std::chrono::microseconds(k * 10)},
                                   .reentrant = k % 2 == 1,
                                   .restarts = k * 10,
                                   .retry_calls = k > 0 ? round % 3 : 0,
                                   .detached = k % 3 == 2})
                             .actor<ledger>(k % 2 == 0));
      std::vector<ref<void>> tasks;
      for (int t = 0; t < 5; ++t)
        tasks.push_back(
            rt->submit([=] { use(here(), actors, 10 + t, round * 37 + t, 200, true); }));
      std::thread thread{[&] { use(*rt, actors, 30, round, 200, true); }};
      thread.join();
      if (round % 3 == 0) rt->stop();
      if (round % 3 == 1) actors.clear();
      if (round % 3 != 2)
        for (auto& t : tasks) try {
            rt->get(t);
          } catch (const troupe::cancelled&) {}
      if (round % 2) rt.reset();  // and handles outlive it
    }
    rt.reset();
    REQUIRE(ledger::alive == 0);
  }
  CHECK(ledger::wrong == 0);
}
