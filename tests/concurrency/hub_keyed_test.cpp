// SPDX-License-Identifier: MIT
// Jobs with a key of time: who goes first, and that none is lost.
#include "actors/hub.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

using namespace troupe::detail;
using namespace std::chrono_literals;

namespace {
struct job {
  std::atomic<int> taken{0};
  bool stop = false;
};
std::atomic<std::int64_t> now{0};
std::int64_t test_time() { return now; }

template <class P> bool soon(P holds) {
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}
}  // namespace

TEST_CASE("what is due goes before the lane's jobs, but for one turn in eight") {
  now = 1000;
  hub<job> h{test_time};
  auto& lane = h.enter();
  std::deque<job> ordinary(10), urgent(16);
  for (auto& j : ordinary) h.push(lane, &j);
  for (auto& j : urgent) h.push_keyed(&j, 100);
  for (std::size_t i = 0; i < 7; ++i) CHECK(h.next(lane) == &urgent[i]);
  CHECK(h.next(lane) == &ordinary.back());
  for (std::size_t i = 7; i < 14; ++i) CHECK(h.next(lane) == &urgent[i]);
  CHECK(h.next(lane) == &ordinary[8]);
  h.drain_all([](job*) {});
}

TEST_CASE("a job whose time has not come waits for the lanes, and runs when they are empty") {
  now = 1000;
  hub<job> h{test_time};
  auto& lane = h.enter();
  job ordinary, low, lower;
  h.push_keyed(&lower, -600);
  h.push_keyed(&low, -500);
  h.push(lane, &ordinary);
  CHECK(h.next(lane) == &ordinary);
  CHECK(h.next(lane) == nullptr);
  CHECK(h.wait(lane) == &low);
  h.push(lane, &ordinary);
  now = 1600;  // it has aged
  CHECK(h.next(lane) == &lower);
  CHECK(h.next(lane) == &ordinary);
}

TEST_CASE("a job that has waited goes before a later one of a higher priority") {
  now = 1000;
  hub<job> h{test_time};
  auto& lane = h.enter();
  job low, high, highest;
  h.push_keyed(&low, 100);
  now = 1500;
  h.push_keyed(&high, 500);  // the same key: the first to come
  h.push_keyed(&highest, 700);
  CHECK(h.next(lane) == &highest);
  CHECK(h.next(lane) == &low);
  CHECK(h.next(lane) == &high);
  CHECK(h.alone(lane));
}

TEST_CASE("keyed jobs that are pushed while workers sleep, or fall asleep, are each taken once") {
  hub<job> h;
  std::deque<job> jobs(4000);
  job last;
  last.stop = true;
  std::vector<std::thread> workers;
  for (int w = 0; w < 3; ++w)
    workers.emplace_back([&] {
      auto& lane = h.enter();
      for (;;) {
        job* j = h.wait(lane);
        if (j->stop) return h.push_inbox(j);
        j->taken.fetch_add(1);
      }
    });
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (unsigned spin = static_cast<unsigned>(i * 37) % 3000; spin > 0; --spin)
      troupe::detail::pause();
    h.push_keyed(&jobs[i], i % 3 == 0 ? 1'000'000'000 : -1'000'000'000);
    if (i % 5 == 0) REQUIRE(soon([&] { return jobs[i].taken == 1; }));
  }
  CHECK(soon([&] {
    for (auto& j : jobs)
      if (j.taken == 0) return false;
    return true;
  }));
  h.push_inbox(&last);
  for (auto& t : workers) t.join();
  for (auto& j : jobs) REQUIRE(j.taken == 1);
}

TEST_CASE("the last worker that finds nothing says so, and what is pushed then is taken") {
  struct counting final : hub<job>::watcher {
    hub<job>* of = nullptr;
    std::atomic<int> told{0}, all{0};
    job extra;
    void worker_rests() noexcept override {
      ++told;
      if (of->resting().workers != 2 || of->anything_queued()) return;
      if (all.fetch_add(1) == 0) of->push_inbox(&extra);
    }
  };
  hub<job> h;
  counting watch;
  watch.of = &h;
  h.watch(watch);
  job last;
  last.stop = true;
  std::vector<std::thread> workers;
  for (int w = 0; w < 2; ++w)
    workers.emplace_back([&] {
      auto& lane = h.enter();
      for (;;) {
        job* j = h.wait(lane);
        if (j->stop) return h.push_inbox(j);
        j->taken.fetch_add(1);
      }
    });
  CHECK(soon([&] { return watch.extra.taken == 1 && watch.all >= 2; }));
  const auto before = h.resting().wakes;
  CHECK(before >= 1);
  h.unwatch(watch);
  const int told = watch.told;
  job other;
  h.push_inbox(&other);
  CHECK(soon([&] { return other.taken == 1 && h.resting().workers == 2; }));
  CHECK(watch.told == told);
  h.push_inbox(&last);
  for (auto& t : workers) t.join();
}
