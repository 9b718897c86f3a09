// SPDX-License-Identifier: MIT
#include "actors/countdown.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

using namespace troupe::detail;

namespace {
// Starts the same work on several threads again and again, all at the same moment.
class crew {
public:
  template <class F> crew(unsigned threads, int rounds, F work) {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this, i, rounds, work] {
        for (int r = 1; r <= rounds; ++r) {
          while (round_.load(std::memory_order_acquire) < r) std::this_thread::yield();
          work(i, r);
          done_.fetch_add(1, std::memory_order_acq_rel);
        }
      });
  }
  ~crew() {
    for (auto& t : threads_) t.join();
  }
  void begin() {
    done_.store(0, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_acq_rel);
  }
  void wait() const {
    while (done_.load(std::memory_order_acquire) < threads_.size()) std::this_thread::yield();
  }

private:
  std::atomic<int> round_{0};
  std::atomic<std::size_t> done_{0};
  std::vector<std::thread> threads_;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds = 4'000;
#else
constexpr int rounds = 20'000;
#endif
constexpr auto deadline = std::chrono::seconds(60);
}  // namespace

TEST_CASE("of threads that arrive at a free waiter exactly one makes it runnable: the last") {
  countdown c;
  std::atomic<int> woken{0}, plain{0};
  int data = 0;  // written by whoever wakes: a second one would be a race
  crew threads{3, rounds, [&](unsigned, int) {
                 plain.fetch_add(1);
                 if (c.arrive()) {
                   woken.fetch_add(1);
                   data += plain.load();
                 }
               }};
  for (int r = 1; r <= rounds; ++r) {
    woken = plain = 0;
    c.begin(3, countdown::free);
    CHECK_FALSE(c.due());
    threads.begin();
    threads.wait();
    REQUIRE(woken == 1);
    REQUIRE(data == 3 * r);
    REQUIRE(c.due());
  }
}

TEST_CASE("of arrivals, a force and the leave exactly one is told to make the waiter runnable") {
  countdown c;
  std::atomic<int> woken{0};
  crew threads{4, rounds, [&](unsigned i, int) {
                 const bool mine = i == 0 ? c.leave() : i == 1 ? c.force() : c.arrive();
                 woken.fetch_add(mine);
               }};
  for (int r = 1; r <= rounds; ++r) {
    woken = 0;
    c.begin(1 + r % 4, countdown::in_use);
    threads.begin();
    threads.wait();
    REQUIRE(woken == 1);
    REQUIRE(c.due());
    REQUIRE(c.arrived(1 + r % 4) == 2);
  }
}

// As a body waits: for `missing` of three answers or the timer, then for whatever is still on its
// way.
TEST_CASE(
    "a waiter that goes on early and then waits for the rest is woken once for each time it left") {
  countdown c;
  std::atomic<int> wakes{0};
  auto told = [&](bool mine) {
    if (mine) wakes.fetch_add(1, std::memory_order_acq_rel);
  };
  crew threads{4, rounds, [&](unsigned i, int r) {
                 std::minstd_rand random{static_cast<unsigned>(r) * 7 + i};
                 for (unsigned n = random() % 200; n > 0; --n) (void)c.due();
                 if (i > 0) return told(c.arrive());
                 const bool due = c.force();
                 const bool last = c.arrive();
                 told(due || last);
               }};
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (int r = 1; r <= rounds; ++r) {
    int left_often = 0;
    auto block = [&] {
      if (c.due()) return false;
      ++left_often;
      told(c.leave());
      while (wakes.load(std::memory_order_acquire) < left_often) {
        REQUIRE(std::chrono::steady_clock::now() < until);
        std::this_thread::yield();
      }
      return true;
    };
    wakes = 0;
    std::int32_t missing = 1 + r % 3;
    c.begin(missing, countdown::in_use);
    threads.begin();
    bool left = block();
    constexpr std::int32_t total = 4;
    while (c.arrived(missing) != total) {
      missing = c.extend(missing, total, left);
      left = block();
    }
    threads.wait();
    REQUIRE(wakes == left_often);
    REQUIRE(c.arrived(missing) == total);
  }
}

TEST_CASE("a countdown counts on one thread as it says") {
  countdown c;
  c.begin(2, countdown::in_use);
  CHECK_FALSE(c.arrive());
  CHECK(c.arrived(2) == 1);
  CHECK_FALSE(c.due());
  CHECK_FALSE(c.arrive());
  CHECK(c.due());
  CHECK(c.leave());

  c.begin(2, countdown::in_use);
  CHECK_FALSE(c.leave());
  CHECK(c.force());
  CHECK_FALSE(c.arrive());
  CHECK(c.due());
  CHECK(c.arrived(2) == 1);
  const auto missing = c.extend(2, 3, true);
  CHECK(c.arrived(missing) == 1);
  CHECK_FALSE(c.due());
  CHECK_FALSE(c.leave());
  CHECK_FALSE(c.arrive());
  CHECK(c.arrive());
  CHECK(c.arrived(missing) == 3);
}
