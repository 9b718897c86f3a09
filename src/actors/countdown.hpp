// SPDX-License-Identifier: MIT
// One word that decides when a waiter goes on: so many arrivals are still missing, and its stack
// may still be in use.
#pragma once
#include <atomic>
#include <cstdint>

namespace troupe::detail {

// Exactly one call of arrive, force or leave answers true after each begin: its caller makes the
// waiter runnable.
//
//   begin(n, in_use) --arrive or force...--> due --leave--> true      a body waits on its stack; a
//          `--leave--> parked --arrive or force--> true               task, until it has asked
//   begin(n, free) --arrive...--> true                                a program's thread
class countdown {
public:
  enum stack { free, in_use };

  void begin(std::int32_t missing, stack s) {
    word_.store(missing + (s == in_use ? stack_bit : 0), std::memory_order_relaxed);
  }
  [[nodiscard]] bool arrive() { return subtract(1); }
  // The waiter goes on whatever is missing. Arrivals are still counted.
  [[nodiscard]] bool force() { return subtract(forced); }
  // The stack is free now.
  [[nodiscard]] bool leave() {
    return count(word_.fetch_sub(stack_bit, std::memory_order_acq_rel)) <= 0;
  }
  // The waiter may go on without having left its stack.
  bool due() const { return count(word_.load(std::memory_order_acquire)) <= 0; }

  // For the waiter, while it runs: how many have arrived of a wait that began with `missing`.
  std::int32_t arrived(std::int32_t missing) const {
    return missing -
           static_cast<std::int32_t>(count(word_.load(std::memory_order_acquire)) & 0xffffffff);
  }
  // For the waiter, after it was due: it now waits for all of `total` arrivals of that wait.
  // `left`: it stands on its stack again after having left it. Gives what arrived() wants from now
  // on.
  std::int32_t extend(std::int32_t missing, std::int32_t total, bool left) {
    const std::int64_t now = count(word_.load(std::memory_order_acquire));
    const std::int32_t have = missing - static_cast<std::int32_t>(now & 0xffffffff);
    const std::int64_t more = total - have - now;
    word_.fetch_add(more + (left ? stack_bit : 0), std::memory_order_acq_rel);
    return missing + static_cast<std::int32_t>(more & 0xffffffff);
  }

  // The same for a waiter without a stack, and with `missing` brought up to date. True: it will be
  // made runnable when the last one arrives, and may already be; false: all have arrived.
  [[nodiscard]] bool extend(std::int32_t& missing, std::int32_t total) {
    const std::int64_t now = count(word_.load(std::memory_order_acquire));
    const std::int64_t more = total - (missing - static_cast<std::int32_t>(now & 0xffffffff)) - now;
    missing += static_cast<std::int32_t>(more & 0xffffffff);
    return word_.fetch_add(more, std::memory_order_acq_rel) + more > 0;
  }

private:
  static constexpr std::int64_t stack_bit = std::int64_t{1} << 62, forced = std::int64_t{1} << 32;
  static std::int64_t count(std::int64_t word) {
    return word > stack_bit / 2 ? word - stack_bit : word;
  }
  bool subtract(std::int64_t n) {
    const std::int64_t old = word_.fetch_sub(n, std::memory_order_acq_rel);
    return old <= stack_bit / 2 && old > 0 && old <= n;
  }

  std::atomic<std::int64_t> word_{0};
};

}  // namespace troupe::detail
