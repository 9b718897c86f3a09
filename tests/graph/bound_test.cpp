// SPDX-License-Identifier: MIT
#include "graph/bound.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <random>
#include <stdexcept>
#include <vector>

using namespace troupe::detail;
using state = entry::state;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// The bound beside a list of who waits, in order.
class pair_of_bounds {
public:
  pair_of_bounds(std::size_t tasks, std::size_t bytes)
      : bound_(tasks, bytes),
        most_tasks_(tasks),
        most_bytes_(bytes) {}

  void enter(std::size_t bytes, bool of_task, bool only_try) {
    auto& e = all_.emplace_back();
    e.bytes = bytes;
    e.of_task = of_task;
    e.only_try = only_try;
    const std::size_t i = all_.size() - 1;
    const bool now = line_.empty() && fits(bytes);
    const bool told = bound_.enter(e);
    if (closed_) hold(told && e.is == state::refused, "nobody enters after the end");
    else if (now) {
      hold(told && e.is == state::admitted, "there was room");
      let_in(i);
    } else if (only_try) hold(told && e.is == state::refused, "who only tries is refused");
    else {
      hold(!told && e.is == state::waiting, "who finds no room waits");
      line_.push_back(i);
    }
    check();
  }
  void leave() {
    if (in_.empty()) return;
    const std::size_t i = in_.front();
    in_.pop_front();
    compare(bound_.left(all_[i].bytes), admit());
  }
  void withdraw(std::size_t n) {
    if (all_.empty()) return;
    const std::size_t i = n % all_.size();
    const auto at = std::find(line_.begin(), line_.end(), i);
    const bool waits = at != line_.end();
    if (waits) line_.erase(at);
    const auto got = bound_.withdraw(all_[i]);
    hold(got.waited == waits, "withdraw says whether it waited");
    compare(got.admitted, admit());
  }
  void unstick() {
    std::vector<std::size_t> expected;
    for (auto i = line_.rbegin(); i != line_.rend(); ++i)
      if (all_[*i].of_task) {
        expected.push_back(*i);
        break;
      }
    if (!expected.empty()) {
      line_.erase(std::find(line_.begin(), line_.end(), expected[0]));
      let_in(expected[0]);
    }
    compare(bound_.unstick(), expected);
  }
  void close() {
    closed_ = true;
    std::size_t n = 0;
    for (auto e = bound_.close(); e; e = e->next, ++n)
      hold(e->is == state::refused, "who waits at the end is refused");
    hold(n == line_.size(), "all that wait are told once");
    line_.clear();
    check();
  }

private:
  bool fits(std::size_t bytes) const {
    std::size_t sum = bytes;
    for (auto i : in_) sum += all_[i].bytes;
    return (most_tasks_ == 0 || in_.size() < most_tasks_) &&
           (most_bytes_ == 0 || in_.empty() || sum <= most_bytes_);
  }
  void let_in(std::size_t i) { in_.push_back(i); }
  std::vector<std::size_t> admit() {
    std::vector<std::size_t> now;
    while (!line_.empty() && fits(all_[line_.front()].bytes)) {
      now.push_back(line_.front());
      let_in(line_.front());
      line_.pop_front();
    }
    return now;
  }
  void compare(entry* chain, const std::vector<std::size_t>& expected) {
    std::size_t n = 0;
    for (; chain; chain = chain->next, ++n) {
      hold(n < expected.size() && chain == &all_[expected[n]], "the same are admitted, in order");
      hold(chain->is == state::admitted, "who is let in knows it");
    }
    hold(n == expected.size(), "as many are admitted");
    check();
  }
  void check() {
    bound_.check();
    hold(bound_.tasks() == in_.size(), "as many are in");
    hold(bound_.waiting() == line_.size(), "as many wait");
  }
  bound bound_;
  const std::size_t most_tasks_, most_bytes_;
  std::deque<entry> all_;
  std::deque<std::size_t> line_, in_;
  bool closed_ = false;
};

void happen(pair_of_bounds& b, int event) {
  switch (event) {
    case 0: return b.enter(1, true, false);
    case 1: return b.enter(9, false, false);  // more than all of the bytes
    case 2: return b.enter(2, false, true);
    case 3: return b.leave();
    case 4: return b.withdraw(1);
    default: return b.unstick();
  }
}
}  // namespace

TEST_CASE("every sequence of enters, leaves and withdrawals does what a list does") {
  constexpr int depth = 6, events = 6;
  int sequences = 0;
  for (int code = 0, all = 46656; code < all; ++code) {
    pair_of_bounds b(2, 4);
    for (int i = 0, rest = code; i < depth; ++i, rest /= events) happen(b, rest % events);
    b.close();
    b.enter(1, true, false);
    ++sequences;
  }
  CHECK(sequences == 46656);
}

TEST_CASE("long random histories agree with the list") {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    pair_of_bounds b(seed % 4, seed % 3 * 10);
    for (int i = 0; i < 500; ++i) {
      const auto event = random() % 10;
      if (event < 5) b.enter(random() % 13, random() % 2 == 0, random() % 4 == 0);
      else if (event < 8) b.leave();
      else if (event == 8) b.withdraw(random());
      else b.unstick();
    }
    b.close();
  }
}

TEST_CASE("the peak never exceeds the bound, but for what is let in when all is stuck") {
  bound b(3, 0);
  std::vector<entry> all(10);
  for (auto& e : all) {
    e.of_task = true;
    (void)b.enter(e);
  }
  CHECK(b.tasks() == 3);
  for (int i = 0; i < 3; ++i) (void)b.left(0);
  CHECK(b.peak() == 3);
  CHECK(b.unstick() == &all.back());  // the newest
  CHECK(b.peak() == 4);
  CHECK(b.left(0) == nullptr);  // 3 are in again
  CHECK(b.left(0) == &all[6]);
}

TEST_CASE("another runtime's tasks are sent away when it ends, and those behind them get in") {
  bound b(0, 10);
  std::vector<entry> all(4);
  const std::size_t bytes[] = {5, 9, 5, 6};
  for (std::size_t i = 0; i < 4; ++i) {
    all[i].bytes = bytes[i];
    all[i].party = i == 1 ? 7 : 1;
    (void)b.enter(all[i]);
  }
  CHECK(b.waiting() == 3);
  entry* chain = b.refuse(7);
  REQUIRE(chain == &all[1]);
  CHECK(chain->is == state::refused);
  REQUIRE(chain->next == &all[2]);
  CHECK(all[2].is == state::admitted);
  CHECK(all[2].next == nullptr);
  CHECK(all[3].is == state::waiting);
  b.check();
}
