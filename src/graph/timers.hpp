// SPDX-License-Identifier: MIT
// Who sleeps until when: a binary heap of waits by due time. Pure: time comes in as a number
// (nanoseconds of any steady clock).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::detail {

struct timer {
  std::int64_t due = 0;
  std::size_t place = none;  // in the heap
  std::uint64_t order = 0;   // ties: the first to come is the first to wake
  static constexpr std::size_t none = ~std::size_t{0};
  bool waiting() const { return place != none; }
};

class timers {
public:
  // Precondition: t is not waiting. True: it is the next one due now.
  [[nodiscard]] bool add(timer& t);
  // True: it was waiting, and is to be answered now.
  [[nodiscard]] bool remove(timer& t);
  // The next one that is due at `now`, taken out; null: none.
  [[nodiscard]] timer* next(std::int64_t now);
  // The end: everything is due, and what comes later as well.
  void close() { closed_ = true; }
  bool closed() const { return closed_; }

  static constexpr std::int64_t never = INT64_MAX;
  std::int64_t earliest() const { return heap_.empty() ? never : heap_.front()->due; }
  std::size_t size() const { return heap_.size(); }
  template <class F> void each(F f) const {
    for (auto t : heap_) f(*t);
  }
  void check() const;  // throws std::logic_error

private:
  static bool before(const timer& a, const timer& b) {
    return a.due != b.due ? a.due < b.due : a.order < b.order;
  }
  void put(std::size_t i, timer* t) {
    heap_[i] = t;
    t->place = i;
  }
  void up(std::size_t i);
  void down(std::size_t i);

  std::vector<timer*> heap_;
  std::uint64_t orders_ = 0;
  bool closed_ = false;
};

}  // namespace troupe::detail
