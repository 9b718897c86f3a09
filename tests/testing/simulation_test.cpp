// SPDX-License-Identifier: MIT
#include <troupe/testing.hpp>
#include <troupe/troupe.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using troupe::here;
using troupe::ref;
using troupe::testing::simulation;

namespace {
int twice(int x) { return 2 * x; }
int add(int a, int b) { return a + b; }
int nap(int x) {
  here().sleep_for(10min);
  return x;
}
int asks(int x) { return here().get(here().submit<twice>(x)) + 1; }
int pointed(int x) {
  troupe::testing::point("disk");
  return x;
}
int throws(int) { throw std::runtime_error("on purpose"); }

std::string history(unsigned seed) {
  simulation sim{seed};
  auto& rt = sim.runtime();
  std::vector<ref<int>> refs;
  for (int i = 0; i < 10; ++i)
    refs.push_back(rt.submit<add>(rt.submit<asks>(i), rt.submit<nap>(i)));
  (void)rt.get(refs);
  sim.check();
  return sim.trace();
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }
}  // namespace

TEST_CASE("the same seed gives the same history, other seeds others") {
  std::set<std::string> all;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    const auto once = history(seed);
    CHECK(once == history(seed));
    all.insert(once);
  }
  CHECK(all.size() == 30);
}

TEST_CASE("a history does not depend on the thread, nor on what other runtimes of the process do") {
  const auto here_first = history(5);
  std::string elsewhere;
  troupe::runtime busy{{.workers = 2}};
  auto r = busy.submit<twice>(1);
  std::thread{[&] { elsewhere = history(5); }}.join();
  CHECK(busy.get(r) == 2);
  CHECK(elsewhere == here_first);
}

TEST_CASE("an hour of sleeping passes at once, and the clock shows it") {
  simulation sim{1};
  CHECK(sim.now() == 0s);
  auto& rt = sim.runtime();
  auto last = rt.submit<nap>(0);
  for (int i = 0; i < 5; ++i) last = rt.submit<nap>(last);
  CHECK(rt.get(last) == 0);
  CHECK(sim.now() == 60min);
}

TEST_CASE("a trace tells what happened, in the program's words") {
  simulation sim{1};
  auto& rt = sim.runtime();
  (void)rt.get(rt.with({.name = "sleeper"}).submit<nap>(rt.put(1)));
  CHECK_THROWS_AS(rt.get(rt.submit<throws>(1)), troupe::task_error);
  auto pending = rt.submit<nap>(1);
  sim.end();
  const auto text = sim.trace();
  for (auto line :
       {"0.000000000 s  put\n", "#1 sleeper: submitted\n", "#1 sleeper: begins\n",
        "#1 sleeper: sleeps for 600.000000000 s\n", "#1 sleeper: parks\n",
        "600.000000000 s  the clock goes on\n", "#1 sleeper: resumes\n",
        "#1 sleeper: settles with a value\n", "#1 sleeper: ended\n",
        "throws: settles with an error\n", "the runtime ends\n", "nap: settles as cancelled\n"})
    CHECK_MESSAGE(has(text, line), line, text);
}

TEST_CASE("steps go on until nothing can, and a get of what nobody makes is a deadlock") {
  simulation sim{1};
  CHECK_FALSE(sim.step());
  auto& rt = sim.runtime();
  ref<int> a = rt.submit<asks>(1);
  CHECK_FALSE(a.settled());
  sim.run();
  CHECK(a.value() == 3);
  CHECK(sim.steps() > 5);

  // two tasks that wait for each other
  struct pair {
    ref<int> first, second;
  } both;
  both.first = rt.submit([&both] { return here().get(both.second); });
  both.second = rt.submit([&both] { return here().get(both.first); });
  CHECK_THROWS_AS(rt.get(both.first), troupe::deadlock);
  sim.check();  // they wait for objects, as they should
  sim.end();
  CHECK(both.first.settled());
  CHECK(both.second.settled());
  sim.check();
}

TEST_CASE("a point fails as often as the simulation is told, and not at all otherwise") {
  CHECK(pointed(1) == 1);  // no simulation
  simulation sim{7};
  auto& rt = sim.runtime();
  CHECK(rt.get(rt.submit<pointed>(1)) == 1);
  sim.fail("disk", 1);
  try {
    (void)rt.get(rt.submit<pointed>(1));
    FAIL("it should have failed");
  } catch (const troupe::task_error& e) {
    CHECK(e.is<troupe::testing::fault>());
    CHECK(e.text() == "a fault at 'disk', by seed 7");
  }
  CHECK_THROWS_AS(troupe::testing::point("disk"), troupe::testing::fault);  // the program's thread
  CHECK(sim.failures("disk") == 2);
  CHECK(has(sim.trace(), "fault at 'disk'\n"));
  sim.fail("disk", 0.5);
  int failed = 0;
  for (int i = 0; i < 200; ++i) {
    auto r = rt.submit<pointed>(i);
    sim.run();
    try {
      (void)r.value();
    } catch (const troupe::error&) { ++failed; }
  }
  CHECK(failed > 60);
  CHECK(failed < 140);
  sim.fail("disk", 0);
  CHECK(rt.get(rt.submit<pointed>(1)) == 1);
}

TEST_CASE("a fault in one simulation is none in another") {
  simulation broken{1}, sound{1};
  broken.fail("disk", 1);
  CHECK(sound.runtime().get(sound.runtime().submit<pointed>(1)) == 1);
  CHECK_THROWS_AS(broken.runtime().get(broken.runtime().submit<pointed>(1)), troupe::task_error);
}

TEST_CASE("the runtime's own points: no body, no stack, no memory") {
  simulation sim{1};
  auto& rt = sim.runtime();
  for (auto point : {"body", "stack"}) {
    sim.fail(point, 1);
    auto r = rt.submit<twice>(1);
    sim.run();
    sim.check();
    try {
      (void)r.value();
      FAIL("it should have failed");
    } catch (const troupe::task_error& e) { CHECK(e.is<troupe::testing::fault>()); }
    sim.fail(point, 0);
  }
  sim.fail("memory", 1);
  CHECK_THROWS_AS(rt.submit<twice>(1), std::bad_alloc);
  CHECK_THROWS_AS(rt.put(1), std::bad_alloc);
  sim.fail("memory", 0);
  sim.run();
  CHECK(rt.stats().objects == 0);
  CHECK(sim.failures("memory") == 2);
}

TEST_CASE("late timers and slow machines: what sleeps wakes no earlier, and patience ends") {
  simulation late{1};
  late.fail("clock", 1);
  (void)late.runtime().get(late.runtime().submit<nap>(1));
  CHECK(late.now() > 10min);
  CHECK(late.now() <= 10min + 100ms);

  // Ready at once: a time limit passes only when the machine is slow.
  int passed = 0;
  for (int seed = 0; seed < 50; ++seed) {
    simulation sim{seed};
    sim.fail("slow", 0.3);
    auto r = sim.runtime().submit<asks>(1);
    try {
      const int got = sim.runtime().get(r, 1s);
      CHECK(got == 3);
    } catch (const troupe::timed_out&) { ++passed; }
    CHECK(sim.runtime().get(r) == 3);
    sim.check();
  }
  CHECK(passed > 5);
  CHECK(passed < 50);
}

TEST_CASE("chance comes from the seed, and leaves the interleaving alone") {
  simulation a{3}, b{3}, c{4};
  const auto first = a.random();
  CHECK(first == b.random());
  CHECK(first != c.random());
  for (int i = 0; i < 100; ++i) CHECK(a.random(6) < 6);
  for (auto sim : {&a, &b}) {
    auto& rt = sim->runtime();
    std::vector<ref<int>> refs;
    for (int i = 0; i < 10; ++i) refs.push_back(rt.submit<asks>(i));
    (void)rt.get(refs);
  }
  CHECK(a.trace() == b.trace());
}

TEST_CASE("what means nothing is an error that says so") {
  CHECK_THROWS_WITH_AS(simulation(1, {.workers = 2}),
                       "runtime_options.workers: a simulation runs on the one thread that calls it",
                       troupe::error);
  CHECK_THROWS_AS(simulation(1, {.stack_size = 1}), troupe::error);
  simulation sim{1};
  CHECK_THROWS_AS(sim.fail("disk", 1.5), troupe::error);
  CHECK_THROWS_AS(sim.random(0), troupe::error);
  auto inner = sim.runtime().submit([] { simulation{2}.run(); });
  CHECK_THROWS_AS(sim.runtime().get(inner), troupe::task_error);
  sim.end();
  sim.end();
  CHECK_FALSE(sim.step());
  CHECK_THROWS_AS(sim.runtime(), troupe::error);
}

TEST_CASE("refs and blocking bodies outlive their simulation, or run in it") {
  ref<std::string> kept;
  {
    simulation sim{1};
    kept = sim.runtime().with({.blocking = true}).submit([] { return std::string(100, 'x'); });
    sim.check_every(1);
    sim.runtime().drain();
    sim.run();
  }
  CHECK(kept.value().size() == 100);
}

// The clock went on to the deadline first: nothing else could go on, but for the child at the bound.
TEST_CASE("a child at a full bound is let in before the clock goes on to a deadline") {
  simulation sim{1, {.max_unsettled_tasks = 1}};
  auto& rt = sim.runtime();
  auto r = rt.with({.deadline = 1h}).submit<asks>(3);
  CHECK(rt.get(r) == 7);
  CHECK(sim.now() == 0s);
}

// It gave them back as its body threw, and once more when it settled before the ledger had seen that.
TEST_CASE("a task that is cancelled between two tries gives its resources back once") {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    simulation sim{seed, {.resources = {{"disk", 1}}}};
    sim.check_every(1);
    auto& rt = sim.runtime();
    auto r = rt.with({.retries = 5, .resources = {{"disk", 1}}}).submit<throws>(1);
    for (auto k = sim.random(12); k > 0; --k) (void)sim.step();
    (void)rt.cancel(r);
    CHECK_NOTHROW(rt.drain());
    CHECK_NOTHROW(sim.run());
    CHECK_NOTHROW(sim.check());
  }
}
