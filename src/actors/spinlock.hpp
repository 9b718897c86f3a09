// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace troupe::detail {

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// So many pauses take about so long. Measured once: processors differ tenfold.
inline int pauses_in(std::chrono::nanoseconds time) {
  static const double each = [] {  // the best of a few: this thread may lose its core meanwhile
    using clock = std::chrono::steady_clock;
    constexpr int n = 100;
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
      const auto begin = clock::now();
      for (int i = 0; i < n; ++i) pause();
      best = std::min(best,
                      std::chrono::duration<double, std::nano>(clock::now() - begin).count() / n);
    }
    return std::max(best, 1.0);
  }();
  return static_cast<int>(static_cast<double>(time.count()) / each) + 1;
}

// For a few instructions at a time. Its holder may lose its core, so a waiter gives up its own
// after a while.
class spinlock {
public:
  [[gnu::always_inline]] void lock() {
    if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      wait();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

private:
  [[gnu::noinline]] void wait() {
    int n = 0;
    do
      for (; held_.load(std::memory_order_relaxed); ++n)
        n % 64 == 63 ? std::this_thread::yield() : pause();
    while (held_.exchange(true, std::memory_order_acquire));
  }
  std::atomic<bool> held_{false};
};

}  // namespace troupe::detail
