// SPDX-License-Identifier: MIT
// Streams and coroutine bodies on CAF's deterministic scheduler, in random interleavings.
#include "stepped.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;
using troupe::stream;

namespace {
stream<counted> things(int n, int sleep_at) {
  for (int i = 0; i < n; ++i) {
    if (i == sleep_at) here().sleep_for(1h);
    co_yield counted{i};
  }
}
long total(stream<counted> s, int sleep_at, int leave_at) {
  long t = 0;
  for (const counted& c : s) {
    if (c.value == leave_at) break;
    if (c.value == sleep_at) here().sleep_for(1h);
    t += c.value;
  }
  return t;
}
troupe::task<long> twice(ref<long> r) { co_return 2 * co_await r; }
troupe::task<long> sum(ref<long> a, ref<long> b) { co_return co_await twice(a) + co_await b; }

struct expected {
  ref<long> result;
  long value;
};
long up_to(long n) { return n * (n - 1) / 2; }

std::vector<expected> random_streams(troupe::runtime& rt, std::mt19937& random) {
  std::vector<expected> all;
  for (int i = 0; i < 6; ++i) {
    const int n = static_cast<int>(random() % 40), at = static_cast<int>(random() % 60);
    const int leave = static_cast<int>(random() % 80);
    auto s = rt.with({.stream_buffer = 1 + random() % 9})
                 .submit<things>(n, static_cast<int>(random() % 60));
    auto r = rt.submit<total>(std::move(s), at, leave);
    const long value = up_to(std::min(n, leave));
    all.push_back({r, value});
    all.push_back({rt.submit<sum>(r, all[random() % all.size()].result), 0});
    all.back().value = -1;
  }
  return all;
}
}  // namespace

TEST_CASE("streams give the same values in whatever order messages and tasks have their turns") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    stepped s;
    {
      auto all = random_streams(*s.rt, random);
      for (int i = 0; i < 20; ++i) {
        s.run_shuffled(random);
        (void)s.rt->wait(std::vector{all[0].result}, 1, 1h);
      }
      for (auto& e : all) {
        const long value = s.rt->get(e.result);
        if (e.value >= 0) CHECK(value == e.value);
      }
    }
    s.rt->drain();
    s.run();
    CHECK(s.rt->stats().objects == 0);
    CHECK(counted::alive == 0);
  }
}

TEST_CASE("a program's thread takes a stream's values, and the turns between them") {
  stepped s;
  int seen = 0;
  for (const counted& c : s.rt->with({.stream_buffer = 4}).submit<things>(100, 50))
    CHECK(c.value == seen++);
  CHECK(seen == 100);
}

TEST_CASE("a stream whose values nobody will make is an error for the program, not a hang") {
  stepped s;
  auto r =
      s.rt->submit([](stream<counted> in) { return here().submit<total>(std::move(in), -1, -1); },
                   s.rt->submit<things>(3, -1));
  CHECK(s.rt->get(r) == 3);
  // the producer waits for a task that waits for itself
  auto own = std::make_shared<ref<int>>();
  *own = s.rt->submit([](std::shared_ptr<ref<int>> o) { return here().get(*o); }, own);
  auto stuck = s.rt->submit(
      [](std::shared_ptr<ref<int>> o) -> stream<int> {
        co_yield 1;
        co_yield co_await *o;
      },
      own);
  CHECK(stuck.next() == 1);
  CHECK_THROWS_AS(stuck.next(), troupe::deadlock);
  CHECK_THROWS_AS(stuck.next(), troupe::deadlock);  // and may be asked again
}

TEST_CASE("a runtime that ends at any step leaves no stream and no coroutine behind") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    std::vector<expected> all;
    stream<counted> kept;
    {
      stepped s;
      all = random_streams(*s.rt, random);
      kept = s.rt->with({.stream_buffer = 5}).submit<things>(100, static_cast<int>(random() % 100));
      for (unsigned k = random() % 400; k-- > 0;) {
        auto& jobs = s.scheduler->jobs;
        if (jobs.empty()) break;
        std::swap(jobs.front(), jobs[random() % jobs.size()]);
        s.step();
      }
      s.rt.reset();
    }
    for (auto& e : all) CHECK(e.result.settled());
    int n = 0;
    try {
      for (const counted& c : kept) CHECK(c.value == n++);
      CHECK(false);
    } catch (const troupe::cancelled&) {}
    CHECK(n <= 5);
    kept = {};
    all.clear();
    CHECK(counted::alive == 0);
  }
}
