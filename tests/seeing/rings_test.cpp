// SPDX-License-Identifier: MIT
// Rings of waits: each is found, on real threads and in a simulation; and nobody else is accused.
#include <troupe/actor.hpp>
#include <troupe/testing.hpp>
#include <troupe/troupe.hpp>

#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using troupe::testing::simulation;

namespace {
// What a task is to wait for, known only when all have been submitted.
struct box {
  std::vector<ref<int>> refs;
  std::atomic<bool> full{false};
};
using boxes = std::shared_ptr<box>;
int wait_for(const boxes& b, std::size_t i) {
  while (!b->full) here().sleep_for(1ms);
  const auto r = b->refs[i];
  return here().get(r);
}
void fill(const boxes& b, std::vector<ref<int>> refs) {
  b->refs = std::move(refs);
  b->full = true;
}
std::string how_it_fails(runtime& rt, const ref<int>& r) {
  try {
    (void)rt.get(r);
  } catch (const deadlock& e) { return e.what(); } catch (const error& e) {
    return std::string("another error: ") + e.what();
  }
  return "it has a value";
}
void all_fail(runtime& rt, const boxes& b, std::vector<ref<int>> refs,
              const std::vector<std::string>& names) {
  const auto began = std::chrono::steady_clock::now();
  for (auto& r : refs) {
    const std::string said = how_it_fails(rt, r);
    CAPTURE(said);
    CHECK(said.find("ring of waits") != said.npos);
    for (auto& name : names) CHECK(said.find("'" + name + "'") != said.npos);
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(test::size(1, 5)));
  b->refs.clear();
}
// Each kind: makes a ring, fills the box with its members, and says their names.
using kind = std::vector<std::string> (*)(runtime&, const boxes&);
runtime_options with_lock() { return {.resources = {{"lock", 1}, {"other", 1}}}; }

std::vector<std::string> gets(runtime& rt, const boxes& b) {
  fill(b, {rt.with({.name = "first"}).submit(wait_for, b, 1u),
           rt.with({.name = "second"}).submit(wait_for, b, 2u),
           rt.with({.name = "third"}).submit(wait_for, b, 0u)});
  return {"first", "second", "third"};
}
std::vector<std::string> inputs(runtime& rt, const boxes& b) {
  auto first = rt.with({.name = "first"}).submit(wait_for, b, 1u);
  fill(b, {first, rt.with({.name = "second"}).submit([](int x) { return x; }, first)});
  return {"first", "second"};
}
std::vector<std::string> in_place(runtime& rt, const boxes& b) {
  auto outer = rt.with({.name = "outer"}).submit([b] {
    while (!b->full) here().sleep_for(1ms);
    return here().get(here().with({.name = "child"}).submit(wait_for, b, 0u));
  });
  fill(b, {outer});
  return {"outer", "child"};
}
std::vector<std::string> some_of_two(runtime& rt, const boxes& b) {
  auto first = rt.with({.name = "first"}).submit([b] {
    while (!b->full) here().sleep_for(1ms);
    return here().get(here().wait(std::vector{b->refs[1], b->refs[2]}, 1).ready.at(0));
  });
  fill(b, {first, rt.with({.name = "second"}).submit(wait_for, b, 0u),
           rt.with({.name = "third"}).submit(wait_for, b, 0u)});
  return {"first"};
}
ref<int> gives(const boxes& b, std::size_t i) {
  while (!b->full) here().sleep_for(1ms);
  return b->refs[i];
}
std::vector<std::string> returned(runtime& rt, const boxes& b) {
  fill(b, {rt.with({.name = "first"}).submit(gives, b, 1u),
           rt.with({.name = "second"}).submit(gives, b, 0u)});
  return {"first", "second"};
}
task<int> awaits(boxes b, std::size_t i) {
  while (!b->full) here().sleep_for(1ms);
  const auto r = b->refs[i];
  co_return co_await r;
}
std::vector<std::string> awaited(runtime& rt, const boxes& b) {
  fill(b, {rt.with({.name = "first"}).submit(awaits, b, 1u),
           rt.with({.name = "second"}).submit(awaits, b, 0u)});
  return {"first", "second"};
}
std::vector<std::string> resource(runtime& rt, const boxes& b) {
  auto outer = rt.with({.name = "outer", .resources = {{"lock", 1}}}).submit([] {
    return here().get(
        here().with({.name = "inner", .resources = {{"lock", 1}}}).submit([] { return 1; }));
  });
  fill(b, {outer});
  return {"outer", "inner", "lock"};
}
std::vector<std::string> crosswise(runtime& rt, const boxes& b) {
  const auto both = std::make_shared<std::atomic<int>>(0);
  const auto holder = [&](const char* name, const char* has, const char* wants) {
    return rt.with({.name = name, .resources = {{has, 1}}}).submit([both, wants] {
      ++*both;
      while (*both < 2) here().sleep_for(1ms);
      return here().get(
          here().with({.name = "more", .resources = {{wants, 1}}}).submit([] { return 1; }));
    });
  };
  fill(b, {holder("a", "lock", "other"), holder("b", "other", "lock")});
  return {"a", "b", "more", "lock", "other"};
}
stream<int> numbers_after(boxes b) {
  co_yield 1;
  while (!b->full) here().sleep_for(1ms);
  const auto r = b->refs[0];
  co_yield co_await r;
}
std::vector<std::string> empty_stream(runtime& rt, const boxes& b) {
  auto reader = rt.with({.name = "reader"}).submit([b] {
    int sum = 0;
    for (int x : here().with({.name = "writer"}).submit(numbers_after, b)) sum += x;
    return sum;
  });
  fill(b, {reader});
  return {"reader", "writer"};
}
stream<int> many() {
  for (int i = 0; i < 100; ++i) co_yield i;
}
std::vector<std::string> full_stream(runtime& rt, const boxes& b) {
  auto reader = rt.with({.name = "reader"}).submit([] {
    auto s = here()
                 .with({.name = "writer", .resources = {{"lock", 1}}, .stream_buffer = 1})
                 .submit<many>();
    (void)*s.begin();
    return here().get(
        here().with({.name = "locked", .resources = {{"lock", 1}}}).submit([] { return 1; }));
  });
  fill(b, {reader});
  return {"reader", "writer", "locked", "lock"};
}
struct player {
  int ping(actor<player> to, actor<player> back) {
    return here().get(to.call<&player::pong>(back));
  }
  int pong(actor<player> back) { return here().get(back.call<&player::last>()); }
  int last() { return 1; }
};
std::vector<std::string> actors(runtime& rt, const boxes& b) {
  auto one = rt.with({.name = "one"}).actor<player>(),
       two = rt.with({.name = "two"}).actor<player>();
  fill(b, {one.call<&player::ping>(two, one)});
  return {"player::ping", "player::pong", "player::last", "one"};
}

constexpr kind kinds[] = {gets,     inputs,    in_place,     some_of_two, returned, awaited,
                          resource, crosswise, empty_stream, full_stream, actors};
}  // namespace

TEST_CASE("each kind of ring is found within a second, and its members settle with it") {
  test::deadline over;
  for (std::size_t i = 0; i < std::size(kinds); ++i)
    for (unsigned workers : {1u, 2u}) {
      CAPTURE(i);
      auto options = with_lock();
      options.workers = workers;
      runtime rt{options};
      const auto b = std::make_shared<box>();
      const auto names = kinds[i](rt, b);
      all_fail(rt, b, b->refs, names);
      rt.drain();
      CHECK(rt.stats().tasks_unsettled == 0);
    }
}

TEST_CASE("each kind of ring is found while another task goes on") {
  test::deadline over;
  for (std::size_t i = 0; i < std::size(kinds); ++i) {
    CAPTURE(i);
    auto options = with_lock();
    options.workers = 2;
    runtime rt{options};
    std::atomic<bool> stop{false};
    auto busy = rt.submit([&] {
      while (!stop) std::this_thread::yield();
      return 1;
    });
    auto sleeps = rt.submit([] {
      here().sleep_for(1h);
      return 1;
    });
    const auto b = std::make_shared<box>();
    const auto names = kinds[i](rt, b);
    all_fail(rt, b, b->refs, names);
    stop = true;
    rt.get(busy);
    (void)rt.cancel(sleeps);
  }
}

TEST_CASE("each kind of ring is found in a simulation") {
  for (std::size_t i = 0; i < std::size(kinds); ++i)
    for (unsigned seed = 0; seed < 20; ++seed) {
      CAPTURE(i);
      CAPTURE(seed);
      simulation sim{seed, with_lock()};
      auto& rt = sim.runtime();
      sim.check_every(1);
      const auto b = std::make_shared<box>();
      const auto names = kinds[i](rt, b);
      all_fail(rt, b, b->refs, names);
      rt.drain();
      sim.check();
    }
}

TEST_CASE("a ring says where it waits") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  const auto b = std::make_shared<box>();
  (void)gets(rt, b);
  const auto said = how_it_fails(rt, b->refs[0]);
  CHECK(said.find("rings_test.cpp:") != said.npos);
  b->refs.clear();
}

TEST_CASE("whoever waits for a ring meets its error, and what was held is free again") {
  test::deadline over;
  runtime rt{with_lock()};
  const auto b = std::make_shared<box>();
  (void)resource(rt, b);
  auto behind = rt.with({.name = "behind", .resources = {{"lock", 1}}}).submit([] { return 5; });
  auto after = rt.with({.name = "after"}).submit([](int x) { return x; }, b->refs[0]);
  CHECK_SAYS(rt.get(after), deadlock, "ring of waits");
  CHECK(rt.get(behind) == 5);
  b->refs.clear();
}

TEST_CASE("who will be woken by a clock, or can do without, is not accused") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  const auto b = std::make_shared<box>();
  auto patient = rt.with({.name = "patient"}).submit([b] {
    while (!b->full) here().sleep_for(1ms);
    try {
      const auto r = b->refs[1];
      return here().get(r, 900ms);
    } catch (const timed_out&) { return 7; }
  });
  auto waits = rt.with({.name = "waits"}).submit(wait_for, b, 0u);
  auto late = rt.with({.name = "late", .deadline = 900ms}).submit(wait_for, b, 3u);
  auto for_late = rt.with({.name = "for late"}).submit(wait_for, b, 2u);
  auto one = rt.submit([b] {
    while (!b->full) here().sleep_for(1ms);
    return here().get(here().wait(std::vector{b->refs[5], b->refs[6]}, 1).ready.at(0));
  });
  auto for_one = rt.submit(wait_for, b, 4u);
  auto slow = rt.submit([] {
    here().sleep_for(900ms);
    return 9;
  });
  fill(b, {patient, waits, late, for_late, one, for_one, slow});
  CHECK(rt.get(waits) == 7);
  CHECK_SAYS(rt.get(for_late), deadline_exceeded, "deadline");
  CHECK(rt.get(for_one) == 9);
  b->refs.clear();
}

TEST_CASE("a stream that has gone to another reader is nobody's ring") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  auto opener = rt.with({.name = "opener"}).submit([] {
    auto s = here().with({.name = "writer", .stream_buffer = 1}).submit<many>();
    (void)*s.begin();
    return here().get(here()
                          .with({.name = "reader"})
                          .submit(
                              [](stream<int> in) {
                                here().sleep_for(900ms);
                                int n = 0;
                                while (in.next()) ++n;
                                return n;
                              },
                              std::move(s)));
  });
  CHECK(rt.get(opener) == 99);
}

TEST_CASE("who was woken by its time limit, and has no worker yet, is not accused") {
  test::deadline over;
  runtime rt{{.workers = 1, .resources = {{"lock", 1}}}};
  auto holder = rt.with({.name = "holder", .resources = {{"lock", 1}}}).submit([] {
    auto child =
        here().with({.name = "child", .resources = {{"lock", 1}}}).submit([] { return 5; });
    try {
      (void)here().get(child, 100ms);
    } catch (const timed_out&) { return child; }
    return child;
  });
  auto hog = rt.submit([] {  // when the holder waits
    test::linger(1200ms);
    return 1;
  });
  CHECK(rt.get(holder) == 5);
  CHECK(rt.get(hog) == 1);
}

TEST_CASE("a ring is found although its members wait for others that come one after the other") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  const auto b = std::make_shared<box>();
  auto ring = rt.with({.name = "ring"}).submit(wait_for, b, 0u);
  std::vector<ref<int>> some{ring};
  for (int i = 0; i < 100; ++i)
    some.push_back(rt.submit([i] {
      here().sleep_for(i * 30ms);
      return 1;
    }));
  auto all =
      rt.with({.name = "all"}).submit([](const std::vector<int>& v) { return v.at(0); }, some);
  fill(b, {all});
  all_fail(rt, b, {all, ring}, {"ring", "all"});
}

namespace {
struct desk {
  int serve(actor<desk> me, bool cancels) {
    return here().get(here().with({.name = "helper"}).submit([me, cancels] {
      auto first = me.call<&desk::quick>(), second = me.call<&desk::quick>();
      if (cancels) (void)here().cancel(first);
      return here().get(second);
    }));
  }
  int quick() { return 1; }
};
}  // namespace

TEST_CASE("a ring through a call in line is found, also behind one that was cancelled there") {
  test::deadline over;
  for (bool cancels : {false, true}) {
    CAPTURE(cancels);
    runtime rt{{.workers = 2}};
    auto a = rt.with({.name = "desk"}).actor<desk>();
    CHECK_SAYS(rt.get(a.call<&desk::serve>(a, cancels)), deadlock, "ring of waits");
  }
}

TEST_CASE("a ring of streams alone is found in a simulation") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    simulation sim{seed, with_lock()};
    auto& rt = sim.runtime();
    const auto b = std::make_shared<box>();
    auto names = full_stream(rt, b);
    rt.drain();
    CHECK(how_it_fails(rt, b->refs.at(0)).find("ring of waits") != std::string::npos);
    b->refs.clear();
  }
}

namespace {
struct made_of {
  explicit made_of(int) {}
  int get() { return 1; }
};
}  // namespace

TEST_CASE("a ring through an actor that is being made is found") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  auto first = rt.with({.name = "first"}).submit([] {
    for (;;) try {
        auto a = here().find_actor<made_of>("late");
        return here().get(a.call<&made_of::get>());
      } catch (const deadlock&) { throw; } catch (const error&) {
        here().sleep_for(1ms);
      }
  });
  auto a = rt.with({.name = "late"}).actor<made_of>(first);
  const auto said = how_it_fails(rt, first);
  CAPTURE(said);
  CHECK(said.find("its turn at the actor 'late'") != said.npos);
}
