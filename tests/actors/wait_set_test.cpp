// SPDX-License-Identifier: MIT
// Sets of waits on the deterministic scheduler: random programs, random interleavings, ends at
// random moments.
#include "stepped.hpp"

#include "actors/tally.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;

namespace {
counted after(int ms) {
  here().sleep_for(std::chrono::milliseconds(ms));
  return counted{ms};
}

// Loops over random tasks with wait and as_completed, drops refs meanwhile, leaves loops early;
// what was given is in the order of the tasks' times.
template <class Verbs> int loops(const Verbs& verbs, unsigned seed) {
  std::mt19937 random{seed};
  int steps = 0;
  for (int round = 0; round < 3; ++round) {
    std::vector<int> times(1 + random() % 8);
    std::iota(times.begin(), times.end(), 1);
    std::shuffle(times.begin(), times.end(), random);
    std::vector<ref<counted>> refs;
    for (int t : times) refs.push_back(verbs.template submit<after>(10 * t));
    const auto all = refs;
    const bool ordered = random() % 2 == 0;
    if (random() % 3 == 0) {
      std::size_t seen = 0, enough = random() % (refs.size() + 1);
      for (auto& r : verbs.as_completed(refs)) {
        REQUIRE(r.settled());
        ++steps;
        if (++seen == enough) break;
      }
      continue;
    }
    while (!refs.empty()) {
      const std::size_t n = ordered ? 1 : 1 + random() % refs.size();
      const bool timed = random() % 3 == 0;
      const auto limit = std::chrono::milliseconds(random() % 25);
      const auto before = refs;
      auto w = random() % 2 == 0 ? timed ? verbs.wait(refs, n, limit) : verbs.wait(refs, n)
               : timed ? verbs.wait(std::move(refs), n, limit)
                                 : verbs.wait(std::move(refs), n);
      REQUIRE((timed ? w.ready.size() <= n : w.ready.size() == n));
      REQUIRE(w.ready.size() + w.pending.size() == before.size());
      auto both = before;
      std::erase_if(both, [&](auto& r) { return std::ranges::count(w.ready, r) > 0; });
      REQUIRE(both == w.pending);
      for (auto& r : w.ready) REQUIRE(r.settled());
      if (ordered && !w.ready.empty()) {
        const int first = verbs.get(w.ready[0]).value;
        for (auto& r : w.pending) REQUIRE((!r.settled() || verbs.get(r).value >= first));
      }
      steps += static_cast<int>(w.ready.size());
      refs = std::move(w.pending);
      if (random() % 6 == 0) break;  // leaves the set standing
      if (random() % 6 == 0 && !refs.empty())
        refs.erase(refs.begin() + static_cast<std::ptrdiff_t>(random() % refs.size()));
    }
  }
  return steps;
}
}  // namespace

TEST_CASE("a tally finds the arrival that was expected, and no other") {
  troupe::detail::tally t;
  CHECK_FALSE(t.arrive());
  CHECK(t.expect(3));
  CHECK_FALSE(t.arrive());
  CHECK(t.arrive());
  CHECK_FALSE(t.take_back());  // it has said so
  CHECK_FALSE(t.arrive());
  CHECK_FALSE(t.expect(4));  // there already
  CHECK_FALSE(t.arrive());
  CHECK(t.expect(6));
  CHECK(t.take_back());
  CHECK_FALSE(t.arrive());
  CHECK(t.expect(7));
  CHECK(t.arrive());
}

TEST_CASE("random loops over waits give each ref once, in any interleaving") {
  const long before = counted::alive;
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::size(400, 80)); ++seed) {
    stepped s;
    std::mt19937 random{seed};
    std::vector<ref<int>> bodies;
    for (unsigned i = 0; i < 3; ++i)
      bodies.push_back(s.rt->submit([x = seed * 7 + i] { return loops(here(), x); }));
    s.run_shuffled(random);
    CHECK(loops(*s.rt, seed) >= 0);  // the program's thread takes the turns
    for (auto& b : bodies) CHECK(s.rt->get(b) >= 0);
    bodies.clear();
    s.rt->drain();
    s.run();
    const auto n = s.rt->stats();
    CHECK(n.objects == 0);
    CHECK(n.inputs_awaited == n.readiness_messages);
  }
  CHECK(counted::alive == before);
}

TEST_CASE("a runtime may end at any step of loops over waits") {
  const long before = counted::alive;
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::size(600, 120)); ++seed) {
    stepped s;
    std::mt19937 random{seed};
    std::vector<ref<int>> bodies;
    for (unsigned i = 0; i < 3; ++i)
      bodies.push_back(s.rt->submit([x = seed * 5 + i] { return loops(here(), x); }));
    if (seed % 2 == 0) (void)s.rt->wait(bodies, 2, std::chrono::milliseconds(random() % 60));
    for (auto n = random() % 200; n > 0 && !s.scheduler->jobs.empty(); --n) {
      auto& jobs = s.scheduler->jobs;
      std::swap(jobs.front(), jobs[random() % jobs.size()]);
      s.step();
    }
    if (seed % 3 == 0) bodies.clear();
    s.rt.reset();
    for (auto& b : bodies) CHECK(b.settled());
    s.run();
  }
  CHECK(counted::alive == before);
}

TEST_CASE("elements of a tuple and continuations settle in any interleaving, or at the end") {
  const long before = counted::alive;
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::size(400, 80)); ++seed) {
    stepped s;
    std::mt19937 random{seed};
    std::vector<ref<counted>> refs;
    for (int i = 0; i < 6; ++i) {
      auto [a, b] = s.rt->submit(
          [](const counted& c) {
            if (c.value % 5 == 4) throw std::runtime_error("as asked");
            return std::tuple{counted{c.value + 1}, counted{c.value + 2}};
          },
          s.rt->submit<after>(static_cast<int>(random() % 10)));
      if (random() % 2 == 0) refs.push_back(a);
      if (random() % 2 == 0) refs.push_back(b.then([](counted c) { return counted{c.value + 1}; }));
      refs.push_back(std::move(b));
      if (random() % 4 == 0) refs.erase(refs.begin());
    }
    for (auto n = random() % 300; n > 0 && !s.scheduler->jobs.empty(); --n) {
      auto& jobs = s.scheduler->jobs;
      std::swap(jobs.front(), jobs[random() % jobs.size()]);
      s.step();
    }
    if (seed % 2 == 0) {
      for (auto& r : s.rt->as_completed(refs)) CHECK(r.settled());
    }
    s.rt.reset();
    for (auto& r : refs) CHECK(r.settled());
  }
  CHECK(counted::alive == before);
}
