// SPDX-License-Identifier: MIT
#include "store/transfers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

using namespace troupe::detail;
using verdict = servings::verdict;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}
constexpr std::int64_t ms = 1'000'000;
constexpr std::uint64_t kib = 1 << 10;
global_id object(std::uint64_t n) { return {{1}, n}; }

// Pulls beside what they are for: each byte of an object is taken once, and whoever asked hears of
// the end once. Answers come late, twice, in any order, wrong or never, and peers go.
class watched_pulls {
public:
  explicit watched_pulls(std::uint64_t seed) : random_(seed) {
    for (std::uint64_t i = 2; i < 6; ++i) peers_.insert({i});
  }
  void step() {
    now_ += static_cast<std::int64_t>(random_() % 80) * ms;
    switch (random_() % 12) {
      case 0:
      case 1: return want();
      case 2: return leave();
      case 3: return late();
      case 4:
        if (random_() % 30 == 0) go();
        return;
      default: return answer();
    }
  }
  void drain() {
    for (int i = 0; i < 100'000 && !waiters_.empty(); ++i) answer();
    hold(waiters_.empty() && pulls_.transfers() == 0, "in the end each has come, or is lost");
    while (!asked_.empty()) answer();
    for (auto p : peers_) hold(pulls_.in_flight(p) == 0, "and nothing is in flight");
  }

private:
  void want() {
    const auto o = object(random_() % 5);
    const std::uint64_t size = 1 + (o.number * 700'001) % 3'000'000;
    std::vector<node_id> from;
    for (auto p : peers_)
      if (random_() % 2) from.push_back(p);
    if (!waiters_.count(o)) {
      taken_[o].clear();
      holders_[o].clear();
    }
    ++waiters_[o];
    sizes_[o] = size;
    holders_[o].insert(from.begin(), from.end());
    apply(pulls_.want(o, size, from, now_));
  }
  void leave() {
    if (waiters_.empty()) return;
    const auto o = waiters_.begin()->first;
    if (--waiters_[o] == 0) waiters_.erase(o);
    apply(pulls_.leave(o, now_));
  }
  void answer() {
    if (asked_.empty()) return;
    const auto at = asked_.begin() + static_cast<std::ptrdiff_t>(random_() % asked_.size());
    chunk c = *at;
    asked_.erase(at);
    old_.push_back(c);
    const auto kind = random_() % 40;
    if (kind == 0) return apply(pulls_.refused(c.peer, c.number, now_));
    if (kind == 1) c.length += 1;
    const auto e = pulls_.arrived(c, now_);
    hold(kind != 1 || !e.take, "what was not asked for is not taken");
    if (e.take)
      for (auto i = c.offset; i < c.offset + c.length; i += 1)
        if (i % 4096 == 0) hold(taken_[c.object].insert(i).second, "no byte is taken twice");
    apply(e);
  }
  void late() {
    if (old_.empty()) return;
    const auto e = pulls_.arrived(old_[random_() % old_.size()], now_);
    hold(!e.take && e.requests.empty() && e.ended.empty(), "what comes twice has no effect");
  }
  void go() {
    if (peers_.size() < 2) return;
    const auto p = *peers_.begin();
    peers_.erase(p);
    for (auto& c : asked_)
      if (c.peer == p) old_.push_back(c);
    std::erase_if(asked_, [&](auto& c) { return c.peer == p; });
    apply(pulls_.gone(p, now_));
  }
  void apply(const pulls::effects& e) {
    for (auto& c : e.requests) {
      hold(peers_.count(c.peer) && holders_[c.object].count(c.peer), "who has it is asked");
      hold(c.length <= 1024 * kib && c.offset + c.length <= sizes_[c.object], "for a part of it");
      asked_.push_back(c);
    }
    for (auto& end : e.ended) {
      hold(waiters_.at(end.object) == end.waiters, "all who wait hear of the end");
      waiters_.erase(end.object);
      if (!end.lost)
        hold(taken_[end.object].size() == (sizes_[end.object] + 4095) / 4096, "all of it has come");
    }
    for (auto p : peers_)
      hold(pulls_.in_flight(p) <= 8192 * kib, "not more is in flight than the widest window");
    hold(pulls_.transfers() == waiters_.size(), "one transfer for each object that is waited for");
    pulls_.check();
  }

  std::mt19937_64 random_;
  pulls pulls_;
  std::int64_t now_ = 0;
  std::set<node_id> peers_;
  std::map<global_id, std::size_t> waiters_;
  std::map<global_id, std::uint64_t> sizes_;
  std::map<global_id, std::set<std::uint64_t>> taken_;
  std::map<global_id, std::set<node_id>> holders_;
  std::vector<chunk> asked_, old_;
};

// The time that what is in flight takes on a link of so many bytes a second, in the end.
std::int64_t drain_time(std::int64_t rate, std::int64_t delay) {
  pulls p;
  std::int64_t now = 0, free_at = 0, worst = 0;
  std::deque<std::pair<std::int64_t, chunk>> coming;
  const auto send = [&](const pulls::effects& e) {
    for (auto& c : e.requests) {
      free_at = std::max(free_at, now) + static_cast<std::int64_t>(c.length) * 1000 * ms / rate;
      coming.emplace_back(free_at + delay, c);
    }
  };
  send(p.want(object(1), std::uint64_t{1} << 34, {{2}}, now));
  for (int i = 0; i < 2000; ++i) {
    const auto [at, c] = coming.front();
    coming.pop_front();
    now = at;
    send(p.arrived(c, now));
    const auto in_flight = static_cast<std::int64_t>(p.in_flight({2}));
    if (i > 500) worst = std::max(worst, in_flight * 1000 * ms / rate);
  }
  return worst;
}
}  // namespace

TEST_CASE("whatever happens, each byte comes once, and each who waits hears of the end once") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    watched_pulls p(seed);
    for (int i = 0; i < 400; ++i) p.step();
    p.drain();
  }
}

TEST_CASE("at first four chunks of 256 KiB are asked for, and several transfers take turns") {
  pulls p;
  auto e = p.want(object(1), 4096 * kib, {{2}}, 0);
  REQUIRE(e.requests.size() == 4);
  CHECK(e.requests[3] == chunk{{2}, object(1), 4, 768 * kib, 256 * kib});
  CHECK(p.want(object(2), 4096 * kib, {{2}}, 0).requests.empty());
  std::vector<std::uint64_t> order;
  for (std::size_t i = 0; i < 4; ++i)
    for (auto& c : p.arrived(e.requests[i], 70 * ms).requests) order.push_back(c.object.number);
  CHECK(order == std::vector<std::uint64_t>{1, 2, 1, 2});
}

TEST_CASE("what is in flight drains in 100 ms, on fast links and slow ones") {
  for (std::int64_t rate : {1'000'000, 10'000'000, 100'000'000, 1'000'000'000}) {
    CAPTURE(rate);
    CHECK(drain_time(rate, ms) <= 100 * ms);
  }
  CHECK(drain_time(1'000'000, ms) > 10 * ms);
}

TEST_CASE(
    "when a peer is lost another goes on at the same offset; without one the object is lost") {
  pulls p;
  auto e = p.want(object(1), 1024 * kib, {{2}, {3}}, 0);
  (void)p.arrived(e.requests[0], ms);
  const auto on = p.gone({2}, ms);
  REQUIRE(!on.requests.empty());
  CHECK(on.requests[0].peer == node_id{3});
  CHECK(on.requests[0].offset == 256 * kib);
  CHECK(p.gone({3}, ms).ended == std::vector<pulls::end>{{object(1), 1, true}});
}

TEST_CASE("a node sends what it holds and was asked for, once, and not more than a window") {
  servings s;
  s.hold(object(1), 20'000 * kib);
  const auto ask = [&](std::uint64_t number, std::uint64_t id, std::uint64_t offset,
                       std::uint64_t length) {
    const auto says = s.asked({{2}, object(id), number, offset, length});
    s.check();
    return says;
  };
  CHECK(ask(1, 1, 0, 1024 * kib) == verdict::send);
  CHECK(ask(1, 1, 0, 1024 * kib) == verdict::again);
  CHECK(ask(2, 2, 0, 1) == verdict::unknown_object);
  CHECK(ask(3, 1, 20'000 * kib, 1) == verdict::bad_range);
  CHECK(ask(4, 1, ~std::uint64_t{0}, 2) == verdict::bad_range);
  CHECK(ask(5, 1, 0, 1024 * kib + 1) == verdict::bad_range);
  CHECK(ask(6, 1, 0, 0) == verdict::bad_range);
  for (std::uint64_t i = 0; i < 7; ++i) CHECK(ask(7 + i, 1, 0, 1024 * kib) == verdict::send);
  CHECK(ask(14, 1, 0, 1) == verdict::too_much);
  s.sent({2}, 1024 * kib);
  CHECK(ask(15, 1, 0, 1) == verdict::send);
  CHECK(s.refusals() == 6);
  s.drop(object(1));
  CHECK(ask(16, 1, 0, 1) == verdict::unknown_object);
}
