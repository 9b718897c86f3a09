// SPDX-License-Identifier: MIT
#include "store/transfers.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::int64_t long_ago = 100'000'000, quick = long_ago / 2;  // ns
using limits = chunk_limits;
}  // namespace

std::uint64_t pulls::peer::chunk_size() const {
  return std::clamp(window / 4, limits::least, limits::most);
}

pulls::effects pulls::want(const global_id& object, std::uint64_t size,
                           const std::vector<node_id>& holders, time now) {
  effects out;
  if (size == 0) {
    out.ended.push_back({object, 1, false});
    return out;
  }
  const auto [at, is_new] = transfers_.try_emplace(object);
  transfer& t = at->second;
  ++t.waiters;
  for (node_id h : holders)
    if ((is_new || h != t.peer) && std::find(t.others.begin(), t.others.end(), h) == t.others.end())
      t.others.push_back(h);
  if (!is_new) return out;
  t.serial = ++serials_;
  t.size = size;
  t.todo[0] = size;
  begin_at_next(object, out, now);
  return out;
}

pulls::effects pulls::leave(const global_id& object, time now) {
  effects out;
  const auto found = transfers_.find(object);
  if (found == transfers_.end() || --found->second.waiters > 0) return out;
  const node_id from = found->second.peer;
  forget(object);
  ask(from, out, now);
  return out;
}

pulls::effects pulls::arrived(const chunk& c, time now) {
  effects out;
  const auto p = peers_.find(c.peer);
  if (p == peers_.end() || p->second.asked_for.count(c.number) == 0) {
    ++dropped_;
    return out;
  }
  const asked a = p->second.asked_for.at(c.number);
  if (!(a.what == c)) return refused(c.peer, c.number, now);
  p->second.asked_for.erase(c.number);
  p->second.in_flight -= c.length;
  measure(p->second, a, now);
  const auto t = transfers_.find(c.object);
  if (t == transfers_.end() || t->second.serial != a.serial) ++dropped_;
  else {
    out.take = true;
    t->second.received += c.length;
    if (t->second.received == t->second.size) {
      out.ended.push_back({c.object, t->second.waiters, false});
      forget(c.object);
    }
  }
  ask(c.peer, out, now);
  return out;
}

pulls::effects pulls::refused(node_id id, std::uint64_t number, time now) {
  effects out;
  const auto p = peers_.find(id);
  const auto a =
      p == peers_.end() ? decltype(p->second.asked_for.end()){} : p->second.asked_for.find(number);
  if (p == peers_.end() || a == p->second.asked_for.end()) {
    ++dropped_;
    return out;
  }
  const global_id object = a->second.what.object;
  const auto t = transfers_.find(object);
  if (t != transfers_.end() && t->second.serial == a->second.serial && t->second.peer == id)
    move_on(object, out, now);
  // its entry went with the transfer, or nobody wants it
  if (const auto still = p->second.asked_for.find(number); still != p->second.asked_for.end()) {
    p->second.in_flight -= still->second.what.length;
    p->second.asked_for.erase(still);
  }
  ask(id, out, now);
  return out;
}

pulls::effects pulls::gone(node_id id, time now) {
  effects out;
  std::vector<global_id> from_it;
  for (auto& [object, t] : transfers_) {
    std::erase(t.others, id);
    if (t.peer == id) from_it.push_back(object);
  }
  std::sort(from_it.begin(), from_it.end());
  for (auto& object : from_it) move_on(object, out, now);
  peers_.erase(id);
  return out;
}

// What its peer was asked for and has not sent is asked of the next one.
void pulls::move_on(const global_id& object, effects& out, time now) {
  transfer& t = transfers_.at(object);
  peer& p = peers_.at(t.peer);
  for (auto it = p.asked_for.begin(); it != p.asked_for.end();) {
    const asked& a = it->second;
    if (a.serial != t.serial) {
      ++it;
      continue;
    }
    t.todo[a.what.offset] = a.what.offset + a.what.length;
    p.in_flight -= a.what.length;
    it = p.asked_for.erase(it);
  }
  std::erase(p.turns, object);
  t.in_turns = false;
  begin_at_next(object, out, now);
}

void pulls::begin_at_next(const global_id& object, effects& out, time now) {
  transfer& t = transfers_.at(object);
  if (t.others.empty()) {
    out.ended.push_back({object, t.waiters, true});
    transfers_.erase(object);
    return;
  }
  t.peer = t.others.front();
  t.others.erase(t.others.begin());
  t.in_turns = true;
  peers_[t.peer].turns.push_back(object);
  ask(t.peer, out, now);
}

void pulls::forget(const global_id& object) {
  const transfer& t = transfers_.at(object);
  if (t.in_turns) std::erase(peers_.at(t.peer).turns, object);
  transfers_.erase(object);
}

void pulls::ask(node_id id, effects& out, time now) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  peer& p = found->second;
  while (!p.turns.empty()) {
    const global_id object = p.turns.front();
    transfer& t = transfers_.at(object);
    const auto [begin, end] = *t.todo.begin();
    const std::uint64_t length = std::min(p.chunk_size(), end - begin);
    if (p.in_flight > 0 && p.in_flight + length > p.window) break;
    t.todo.erase(t.todo.begin());
    if (begin + length < end) t.todo[begin + length] = end;
    p.in_flight += length;
    const bool filled = p.in_flight + p.chunk_size() > p.window;
    const chunk c{id, object, ++numbers_, begin, length};
    p.asked_for[c.number] = {c, t.serial, now, filled};
    out.requests.push_back(c);
    p.turns.pop_front();
    t.in_turns = !t.todo.empty();
    if (t.in_turns) p.turns.push_back(object);
  }
}

// Once for what is in flight at a time: requests made before the last change saw the old window.
void pulls::measure(peer& p, const asked& a, time now) const {
  const time took = std::max<time>(now - a.at, 1);
  if (took > long_ago) {
    if (a.what.number <= p.shrunk_after) return;
    const auto share = static_cast<double>(long_ago) / static_cast<double>(took);
    const auto smaller = static_cast<std::uint64_t>(static_cast<double>(p.window) * share);
    p.window = std::max({limits::least, p.window / 2, smaller});
    p.shrunk_after = numbers_;
  } else if (took < quick && a.filled) {
    p.window = std::min(limits::most_window, p.window + a.what.length);
  }
}

std::uint64_t pulls::window_of(node_id id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? limits::first_window : found->second.window;
}
std::uint64_t pulls::in_flight(node_id id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? 0 : found->second.in_flight;
}

void pulls::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::unordered_map<std::uint64_t, std::uint64_t> asked_of;  // bytes, by serial
  for (auto& [id, p] : peers_) {
    hold(p.window >= limits::least && p.window <= limits::most_window, "a window has its limits");
    std::uint64_t sum = 0;
    for (auto& [number, a] : p.asked_for) {
      hold(number == a.what.number && a.what.peer == id, "a request knows its peer");
      hold(a.what.length > 0 && a.what.length <= limits::most, "a chunk has its limits");
      sum += a.what.length;
      asked_of[a.serial] += a.what.length;
    }
    hold(sum == p.in_flight, "what is in flight is counted");
    for (auto& object : p.turns)
      hold(transfers_.at(object).peer == id && transfers_.at(object).in_turns,
           "whoever has a turn is pulled from there");
    hold(p.turns.empty() || p.in_flight > 0, "nobody waits for nothing");
  }
  for (auto& [object, t] : transfers_) {
    hold(t.waiters > 0, "somebody waits for it");
    std::uint64_t sum = t.received + asked_of[t.serial], before = 0;
    for (auto& [begin, end] : t.todo) {
      hold(begin >= before && begin < end && end <= t.size, "what is to do is in order");
      before = end;
      sum += end - begin;
    }
    hold(sum == t.size, "each byte has come, is asked for, or is to do");
    hold(t.in_turns == !t.todo.empty(), "whoever has more to ask has a turn");
  }
}

servings::verdict servings::asked(const chunk& c) {
  peer& p = peers_[c.peer];
  if (c.number <= p.last) return verdict::again;
  p.last = c.number;
  verdict says = verdict::send;
  const auto found = sizes_.find(c.object);
  if (found == sizes_.end()) says = verdict::unknown_object;
  else if (c.length == 0 || c.length > limits::most || c.offset > found->second ||
           c.length > found->second - c.offset)
    says = verdict::bad_range;
  else if (c.length > limits::most_window - p.pending) says = verdict::too_much;
  if (says == verdict::send) p.pending += c.length;
  else ++refusals_;
  return says;
}

void servings::sent(node_id id, std::uint64_t length) {
  if (const auto found = peers_.find(id); found != peers_.end())
    found->second.pending -= std::min(found->second.pending, length);
}

std::uint64_t servings::pending(node_id id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? 0 : found->second.pending;
}

void servings::check() const {
  for (auto& [id, p] : peers_)
    if (p.pending > limits::most_window)
      throw std::logic_error("no more than a window is on its way to a peer");
}

}  // namespace troupe::detail
