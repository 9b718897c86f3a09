// SPDX-License-Identifier: MIT
#include "graph/wait_graph.hpp"

#include <algorithm>
#include <deque>

namespace troupe::detail {

void wait_graph::waits(name who, std::uint32_t to_spare) {
  places_.emplace(who, all_.size());
  all_.push_back({who, to_spare, {}, {}, {}});
}

void wait_graph::waits_on(name who, name on, std::uint32_t tag) {
  all_[places_.at(who)].needs.push_back({on, tag});
}

void wait_graph::asks(name who, std::uint32_t r, std::int64_t amount, std::uint32_t tag) {
  const std::size_t place = places_.at(who);
  auto& line = resources_[r].line;
  all_[place].parts.push_back({r, tag, amount, line.size()});
  line.push_back(place);
}

void wait_graph::holds(name who, std::uint32_t r, std::int64_t amount) {
  resources_[r].held.push_back({who, amount});
}

std::size_t wait_graph::place_of(name who) const {
  const auto found = places_.find(who);
  return found == places_.end() ? all_.size() : found->second;
}

bool wait_graph::is_stuck(name who) const {
  const std::size_t place = place_of(who);
  return place < all_.size() && all_[place].stuck;
}

bool wait_graph::may_go_on(const waiter& w) const {
  return w.open <= w.to_spare && std::all_of(w.parts.begin(), w.parts.end(), [&](const part& p) {
           const resource& r = resources_.at(p.resource);
           return r.first == p.place && r.total - r.stuck >= p.amount;
         });
}

void wait_graph::reduce() {
  std::unordered_map<name, std::vector<std::pair<std::uint32_t, std::int64_t>>> held;
  for (auto& [number, r] : resources_)
    for (auto& h : r.held)
      if (place_of(h.who) < all_.size()) {
        r.stuck += h.amount;
        held[h.who].emplace_back(number, h.amount);
      }
  for (std::size_t i = 0; i < all_.size(); ++i)
    for (auto& n : all_[i].needs)
      if (const std::size_t on = place_of(n.on); on < all_.size()) {
        ++all_[i].open;
        all_[on].behind.push_back(i);
      }
  std::vector<std::size_t> look(all_.size());
  for (std::size_t i = 0; i < look.size(); ++i) look[i] = i;
  const auto look_at_first = [&](resource& r) {
    while (r.first < r.line.size() && !all_[r.line[r.first]].stuck) ++r.first;
    if (r.first < r.line.size()) look.push_back(r.line[r.first]);
  };
  while (!look.empty()) {
    waiter& w = all_[look.back()];
    look.pop_back();
    if (!w.stuck || !may_go_on(w)) continue;
    w.stuck = false;
    for (auto b : w.behind) {
      --all_[b].open;
      look.push_back(b);
    }
    for (auto& p : w.parts) look_at_first(resources_.at(p.resource));
    if (const auto found = held.find(w.who); found != held.end())
      for (auto& [number, amount] : found->second) {
        resource& r = resources_.at(number);
        r.stuck -= amount;
        look_at_first(r);
      }
  }
}

// Who lacks an amount waits on all who are stuck with some of it; else on the last one who is stuck
// before it. (Who lacks it would not have it if those before it were gone: they may be only behind a
// ring.) So each who is stuck waits on somebody who is, and there is a ring as long as there is one.
wait_graph::edges wait_graph::stuck_on_stuck() const {
  edges e(all_.size() + resources_.size());
  std::map<std::uint32_t, std::size_t> places;
  for (auto& [number, r] : resources_) {
    const std::size_t place = all_.size() + places.size();
    places.emplace(number, place);
    for (auto& h : r.held)
      if (const std::size_t by = place_of(h.who); by < all_.size() && all_[by].stuck)
        e[place].emplace_back(by, 0);
  }
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const waiter& w = all_[i];
    if (!w.stuck) continue;
    for (auto& n : w.needs)
      if (const std::size_t on = place_of(n.on); on < all_.size() && all_[on].stuck)
        e[i].emplace_back(on, n.tag);
    for (auto& p : w.parts) {
      const resource& r = resources_.at(p.resource);
      if (r.total - r.stuck < p.amount) {
        e[i].emplace_back(places.at(p.resource), p.tag);
        continue;
      }
      for (std::size_t before = p.place; before-- > r.first;)
        if (all_[r.line[before]].stuck) {
          e[i].emplace_back(r.line[before], p.tag);
          break;
        }
    }
  }
  return e;
}

std::vector<wait_graph::name> wait_graph::reachable(const ring& r, const edges& e) const {
  std::vector<bool> seen(e.size(), false);
  std::vector<std::size_t> look;
  std::vector<name> all;
  for (auto& l : r) look.push_back(places_.at(l.who));
  while (!look.empty()) {
    const std::size_t at = look.back();
    look.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    if (at < all_.size()) all.push_back(all_[at].who);
    for (auto& [to, tag] : e[at]) look.push_back(to);
  }
  return all;
}

// The shortest, in its component. A resource on the way is left out: who lacks it waits on its holder.
wait_graph::ring wait_graph::ring_through(std::size_t start, const edges& e,
                                          const std::vector<std::size_t>& component) const {
  std::unordered_map<std::size_t, std::pair<std::size_t, std::uint32_t>> from;
  std::deque<std::size_t> next{start};
  while (!next.empty()) {
    const std::size_t at = next.front();
    next.pop_front();
    for (auto& [to, tag] : e[at]) {
      if (component[to] != component[start] || !from.try_emplace(to, at, tag).second) continue;
      if (to != start) {
        next.push_back(to);
        continue;
      }
      ring all;
      name on = all_[start].who;
      for (std::size_t i = start; all.empty() || i != start;) {
        const auto& [before, its_tag] = from.at(i);
        if (before < all_.size()) {
          all.push_back({all_[before].who, its_tag, on});
          on = all_[before].who;
        }
        i = before;
      }
      std::reverse(all.begin(), all.end());
      return all;
    }
  }
  return {};
}

wait_graph::verdict wait_graph::rings() {
  reduce();
  const edges e = stuck_on_stuck();
  constexpr std::size_t none = ~std::size_t{0};
  std::vector<std::size_t> component(e.size(), none), order(e.size(), none), low(e.size(), 0),
      stack;
  std::vector<bool> open(e.size(), false);
  std::size_t orders = 0, components = 0;
  struct frame {
    std::size_t at, next;
  };
  verdict v;
  std::vector<frame> path;
  const auto enter = [&](std::size_t i) {
    order[i] = low[i] = orders++;
    open[i] = true;
    stack.push_back(i);
    path.push_back({i, 0});
  };
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i].stuck || order[i] != none) continue;
    for (enter(i); !path.empty();) {
      const std::size_t at = path.back().at;
      if (path.back().next < e[at].size()) {
        const std::size_t to = e[at][path.back().next++].first;
        if (order[to] == none) enter(to);
        else if (open[to]) low[at] = std::min(low[at], order[to]);
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back().at] = std::min(low[path.back().at], low[at]);
      if (low[at] != order[at]) continue;
      for (std::size_t member = none; member != at;) {
        member = stack.back();
        stack.pop_back();
        open[member] = false;
        component[member] = components;
      }
      ++components;
    }
  }
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (component[i] == none || v.members.contains(all_[i].who)) continue;
    ring r = ring_through(i, e, component);
    if (r.empty()) continue;  // only behind one
    for (auto& l : r) v.members.try_emplace(l.who, v.rings.size());
    v.because.push_back(reachable(r, e));
    v.rings.push_back(std::move(r));
  }
  return v;
}

}  // namespace troupe::detail
