// SPDX-License-Identifier: MIT
#include "graph/turns.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe::detail;
using state = turn::state;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}
std::vector<turn*> listed(turn* chain) {
  std::vector<turn*> all;
  for (; chain; chain = chain->next) all.push_back(chain);
  return all;
}

// The turns beside lists: who waits, per caller; the callers whose turn it is; who is in and who
// wants to come back.
class pair_of_turns {
public:
  explicit pair_of_turns(unsigned most) : turns_(most), most_(most) {}

  void join(std::uint64_t caller, bool shared, bool ready) {
    turn& t = all_.emplace_back();
    t.caller = caller;
    t.shared = shared;
    t.ready = ready;
    if (lines_.size() <= caller) lines_.resize(caller + 1);
    lines_[caller].push_back(&t);
    if (lines_[caller].size() == 1 && ready) rotation_.push_back(caller);
    compare(turns_.join(t), admit());
  }
  void ready(std::size_t n) {
    std::vector<turn*> unready;
    for (auto& l : lines_)
      for (turn* t : l)
        if (!t->ready) unready.push_back(t);
    if (unready.empty()) return;
    turn& t = *unready[n % unready.size()];
    if (lines_[t.caller].front() == &t) rotation_.push_back(t.caller);
    const auto got = turns_.ready(t);
    compare(got, admit());
  }
  void end(std::size_t n) {
    if (in_.empty()) return;
    take(in_, n);
    compare(turns_.end(), admit());
  }
  // It has broken its actor: nobody begins, and it comes back before what was called later.
  void end_to_come_again(std::size_t n) {
    if (in_.empty()) return;
    turns_.shut();
    open_ = false;
    turn& t = *take(in_, n);
    compare(turns_.end(), admit());
    auto& l = lines_[t.caller];
    const auto before = [&](const turn* x) { return place_of(x) < place_of(&t); };
    const bool led = !l.empty() && l.front()->ready;
    l.insert(std::find_if_not(l.begin(), l.end(), before), &t);
    if (!led) rotation_.push_back(t.caller);
    compare(turns_.rejoin(t), admit());
  }
  void step_out(std::size_t n) {
    if (in_.empty()) return;
    turn* t = take(in_, n);
    out_.push_back(t);
    compare(turns_.step_out(*t), admit());
  }
  void step_in(std::size_t n) {
    if (out_.empty()) return;
    turn* t = take(out_, n);
    returning_.push_back(t);
    compare(turns_.step_in(*t), admit());
  }
  void shut() {
    turns_.shut();
    open_ = false;
    check();
  }
  void open() {
    open_ = true;
    compare(turns_.open(), admit());
  }
  void refuse_all() {
    std::size_t n = 0;
    for (auto& l : lines_) n += l.size();
    const auto refused = listed(turns_.refuse_all());
    hold(refused.size() == n, "all who wait are refused, once");
    for (auto& l : lines_) {
      auto at = refused.begin();
      for (turn* t : l) {
        at = std::find(at, refused.end(), t);
        hold(at != refused.end(), "in the order of their caller");
        hold(t->is == state::idle && !t->line, "and idle");
      }
      l.clear();
    }
    rotation_.clear();
    check();
  }
  void check() {
    turns_.check();
    std::size_t waiting = 0;
    for (auto& l : lines_) waiting += l.size();
    hold(turns_.waiting() == waiting, "those who wait are counted");
    hold(turns_.begun() == in_.size() + out_.size() + returning_.size(),
         "those who have begun too");
    hold(turns_.is_open() == open_, "open or shut");
    std::size_t exclusive = 0;
    for (turn* t : in_) exclusive += t->shared ? 0 : 1;
    hold(exclusive == 0 || in_.size() == 1, "who is not shared is alone");
    hold(in_.size() <= std::max(most_, 1u), "not more than so many");
    for (turn* t : in_) hold(t->is == state::held, "who is in holds its turn");
    for (turn* t : out_) hold(t->is == state::outside, "who has stepped out is outside");
  }
  void act(unsigned kind, std::size_t n) {
    switch (kind) {
      case 0: return join(0, false, true);
      case 1: return join(0, true, true);
      case 2: return join(1, false, false);
      case 3: return join(1, true, true);
      case 4: return ready(n);
      case 5: return end(n);
      case 6: return step_out(n);
      case 7: return step_in(n);
      case 8: return shut();
      case 9: return open();
      case 10: return end_to_come_again(n);
      default: return refuse_all();
    }
  }
  static constexpr unsigned kinds = 12;

private:
  static turn* take(std::vector<turn*>& from, std::size_t n) {
    const auto at = from.begin() + static_cast<std::ptrdiff_t>(n % from.size());
    turn* t = *at;
    from.erase(at);
    return t;
  }
  std::size_t place_of(const turn* t) const {
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (&all_[i] == t) return i;
    return all_.size();
  }
  bool fits(const turn& t) const {
    if (in_.empty()) return true;
    return t.shared && in_.front()->shared && in_.size() < most_;
  }
  std::vector<turn*> admit() {
    std::vector<turn*> now;
    while (!returning_.empty() && fits(*returning_.front())) {
      now.push_back(returning_.front());
      in_.push_back(returning_.front());
      returning_.pop_front();
    }
    while (open_ && returning_.empty() && !rotation_.empty() &&
           fits(*lines_[rotation_.front()].front())) {
      const auto caller = rotation_.front();
      rotation_.pop_front();
      auto& l = lines_[caller];
      now.push_back(l.front());
      in_.push_back(l.front());
      l.pop_front();
      if (!l.empty() && l.front()->ready) rotation_.push_back(caller);
    }
    return now;
  }
  void compare(turn* got, const std::vector<turn*>& expected) {
    hold(listed(got) == expected, "those begin whose turn it is, in their order");
    check();
  }

  turns turns_;
  const unsigned most_;
  std::deque<turn> all_;
  std::vector<std::deque<turn*>> lines_;
  std::deque<std::uint64_t> rotation_;
  std::deque<turn*> returning_;
  std::vector<turn*> in_, out_;
  bool open_ = false;
};

// For the tests in words.
struct line {
  turns t{1};
  std::deque<turn> all;
  turn& call(std::uint64_t caller, bool ready = true, bool shared = false) {
    turn& one = all.emplace_back();
    one.caller = caller;
    one.ready = ready;
    one.shared = shared;
    (void)t.join(one);
    t.check();
    return one;
  }
};
}  // namespace

TEST_CASE("all short sequences of events give the turns that lists would give") {
  for (unsigned most = 1; most <= 3; ++most) {
    const unsigned length = most == 2 ? 6 : 5;
    std::vector<unsigned> digits(length, 0);
    for (bool more = true; more;) {
      pair_of_turns p{most};
      p.open();
      for (unsigned d : digits) p.act(d, 0);
      more = false;
      for (auto& d : digits) {
        if (++d < pair_of_turns::kinds) {
          more = true;
          break;
        }
        d = 0;
      }
    }
  }
}

TEST_CASE("long random sequences of many callers give the turns that lists would give") {
  for (unsigned seed = 0; seed < 600; ++seed) {
    std::mt19937 random{seed};
    const unsigned most = 1 + seed % 3, callers = 1 + seed / 3 % 4;
    pair_of_turns p{most};
    if (seed % 5) p.open();
    for (int i = 0; i < 400; ++i) {
      const auto n = static_cast<std::size_t>(random() % 8);
      switch (random() % 16) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4: p.join(random() % callers, random() % 2, random() % 3 != 0); break;
        case 5:
        case 6:
        case 7: p.ready(n); break;
        case 8:
        case 9:
        case 10: p.end(n); break;
        case 11: p.step_out(n); break;
        case 12: p.step_in(n); break;
        case 13: random() % 4 ? p.open() : p.shut(); break;
        case 14: random() % 4 ? p.open() : p.end_to_come_again(n); break;
        case 15:
          if (random() % 8 == 0) p.refuse_all();
          break;
      }
    }
  }
}

TEST_CASE("while it is shut, as it is at first, nobody begins") {
  line l;
  turn &a = l.call(1), &b = l.call(2);
  CHECK(a.is == state::waiting);
  CHECK(listed(l.t.open()) == std::vector{&a});
  l.t.shut();
  CHECK(l.t.end() == nullptr);
  CHECK(b.is == state::waiting);
  CHECK(listed(l.t.open()) == std::vector{&b});
}

TEST_CASE("the calls of one caller begin in their order, also when a later one is ready first") {
  line l;
  (void)l.t.open();
  turn &a = l.call(1, false), &b = l.call(1), &c = l.call(1);
  CHECK(a.is == state::waiting);
  CHECK(b.is == state::waiting);
  CHECK(listed(l.t.ready(a)) == std::vector{&a});
  CHECK(listed(l.t.end()) == std::vector{&b});
  CHECK(listed(l.t.end()) == std::vector{&c});
}

TEST_CASE("one whose inputs are missing holds up no other caller") {
  line l;
  (void)l.t.open();
  turn &a = l.call(1, false), &b = l.call(2);
  CHECK(b.is == state::held);
  CHECK(l.t.ready(a) == nullptr);
  CHECK(listed(l.t.end()) == std::vector{&a});
}

TEST_CASE("callers take turns, a call each") {
  line l;
  for (int i = 0; i < 3; ++i) l.call(1);
  turn& small = l.call(2);
  turn& late = l.call(3);
  std::vector<std::uint64_t> order;
  for (turn* t = l.t.open(); t; t = l.t.end()) order.push_back(t->caller);
  CHECK(order == std::vector<std::uint64_t>{1, 2, 3, 1, 1});
  CHECK(small.is == state::held);
  CHECK(late.is == state::held);
}

TEST_CASE("nobody overtakes the first of the rotation, which waits to be alone") {
  turns t{3};
  (void)t.open();
  std::array<turn, 4> c;
  for (std::size_t i = 0; i < c.size(); ++i) {
    c[i].caller = i;
    c[i].ready = true;
    c[i].shared = i != 2;
  }
  CHECK(t.join(c[0]) == &c[0]);
  CHECK(t.join(c[1]) == &c[1]);
  CHECK(t.join(c[2]) == nullptr);  // wants to be alone
  CHECK(t.join(c[3]) == nullptr);  // would fit
  CHECK(t.end() == nullptr);
  CHECK(t.end() == &c[2]);
  CHECK(t.end() == &c[3]);
}

TEST_CASE(
    "who steps out lets others in, and who comes back goes before those who wait, shut or not") {
  line l;
  (void)l.t.open();
  turn &a = l.call(1), &b = l.call(2), &c = l.call(3);
  CHECK(listed(l.t.step_out(a)) == std::vector{&b});
  CHECK(l.t.step_in(a) == nullptr);
  l.t.shut();
  CHECK(listed(l.t.end()) == std::vector{&a});
  CHECK(l.t.end() == nullptr);
  CHECK(c.is == state::waiting);
  CHECK(l.t.begun() == 0);
}

// Two calls of one caller that broke their actor together came back in the order of their ends.
TEST_CASE(
    "those who come again stand before their caller's later calls, in the order in which they were "
    "made") {
  turns t{2};
  (void)t.open();
  std::array<turn, 3> c;
  for (auto& x : c) x.ready = x.shared = true;
  CHECK(t.join(c[0]) == &c[0]);
  CHECK(t.join(c[1]) == &c[1]);
  CHECK(t.join(c[2]) == nullptr);
  t.shut();
  CHECK(t.end() == nullptr);
  CHECK(t.rejoin(c[0]) == nullptr);
  CHECK(t.end() == nullptr);
  CHECK(t.rejoin(c[1]) == nullptr);
  t.check();
  CHECK(listed(t.open()) == std::vector{&c[0], &c[1]});
  CHECK(t.end() == &c[2]);
}

TEST_CASE("who is refused is idle, and whoever comes then begins") {
  line l;
  turn &a = l.call(1), &b = l.call(1, false), &c = l.call(2);
  CHECK(listed(l.t.refuse_all()).size() == 3);
  for (turn* t : {&a, &b, &c}) CHECK(t->is == state::idle);
  CHECK(l.t.waiting() == 0);
  (void)l.t.open();
  CHECK(l.call(1).is == state::held);
}
