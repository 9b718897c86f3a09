// SPDX-License-Identifier: MIT
// The actor of a stateful actor's calls, message by message.
#include "stepped.hpp"

#include "actors/host.hpp"

#include <troupe/troupe.hpp>

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using troupe::actor;
using troupe::here;
using troupe::ref;

namespace {
int alive = 0, inside = 0, wrong = 0;

class desk {
public:
  explicit desk(int n = 0) : n_(n) { ++alive; }
  desk(const desk&) = delete;
  ~desk() { --alive; }
  int add(int x) {
    if (inside++ != 0) ++wrong;
    --inside;
    log.push_back(x);
    return n_ += x;
  }
  int naps(int x) {
    add(x);
    here().sleep_for(std::chrono::seconds(1));
    return add(-x);
  }
  int breaks(int x) {
    add(x);
    throw troupe::actor_broken("it broke");
  }
  int breaks_once(int x) {
    if (left-- > 0) return breaks(x);
    return add(x);
  }
  static inline std::vector<int> log;
  static inline int left = 0;

private:
  int n_;
};
void clear() {
  alive = inside = wrong = 0;
  desk::log.clear();
}
ref<int> slow(stepped& s, int x) {
  return s.rt->submit([x] {
    here().sleep_for(std::chrono::seconds(x));
    return x;
  });
}
}  // namespace

TEST_CASE("an input of a call is awaited once and answered once, as any task's") {
  clear();
  stepped s;
  auto d = s.rt->actor<desk>(0);
  s.run();
  const auto before = s.rt->stats();
  auto r = d.call<&desk::add>(slow(s, 1));
  auto q = d.call<&desk::add>(2);
  s.run();
  CHECK_FALSE(r.settled());
  CHECK_FALSE(q.settled());  // its caller's first has not begun
  const auto open = s.rt->stats();
  CHECK(open.inputs_awaited - before.inputs_awaited == 1);
  CHECK(open.readiness_messages == before.readiness_messages);
  CHECK(s.rt->get(q) == 3);
  CHECK(r.value() == 1);
  s.run();
  const auto after = s.rt->stats();
  CHECK(after.inputs_awaited == after.readiness_messages);
}

TEST_CASE("a call that waits for its turn waits for no message but that") {
  clear();
  stepped s;
  auto d = s.rt->actor<desk>(0);
  auto first = d.call<&desk::naps>(1), second = d.call<&desk::add>(2);
  s.run();
  CHECK(desk::log == std::vector{1});
  CHECK_FALSE(second.settled());
  CHECK(s.rt->get(second) == 2);
  CHECK(first.value() == 0);
  CHECK(desk::log == std::vector{1, -1, 2});
}

// It held its turn for ever: it waited for the word that had come already.
TEST_CASE("a call that is cancelled at any step leaves its turn, and the next one begins") {
  for (int steps = 0; steps < 60; ++steps)
    for (int which = 0; which < 3; ++which) {
      CAPTURE(steps);
      CAPTURE(which);
      clear();
      stepped s;
      auto d = s.rt->actor<desk>(0);
      std::vector<ref<int>> all{d.call<&desk::add>(s.rt->submit([] { return 1; })),
                                d.call<&desk::add>(2), d.call<&desk::naps>(3)};
      auto last = d.call<&desk::add>(10);
      for (int k = 0; k < steps && s.step(); ++k) {}
      (void)s.rt->cancel(all[static_cast<std::size_t>(which)]);
      (void)s.rt->get(last);
      for (auto& r : all) CHECK(r.settled());
      d = {};
      s.rt->drain();
      s.run();
      CHECK(alive == 0);
    }
}

TEST_CASE("an actor that is stopped at any step settles all its calls and is destroyed") {
  for (int steps = 0; steps < 60; ++steps) {
    CAPTURE(steps);
    clear();
    stepped s;
    auto d = s.rt->actor<desk>(0);
    std::vector<ref<int>> all{d.call<&desk::add>(s.rt->submit([] { return 1; })),
                              d.call<&desk::naps>(2), d.call<&desk::add>(slow(s, 3)),
                              d.call<&desk::add>(4)};
    for (int k = 0; k < steps && s.step(); ++k) {}
    d.stop();
    d = {};
    s.rt->drain();
    s.run();
    for (auto& r : all) CHECK(r.settled());
    CHECK(alive == 0);
  }
}

// The calls' tasks looked for their actor, which nothing held any more.
TEST_CASE("calls of an actor that is over are refused, and it stays until they have ended") {
  clear();
  stepped s;
  auto d = s.rt->actor<desk>(0);
  s.run();
  d.stop();
  s.run();
  CHECK(alive == 0);
  auto now = d.call<&desk::add>(1), late = d.call<&desk::add>(slow(s, 1));
  d = {};
  CHECK_THROWS_AS((void)s.rt->get(now), troupe::cancelled);
  CHECK_THROWS_AS((void)s.rt->get(late), troupe::cancelled);
  s.rt->drain();
  s.run();
}

TEST_CASE("in any interleaving a caller's calls keep their order, also over breaks and tries") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    clear();
    stepped s;
    std::mt19937 random{seed};
    desk::left = static_cast<int>(seed % 3);
    auto d = s.rt->with({.backoff = {.first = {}}, .restarts = 5, .retry_calls = 3}).actor<desk>(0);
    auto first = d.call<&desk::add>(s.rt->submit([] { return 1; }));
    auto breaks = d.call<&desk::breaks_once>(2);
    auto third = d.call<&desk::add>(3), fourth = d.call<&desk::add>(4);
    if (seed % 2) d = {};
    s.run_shuffled(random);
    (void)s.rt->get(fourth);
    std::vector<int> expected{1, 2, 3, 4};
    for (unsigned k = 0; k < seed % 3; ++k) expected.insert(expected.begin() + 1, 2);
    CHECK(desk::log == expected);
    CHECK(fourth.value() == (seed % 3 == 0 ? 10 : 9));
    d = {};
    s.rt->drain();
    s.run();
    CHECK(alive == 0);
    CHECK(wrong == 0);
  }
}
