// SPDX-License-Identifier: MIT
#include "graph/timers.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace troupe::detail;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// Timers beside a sorted set that does the same.
class pair_of_timers {
public:
  explicit pair_of_timers(std::size_t n) : timers_(n) {}

  bool waiting(std::size_t i) const { return timers_[i].waiting(); }
  void add(std::size_t i, std::int64_t due) {
    timers_[i].due = due;
    const bool first = heap_.add(timers_[i]);
    sorted_.emplace(due, orders_++, i);
    hold(first == (std::get<2>(*sorted_.begin()) == i), "add says whether it is the next one");
    compare();
  }
  void remove(std::size_t i) {
    bool there = false;
    for (auto at = sorted_.begin(); at != sorted_.end(); ++at)
      if (std::get<2>(*at) == i) {
        sorted_.erase(at);
        there = true;
        break;
      }
    hold(heap_.remove(timers_[i]) == there, "remove says whether it was waiting");
    compare();
  }
  void next(std::int64_t now) {
    const timer* t = heap_.next(now);
    if (sorted_.empty() || (!heap_.closed() && std::get<0>(*sorted_.begin()) > now))
      hold(t == nullptr, "nothing is due");
    else {
      hold(t == &timers_[std::get<2>(*sorted_.begin())],
           "the earliest, and of those the first to come");
      hold(!t->waiting(), "what was taken out does not wait");
      sorted_.erase(sorted_.begin());
    }
    compare();
  }
  void close() {
    heap_.close();
    compare();
  }
  std::size_t size() const { return sorted_.size(); }

private:
  void compare() const {
    heap_.check();
    hold(heap_.size() == sorted_.size(), "size");
    hold(heap_.earliest() == (sorted_.empty() ? timers::never : std::get<0>(*sorted_.begin())),
         "earliest");
  }
  std::vector<timer> timers_;
  timers heap_;
  std::uint64_t orders_ = 0;
  std::set<std::tuple<std::int64_t, std::uint64_t, std::size_t>> sorted_;
};

bool happen(pair_of_timers& t, int event) {
  if (event < 6) {  // three timers, two times
    const auto i = static_cast<std::size_t>(event) % 3;
    if (t.waiting(i)) return false;
    t.add(i, 1 + event / 3);
  } else if (event < 9) t.remove(static_cast<std::size_t>(event) - 6);
  else if (event < 12) t.next(event - 9);
  else t.close();
  return true;
}
constexpr int events = 13;
}  // namespace

TEST_CASE("every order of five events among three timers agrees with a sorted set") {
  std::array<int, 5> order{};
  std::size_t legal = 0;
  for (bool more = true; more;) {
    pair_of_timers t{3};
    bool ok = true;
    for (std::size_t i = 0; i < order.size() && ok; ++i) {
      try {
        ok = happen(t, order[i]);
      } catch (const std::logic_error& e) {
        std::string text;
        for (std::size_t j = 0; j <= i; ++j) text += std::to_string(order[j]) + ' ';
        FAIL(std::string(e.what()) << " after the events " << text);
      }
    }
    legal += ok;
    more = false;
    for (auto& event : order) {
      if (++event < events) {
        more = true;
        break;
      }
      event = 0;
    }
  }
  CHECK(legal > 100'000);
}

TEST_CASE("random adds, removes and ticks among many timers agree with a sorted set") {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random{seed};
    pair_of_timers t{200};
    std::int64_t now = 0;
    try {
      for (int i = 0; i < 2000; ++i) {
        const std::size_t k = random() % 200;
        if (random() % 3 != 0) {
          if (!t.waiting(k)) t.add(k, now + static_cast<std::int64_t>(random() % 40));
        } else if (random() % 2 == 0) t.remove(k);
        else t.next(now += static_cast<std::int64_t>(random() % 3));
      }
      t.close();
      while (t.size() > 0) t.next(0);
    } catch (const std::logic_error& e) { FAIL(e.what() << ", seed " << seed); }
  }
}

TEST_CASE("timers that are due at the same time wake in the order in which they came") {
  timers t;
  std::array<timer, 9> all;
  for (auto& x : all) {
    x.due = 5;
    (void)t.add(x);
  }
  CHECK(t.next(4) == nullptr);
  for (auto& x : all) CHECK(t.next(5) == &x);
  CHECK(t.next(5) == nullptr);
}

TEST_CASE("after the end everything is due, and what comes later as well") {
  timers t;
  timer a{.due = 100}, b{.due = timers::never - 1};
  (void)t.add(a);
  t.close();
  (void)t.add(b);
  CHECK(t.next(0) == &a);
  CHECK(t.next(0) == &b);
  CHECK(t.next(0) == nullptr);
}
