// SPDX-License-Identifier: MIT
#include "graph/wait_graph.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

using troupe::detail::wait_graph;

namespace {
// The same by definition: who can go on is found by trying all, again and again; who is in a ring, by
// following all ways.
struct plain {
  struct waiter {
    unsigned to_spare = 0;
    std::vector<unsigned> on;
    std::map<unsigned, int> asks;
    bool stuck = true;
  };
  std::map<unsigned, waiter> all;
  std::map<unsigned, int> total;
  std::map<unsigned, std::vector<std::pair<unsigned, int>>> held;
  std::map<unsigned, std::vector<unsigned>> line;

  bool stuck(unsigned w) const { return all.contains(w) && all.at(w).stuck; }
  std::vector<unsigned> stuck_before(unsigned w, unsigned r) const {
    std::vector<unsigned> some;
    for (unsigned other : line.at(r)) {
      if (other == w) break;
      if (stuck(other)) some.push_back(other);
    }
    return some;
  }
  int reachable(unsigned r) const {
    int n = total.at(r);
    if (const auto h = held.find(r); h != held.end())
      for (auto& [who, amount] : h->second) n -= stuck(who) ? amount : 0;
    return n;
  }
  bool may_go_on(unsigned w) const {
    const waiter& me = all.at(w);
    const auto open = std::count_if(me.on.begin(), me.on.end(), [&](auto o) { return stuck(o); });
    return static_cast<unsigned>(open) <= me.to_spare &&
           std::all_of(me.asks.begin(), me.asks.end(), [&](auto& a) {
             return stuck_before(w, a.first).empty() && reachable(a.first) >= a.second;
           });
  }
  void reduce() {
    for (bool more = true; more;) {
      more = false;
      for (auto& [name, w] : all)
        if (w.stuck && may_go_on(name)) {
          w.stuck = false;
          more = true;
        }
    }
  }
  std::set<unsigned> next(unsigned w) const {
    std::set<unsigned> some;
    const waiter& me = all.at(w);
    for (unsigned o : me.on)
      if (stuck(o)) some.insert(o);
    for (auto& [r, amount] : me.asks) {
      if (reachable(r) >= amount) {
        if (const auto before = stuck_before(w, r); !before.empty()) some.insert(before.back());
        continue;
      }
      if (const auto h = held.find(r); h != held.end())
        for (auto& [who, n] : h->second)
          if (stuck(who)) some.insert(who);
    }
    return some;
  }
  bool in_ring(unsigned w) const {
    std::set<unsigned> seen;
    std::vector<unsigned> look{w};
    while (!look.empty()) {
      const unsigned at = look.back();
      look.pop_back();
      for (unsigned o : next(at)) {
        if (o == w) return true;
        if (seen.insert(o).second) look.push_back(o);
      }
    }
    return false;
  }
};
}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned random_systems = 3000;  // many times slower
#else
constexpr unsigned random_systems = 20'000;
#endif

TEST_CASE("of random waits exactly those are in rings that no order of events can answer") {
  std::size_t rings = 0, stuck = 0;
  for (unsigned seed = 0; seed < random_systems; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const unsigned n = 1 + random() % 8, resources = random() % 3;
    plain p;
    wait_graph g;
    for (unsigned w = 1; w <= n; ++w) {
      if (random() % 4 == 0) continue;  // goes on as it likes
      p.all[w].to_spare = random() % 5 == 0 ? random() % 2 : 0;
      g.waits(w, p.all[w].to_spare);
    }
    for (auto& [w, me] : p.all)
      for (unsigned k = random() % 3; k > 0; --k) {
        me.on.push_back(random() % (n + 2));
        g.waits_on(w, me.on.back(), 1);
      }
    for (unsigned r = 0; r < resources; ++r) {
      p.total[r] = 1 + static_cast<int>(random() % 3);
      g.has(r, p.total[r]);
      int left = p.total[r];
      for (unsigned w = 1; w <= n; ++w) {
        const int amount = static_cast<int>(random() % 3);
        if (amount == 0 || amount > left || random() % 3) continue;
        p.held[r].emplace_back(w, amount);
        g.holds(w, r, amount);
        left -= amount;
      }
      p.line[r];
      for (auto& [w, me] : p.all) {
        if (random() % 3) continue;
        const int amount = 1 + static_cast<int>(random()) % p.total[r];
        me.asks[r] = std::max(1, std::min(amount, p.total[r]));
        p.line[r].push_back(w);
        g.asks(w, r, me.asks[r], 2);
      }
    }
    p.reduce();
    const auto v = g.rings();
    for (auto& [w, me] : p.all) {
      CAPTURE(w);
      CHECK(g.is_stuck(w) == me.stuck);
      CHECK(v.members.contains(w) == (me.stuck && p.in_ring(w)));
      stuck += me.stuck ? 1 : 0;
    }
    rings += v.rings.size();
    for (auto& [w, place] : v.members) {
      const auto& r = v.rings.at(place);
      CHECK(std::any_of(r.begin(), r.end(), [w = w](auto& l) { return l.who == w; }));
    }
    for (auto& r : v.rings)
      for (std::size_t i = 0; i < r.size(); ++i) {
        CHECK(r[i].on == r[(i + 1) % r.size()].who);
        CHECK(p.next(static_cast<unsigned>(r[i].who)).contains(static_cast<unsigned>(r[i].on)));
      }
  }
  CHECK(rings > 1000);
  CHECK(stuck > 2000);
}

TEST_CASE("a holder that waits for who asks for the same is a ring of two") {
  wait_graph g;
  g.has(0, 1);
  g.waits(1);
  g.waits(2);
  g.waits(3);
  g.waits_on(1, 2, 7);
  g.holds(1, 0, 1);
  g.asks(2, 0, 1, 8);
  g.asks(3, 0, 1, 9);
  const auto v = g.rings();
  REQUIRE(v.rings.size() == 1);
  CHECK(v.rings[0] == wait_graph::ring{{1, 7, 2}, {2, 8, 1}});
  CHECK(g.is_stuck(3));  // behind it
  CHECK(!v.members.contains(3));
}

TEST_CASE("a ring of a hundred thousand is found, and is told once") {
  constexpr std::uint64_t n = 100'000;
  wait_graph g;
  for (std::uint64_t i = 1; i <= n; ++i) g.waits(i);
  for (std::uint64_t i = 1; i <= n; ++i) g.waits_on(i, i % n + 1, 0);
  const auto v = g.rings();
  CHECK(v.rings.size() == 1);
  CHECK(v.members.size() == n);
}

TEST_CASE("who can do without one of two is not stuck by the other") {
  wait_graph g;
  g.waits(1, 1);
  g.waits(2);
  g.waits_on(1, 2, 0);
  g.waits_on(1, 5, 0);
  g.waits_on(2, 1, 0);
  CHECK(g.rings().rings.empty());
}

TEST_CASE("a resource that ten thousand hold and ten thousand lack is no more than both") {
  constexpr std::uint64_t n = 10'000;
  wait_graph g;
  g.has(0, n);
  for (std::uint64_t i = 1; i <= 2 * n; ++i) g.waits(i);
  for (std::uint64_t i = 1; i <= n; ++i) {
    g.holds(i, 0, 1);
    g.waits_on(i, n + i, 1);
    g.asks(n + i, 0, 1, 2);
  }
  const auto v = g.rings();
  CHECK(v.members.size() == 2 * n);
}
