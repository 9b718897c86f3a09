// SPDX-License-Identifier: MIT
// Counts arrivals in one word, and finds the one with which as many have come as somebody expects.
#pragma once
#include <atomic>
#include <cstdint>

namespace troupe::detail {

// arrive(): anyone; the rest: the one who expects.
class tally {
public:
  // True: this is the last one that was expected: the caller tells who waits, once.
  [[nodiscard]] bool arrive() { return word_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  // So many in all, since the beginning. False: they are there already, and no arrive() will say so.
  [[nodiscard]] bool expect(std::int64_t total) {
    const std::int64_t more = total - expected_;
    expected_ = total;
    return word_.fetch_add(more, std::memory_order_acq_rel) + more > 0;
  }
  // Expects nothing any more. True: no arrive() has said that all are there, and none will.
  [[nodiscard]] bool take_back() {
    const std::int64_t more = never - expected_;
    expected_ = never;
    return word_.fetch_add(more, std::memory_order_acq_rel) > 0;
  }

  // For anyone: so many are missing of what is expected now; 0: nothing is.
  std::int64_t missing() const {
    const std::int64_t n = word_.load(std::memory_order_acquire);
    return n > 0 && n < never / 2 ? n : 0;
  }

private:
  static constexpr std::int64_t never = std::int64_t{1} << 62;
  std::atomic<std::int64_t> word_{never};  // expected - arrived
  std::int64_t expected_ = never;
};

}  // namespace troupe::detail
