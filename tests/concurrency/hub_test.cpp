// SPDX-License-Identifier: MIT
#include "actors/hub.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

using namespace troupe::detail;
using namespace std::chrono_literals;

namespace {
struct job {
  std::atomic<int> taken{0};
  int kind = 0;  // what the worker does with it
  job* partner = nullptr;
};
constexpr int stop = -1;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int scale = 1;
#else
constexpr int scale = 5;
#endif

template <class P> bool soon(P holds, std::chrono::steady_clock::duration limit = 30s) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

// Threads that take jobs until they meet the one to stop at, which each passes on.
class workers {
public:
  template <class F> workers(hub<job>& h, unsigned n, F work) : hub_(h) {
    stop_.kind = stop;
    for (unsigned i = 0; i < n; ++i)
      threads_.emplace_back([this, work] {
        auto& lane = hub_.enter();
        for (;;) {
          job* j = hub_.wait(lane);
          if (j->kind == stop) return hub_.push_inbox(j);
          j->taken.fetch_add(1);
          work(lane, *j);
        }
      });
  }
  ~workers() {
    hub_.push_inbox(&stop_);
    for (auto& t : threads_) t.join();
  }

private:
  hub<job>& hub_;
  job stop_;
  std::vector<std::thread> threads_;
};
}  // namespace

TEST_CASE("every job that many threads push is taken exactly once") {
  for (const unsigned n : {1u, 2u, 5u}) {
    hub<job> h;
    constexpr int pushers = 3, each = 4000;
    std::deque<job> jobs(pushers * each);
    {
      workers all{h, n, [](auto&, job&) {}};
      std::vector<std::thread> threads;
      for (int p = 0; p < pushers; ++p)
        threads.emplace_back([&, p] {
          for (int i = 0; i < each; ++i) {
            h.push_inbox(&jobs[static_cast<std::size_t>(p * each + i)]);
            if (i % 64 == 0) std::this_thread::yield();
          }
        });
      for (auto& t : threads) t.join();
      CHECK(soon([&] {
        for (auto& j : jobs)
          if (j.taken == 0) return false;
        return true;
      }));
    }
    for (auto& j : jobs) REQUIRE(j.taken == 1);
  }
}

TEST_CASE("a job that is pushed while all workers sleep, or fall asleep, is taken") {
  hub<job> h;
  std::deque<job> jobs(static_cast<std::size_t>(3000 * scale));
  workers all{h, 3, [](auto&, job&) {}};
  unsigned n = 0;
  for (auto& j : jobs) {
    for (unsigned spin = (n++ * 37) % 3000; spin > 0; --spin)
      troupe::detail::pause();  // about as long as a worker searches
    h.push_inbox(&j);
    REQUIRE(soon([&] { return j.taken == 1; }));
  }
}

// A worker that has found one job must not let another one lie while a colleague sleeps: the first
// may take long.
TEST_CASE("two jobs that need each other are both begun when there are two workers") {
  hub<job> h;
  std::deque<job> jobs(static_cast<std::size_t>(2000 * scale));
  std::atomic<int> alone{0};
  workers all{h, 2, [&](auto&, job& j) {
                if (!soon([&] { return j.partner->taken == 1; }, 2s)) ++alone;
              }};
  for (std::size_t i = 0; i < jobs.size() && alone == 0; i += 2) {
    jobs[i].partner = &jobs[i + 1];
    jobs[i + 1].partner = &jobs[i];
    for (unsigned spin = static_cast<unsigned>(i * 37) % 3000; spin > 0; --spin)
      troupe::detail::pause();
    h.push_inbox(&jobs[i]);
    h.push_inbox(&jobs[i + 1]);
    REQUIRE(soon([&] { return jobs[i].taken == 1 && jobs[i + 1].taken == 1; }));
  }
  CHECK(alone == 0);
}

TEST_CASE("jobs that a worker pushes to its own lane while it is busy are taken by another") {
  hub<job> h;
  std::deque<job> jobs(static_cast<std::size_t>(2000 * scale));
  std::atomic<int> alone{0};
  workers all{h, 2, [&](auto& lane, job& j) {
                if (!j.partner) return;
                h.push(lane, j.partner);
                if (!soon([&] { return j.partner->taken == 1; }, 2s)) ++alone;
              }};
  for (std::size_t i = 0; i < jobs.size() && alone == 0; i += 2) {
    jobs[i].partner = &jobs[i + 1];
    for (unsigned spin = static_cast<unsigned>(i * 37) % 3000; spin > 0; --spin)
      troupe::detail::pause();
    h.push_inbox(&jobs[i]);
    REQUIRE(soon([&] { return jobs[i + 1].taken == 1; }));
  }
  CHECK(alone == 0);
}

TEST_CASE("what guests leave in their lanes is taken by workers, and their lanes are used again") {
  hub<job> h;
  constexpr std::size_t guests = 4, visits = 300, each = 10;
  std::deque<job> jobs(guests * visits * each);
  std::atomic<std::size_t> highest{0};
  {
    workers all{h, 2, [](auto&, job&) {}};
    std::vector<std::thread> threads;
    for (std::size_t g = 0; g < guests; ++g)
      threads.emplace_back([&, g] {
        for (std::size_t v = 0; v < visits; ++v) {
          auto& lane = h.enter();
          for (std::size_t seen = highest;
               lane.index > seen && !highest.compare_exchange_weak(seen, lane.index);) {}
          for (std::size_t i = 0; i < each; ++i) h.push(lane, &jobs[(g * visits + v) * each + i]);
          if (v % 2 == 0)
            if (job* mine = h.next(lane)) mine->taken.fetch_add(1);
          h.leave(lane);
        }
      });
    for (auto& t : threads) t.join();
    CHECK(soon([&] {
      for (auto& j : jobs)
        if (j.taken == 0) return false;
      return true;
    }));
  }
  for (auto& j : jobs) REQUIRE(j.taken == 1);
  CHECK(highest < 2 + guests);
}

TEST_CASE("a guest takes the place of the only worker, which takes jobs again when it has gone") {
  hub<job> h;
  std::deque<job> jobs(static_cast<std::size_t>(100 * scale));
  workers all{h, 1, [](auto&, job&) {}};
  unsigned n = 0;
  for (auto& j : jobs) {
    for (unsigned spin = (n++ * 37) % 3000; spin > 0; --spin)
      troupe::detail::pause();  // the worker searches, or stands back, or sleeps
    h.take_place();
    h.push_inbox(&j);
    // it may be the guest's own: who takes it back is the only one to run it
    const bool mine = h.take_back(&j);
    if (mine) j.taken.fetch_add(1);
    h.leave_place();
    REQUIRE(soon([&] { return j.taken == 1; }));
  }
}

TEST_CASE("no job is lost while guests come and go, more of them than workers") {
  hub<job> h;
  constexpr std::size_t guests = 4;
  const std::size_t each = static_cast<std::size_t>(500 * scale);
  std::deque<job> jobs(guests * each);
  {
    workers all{h, 2, [](auto&, job&) {}};
    std::vector<std::thread> threads;
    for (std::size_t g = 0; g < guests; ++g)
      threads.emplace_back([&, g] {
        for (std::size_t i = 0; i < each; ++i) {
          h.take_place();
          auto& lane = h.enter();
          h.push(lane, &jobs[g * each + i]);
          h.leave(lane);
          h.leave_place();
        }
      });
    for (auto& t : threads) t.join();
    CHECK(soon([&] {
      for (auto& j : jobs)
        if (j.taken == 0) return false;
      return true;
    }));
  }
  for (auto& j : jobs) REQUIRE(j.taken == 1);
}

TEST_CASE("a lane gives its newest job first, and now and then what outsiders have left") {
  hub<job> h;
  auto& lane = h.enter();
  std::deque<job> own(200);
  job outsider;
  for (auto& j : own) h.push(lane, &j);
  h.push_inbox(&outsider);
  CHECK(h.next(lane) == &own.back());
  bool came = false;
  for (int i = 0; i < 70; ++i) came = h.next(lane) == &outsider || came;
  CHECK(came);
  CHECK_FALSE(h.alone(lane));
  int n = 0;
  h.drain_all([&](job*) { ++n; });
  CHECK(n == 201 - 71);
  CHECK(h.alone(lane));
  CHECK(h.next(lane) == nullptr);
}
