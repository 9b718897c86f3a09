// SPDX-License-Identifier: MIT
// The time at the price of an instruction or two, for what is written on the hot path and read rarely.
#pragma once
#include <chrono>
#include <cstdint>

namespace troupe::detail {

// Of a counter that goes on at one speed on all cores.
inline std::uint64_t ticks() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t t;
  asm volatile("mrs %0, cntvct_el0" : "=r"(t));
  return t;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// So many nanoseconds are a tick. Measured once, in a millisecond.
inline double ns_of_a_tick() {
  static const double each = [] {
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    const auto first = ticks();
    while (clock::now() - begin < std::chrono::milliseconds(1)) {}
    const auto n = ticks() - first;
    return std::chrono::duration<double, std::nano>(clock::now() - begin).count() /
           static_cast<double>(n == 0 ? 1 : n);
  }();
  return each;
}
inline std::int64_t ticks_to_ns(std::uint64_t n) {
  return static_cast<std::int64_t>(static_cast<double>(n) * ns_of_a_tick());
}

}  // namespace troupe::detail
