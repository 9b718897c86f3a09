// SPDX-License-Identifier: MIT
#pragma once
#include <atomic>
#include <thread>

namespace troupe::detail {

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// For a few instructions at a time. Its holder may lose its core, so a waiter gives up its own
// after a while.
class spinlock {
public:
  void lock() {
    for (int n = 0; held_.exchange(true, std::memory_order_acquire);)
      for (; held_.load(std::memory_order_relaxed); ++n)
        n % 64 == 63 ? std::this_thread::yield() : pause();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

private:
  std::atomic<bool> held_{false};
};

}  // namespace troupe::detail
