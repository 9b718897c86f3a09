// SPDX-License-Identifier: MIT
// On the deterministic scheduler, where hours pass at once.
#include "tests/actors/stepped.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using troupe::cancel_result;
using troupe::here;
using troupe::ref;
using namespace std::chrono_literals;

namespace {
struct flaky : std::runtime_error {
  using runtime_error::runtime_error;
};
std::string what_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& e) { return e.what(); }
  return "nothing";
}
struct stepped_at_bound {
  caf::actor_system_config config;
  caf::actor_system system;
  troupe::runtime rt;
  stepped_at_bound()
      : system((config.set("scheduler.policy", caf::atom("testing")), config)),
        rt(system, {.max_unsettled_tasks = 1}) {}
};
}  // namespace

TEST_CASE("a body that throws is tried again, and its arguments are as they were") {
  for (const bool threads : {false, true}) {
    test::deadline limit;
    stepped s;
    troupe::runtime own{{.workers = 2}};
    auto& rt = threads ? own : *s.rt;
    int tries = 0;
    auto text = rt.put(std::string("from a ref, and long enough for the heap"));
    std::vector<ref<int>> numbers{rt.put(1), rt.submit([] { return 2; })};
    auto r = rt.with({.retries = 5, .backoff = {.first = 1ms}})
                 .submit(
                     [&tries](std::string kept, std::string&& moved, std::string referred,
                              const std::string& seen, std::vector<int> list) {
                       auto all = std::move(kept) + "|" + std::move(moved) + "|" +
                                  std::move(referred) + "|" + seen + "|" +
                                  std::to_string(std::move(list).size());
                       if (++tries < 3) throw flaky("again");
                       return all + "|" + std::to_string(here().attempt());
                     },
                     std::string("kept in the call, and long enough for it"), std::string("moved"),
                     std::move(text), std::string("seen"), std::move(numbers));
    CHECK(rt.get(r) ==
          "kept in the call, and long enough for it|moved|from a ref, and long enough for the "
          "heap|seen|2|3");
    CHECK(tries == 3);
  }
}

TEST_CASE("the tries are counted, and the last error is the outcome") {
  stepped s;
  int tries = 0;
  auto r = s.rt->with({.name = "hopeless", .retries = 3}).submit([&]() -> int {
    throw flaky("try " + std::to_string(++tries));
  });
  CHECK(what_of([&] { (void)s.rt->get(r); }) == "task 'hopeless' failed: try 4");
  CHECK(tries == 4);
}

TEST_CASE("only errors that the filter wants are tried again, and cancelled never is") {
  stepped s;
  int tries = 0;
  auto with = s.rt->with({.retries = 9, .retry_on = troupe::errors<std::system_error, flaky>()});
  auto no = with.submit([&] {
    ++tries;
    throw std::logic_error("no use");
  });
  CHECK_THROWS_AS(s.rt->get(no), troupe::task_error);
  CHECK(tries == 1);
  auto yes = with.submit([&] {
    if (++tries < 4) throw std::system_error(std::make_error_code(std::errc::timed_out));
    if (tries < 6) throw flaky("again");
    return tries;
  });
  CHECK(s.rt->get(yes) == 6);
  tries = 0;
  auto gives_up = s.rt->with({.retries = 9}).submit([&] {
    ++tries;
    throw troupe::cancelled("by itself");
  });
  CHECK_THROWS_AS(s.rt->get(gives_up), troupe::cancelled);
  CHECK(tries == 1);
}

// Its exception left the task's own handler, and ended the program.
TEST_CASE("a filter that throws wants no other try") {
  stepped s;
  int tries = 0;
  auto filter = +[]() -> bool { throw std::logic_error("of the filter"); };
  auto r = s.rt->with({.name = "flaky", .retries = 9, .retry_on = filter}).submit([&] {
    ++tries;
    throw flaky("of the body");
  });
  CHECK(what_of([&] { s.rt->get(r); }) == "task 'flaky' failed: of the body");
  CHECK(tries == 1);
}

TEST_CASE("a failed input is no reason for another try") {
  stepped s;
  int tries = 0;
  auto bad = s.rt->submit([]() -> int { throw flaky("first"); });
  auto r = s.rt->with({.retries = 9}).submit([&](int) { return ++tries; }, bad);
  CHECK_THROWS_AS(s.rt->get(r), troupe::task_error);
  CHECK(tries == 0);
}

TEST_CASE("tries are further and further apart, up to the most") {
  stepped s;
  std::vector<std::int64_t> begun;
  auto r = s.rt->with({.retries = 5, .backoff = {.first = 1min, .factor = 3, .most = 10min}})
               .submit([&] {
                 begun.push_back(0);
                 if (begun.size() < 6) throw flaky("again");
                 return 1;
               });
  // each wait of the program ends when its time is up: so many tries have been made by then
  const std::vector<std::pair<troupe::duration, std::size_t>> made{
      {30s, 1}, {1min, 2}, {3min, 3}, {9min, 4}, {10min, 5}};
  for (auto& [time, tries] : made) {
    CHECK_THROWS_AS((void)s.rt->get(r, time), troupe::timed_out);
    CHECK(begun.size() == tries);
  }
  CHECK(s.rt->get(r) == 1);
}

// A wait that had grown past what a duration can say became one that was over at once, so a task
// with .most = duration::max() used up its last tries in no time.
TEST_CASE("a back-off that grows past all times is a wait for ever, and none stays none") {
  stepped s;
  std::size_t tries = 0;
  auto fail = [&] { ++tries, throw flaky("again"); };
  auto r = s.rt->with({.retries = 9,
                       .backoff = {.first = 1h, .factor = 1000, .most = troupe::duration::max()}})
               .submit(fail);
  CHECK_THROWS_AS(s.rt->get(r, 24h * 365 * 200), troupe::timed_out);
  CHECK(tries == 4);  // after an hour, 41 days and 114 years
  s.rt->cancel(r);

  tries = 0;
  auto at_once = s.rt->with({.retries = 1500, .backoff = {.first = 0s}}).submit(fail);
  CHECK_THROWS_AS(s.rt->get(at_once), troupe::task_error);
  CHECK(tries == 1501);
}

TEST_CASE("what cannot be copied, and bad numbers, are refused at submit") {
  stepped s;
  auto p = std::make_unique<int>(1);
  CHECK(what_of([&] {
          s.rt->with({.name = "once", .retries = 1})
              .submit([](std::unique_ptr<int>) {}, std::move(p));
        }).find("task 'once' cannot be tried again") == 0);
  auto q = std::make_unique<int>(1);
  auto by_reference = s.rt->with({.retries = 1})
                          .submit(
                              [](const std::unique_ptr<int>& x) {
                                if (here().attempt() == 1) throw flaky("again");
                                return *x;
                              },
                              std::move(q));
  CHECK(s.rt->get(by_reference) == 1);
  CHECK_THROWS_AS(s.rt->with({.retries = 1, .backoff = {.factor = 0.5}}).submit([] {}),
                  troupe::error);
  CHECK_THROWS_AS(s.rt->with({.deadline = -1s}).submit([] {}), troupe::error);
}

TEST_CASE("a deadline covers queueing, running and every try") {
  for (const bool threads : {false, true}) {
    test::deadline limit;
    stepped s;
    troupe::runtime own{{.workers = 2}};
    auto& rt = threads ? own : *s.rt;
    auto with = rt.with({.name = "slow", .deadline = 30ms});
    auto sleeps = with.submit([] { here().sleep_for(1h); });
    auto never = rt.submit([] { return here().sleep_for(1h), 1; });
    auto pending = with.submit([](int x) { return x; }, never);
    auto waits = with.submit([](ref<int> r) { return here().get(r); }, never);
    auto swallows = with.submit([] {
      try {
        here().sleep_for(1h);
      } catch (const troupe::cancelled&) { return 1; }
      return 2;
    });
    auto returns = with.submit([](ref<int> r) { return r; }, never);
    auto tries = rt.with({.retries = 1000, .backoff = {.first = 1h, .most = 1h}, .deadline = 30ms})
                     .submit([] { throw flaky("again"); });
    auto after = rt.submit([](int x) { return x; }, pending);
    CHECK_THROWS_AS(rt.get(sleeps), troupe::deadline_exceeded);
    CHECK(what_of([&] { (void)rt.get(pending); }) ==
          "task 'slow' had not settled by its deadline of 30 ms");
    CHECK_THROWS_AS(rt.get(waits), troupe::deadline_exceeded);
    CHECK_THROWS_AS(rt.get(swallows), troupe::deadline_exceeded);
    CHECK_THROWS_AS(rt.get(returns), troupe::deadline_exceeded);
    CHECK_THROWS_AS(rt.get(tries), troupe::deadline_exceeded);
    CHECK_THROWS_AS(rt.get(after), troupe::deadline_exceeded);
    CHECK(rt.cancel(never) == cancel_result::requested);
  }
}

TEST_CASE("a task that settles before its deadline has its value") {
  for (const bool threads : {false, true}) {
    test::deadline limit;
    stepped s;
    troupe::runtime own{{.workers = 2}};
    auto& rt = threads ? own : *s.rt;
    std::vector<ref<int>> all;
    for (int i = 0; i < 100; ++i)
      all.push_back(rt.with({.deadline = 1h}).submit([i] {
        here().sleep_for(1us);
        return i;
      }));
    CHECK(rt.get(all).size() == 100);
    rt.drain();
  }
}

TEST_CASE("a deadline ends what the task has spawned") {
  for (const bool threads : {false, true}) {
    test::deadline limit;
    stepped s;
    troupe::runtime own{{.workers = 2}};
    auto& rt = threads ? own : *s.rt;
    std::atomic<bool> told{false};
    auto r = rt.with({.deadline = 10ms}).submit([&] {
      auto kid = here().submit([] { here().sleep_for(1h); });
      std::stop_callback tell(here().stop_token(), [&] { told = true; });
      here().get(kid);
    });
    CHECK_THROWS_AS(rt.get(r), troupe::deadline_exceeded);
    rt.drain();  // the child does not sleep for an hour
    CHECK(told);
  }
}

TEST_CASE("a deadline of a body that computes is told to its token") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto r = rt.with({.deadline = 20ms}).submit([] {
    auto token = here().stop_token();
    while (!token.stop_requested()) std::this_thread::yield();
    return 1;
  });
  CHECK_THROWS_AS(rt.get(r), troupe::deadline_exceeded);
}

TEST_CASE("a back-off is cancelled, and ends with its runtime") {
  test::deadline limit;
  for (const bool cancel : {true, false}) {
    ref<int> r;
    {
      troupe::runtime rt{{.workers = 2}};
      std::atomic<bool> tried{false};
      r = rt.with({.retries = 5, .backoff = {.first = 1h, .most = 1h}}).submit([&]() -> int {
        tried = true;
        throw flaky("again");
      });
      CHECK(test::soon([&] { return tried.load(); }));
      if (cancel) {
        CHECK(rt.cancel(r) == cancel_result::requested);
        CHECK_THROWS_AS(rt.get(r), troupe::cancelled);
      }
    }
    CHECK_THROWS_AS(r.value(),
                    troupe::error);  // cancelled, or of the try that the end has interrupted
  }
}

TEST_CASE("a runtime that was stopped waits for no back-off") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::atomic<int> tries{0};
  auto fails = [&] {
    return rt.with({.retries = 5, .backoff = {.first = 1h, .most = 1h}}).submit([&]() -> int {
      ++tries;
      throw flaky("again");
    });
  };
  auto r = fails();
  CHECK(test::soon([&] { return tries == 1; }));
  rt.stop();
  rt.drain();
  CHECK_THROWS_AS(r.value(), troupe::error);
  CHECK(tries == 1);
}

TEST_CASE("a deadline counts from the submit, also while that waits at the bound") {
  stepped_at_bound s;
  auto first = s.rt.submit([] { here().sleep_for(2s); });
  auto late = s.rt.with({.deadline = 1s}).submit([] { return 1; });  // waits for two seconds
  CHECK_THROWS_AS(s.rt.get(late), troupe::deadline_exceeded);
  s.rt.get(first);
}
