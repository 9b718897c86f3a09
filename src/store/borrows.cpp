// SPDX-License-Identifier: MIT
#include "store/borrows.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

bool borrows::lend(global_id own, node_id to) {
  const auto [i, first] = lent_.try_emplace(own);
  ++i->second[to];
  return first;
}

void borrows::pass_on(global_id object, node_id to) {
  const auto i = borrowed_.find(object);
  if (i == borrowed_.end()) throw std::logic_error("borrows: passed on, but not borrowed");
  ++i->second.passing_on[to];
}

borrows::effects borrows::got(global_id object, node_id from) {
  loan& b = borrowed_[object];
  b.local = true;
  b.lost = false;
  effects then;
  if (from == object.maker) {
    ++b.received;
  } else {
    ++b.claiming[from];
    then.send.push_back({message::claim, object.maker, object, 0, from});
  }
  return then;
}

borrows::effects borrows::local_gone(global_id object) {
  effects then;
  const auto i = borrowed_.find(object);
  if (i == borrowed_.end()) return then;  // lost already
  i->second.local = false;
  release_if_unused(object, then);
  return then;
}

borrows::effects borrows::arrived(const message& m, node_id from) {
  effects then;
  const auto b = borrowed_.find(m.object);
  switch (m.is) {
    case message::released: take(m.object, from, m.count, then); break;
    case message::claim:
      if (lent_.contains(m.object)) {
        (void)lend(m.object, from);
        then.send.push_back({message::claimed, from, m.object, 0, m.via});
      } else {
        then.send.push_back({message::not_there, from, m.object, 0, m.via});
      }
      break;
    case message::claimed:
      if (b != borrowed_.end()) ++b->second.received;
      [[fallthrough]];
    case message::not_there:
      if (b == borrowed_.end()) break;
      (void)take_one(b->second.claiming, m.via);
      then.send.push_back({message::passed, m.via, m.object, 0, {}});
      if (b->second.local && b->second.received == 0 && b->second.claiming.empty())
        lose(m.object, b->second, then);
      release_if_unused(m.object, then);
      break;
    case message::passed:
      if (b == borrowed_.end() || !take_one(b->second.passing_on, from)) break;
      release_if_unused(m.object, then);
  }
  return then;
}

borrows::effects borrows::left(node_id node) {
  effects then;
  std::vector<global_id> own, others;
  for (const auto& [id, to] : lent_)
    if (to.contains(node)) own.push_back(id);
  for (const auto& [id, b] : borrowed_)
    if (id.maker == node || b.passing_on.contains(node)) others.push_back(id);
  std::sort(own.begin(), own.end());
  std::sort(others.begin(), others.end());
  for (const auto& id : own) take(id, node, lent_.at(id).at(node), then);
  for (const auto& id : others) {
    if (id.maker == node) {
      for (const auto& [via, n] : borrowed_.at(id).claiming)  // who waits for the claims' answers
        for (std::uint64_t i = 0; i < n && via != node; ++i)
          then.send.push_back({message::passed, via, id, 0, {}});
      lose(id, borrowed_.at(id), then);
      borrowed_.erase(id);
    } else {
      borrowed_.at(id).passing_on.erase(node);
      release_if_unused(id, then);
    }
  }
  return then;
}

void borrows::lose(global_id object, loan& l, effects& then) {
  if (l.local && !std::exchange(l.lost, true)) then.lost.push_back(object);
}

void borrows::release_if_unused(global_id object, effects& then) {
  const auto i = borrowed_.find(object);
  const loan& b = i->second;
  if (b.local || !b.claiming.empty() || !b.passing_on.empty()) return;
  if (b.received > 0)
    then.send.push_back({message::released, object.maker, object, b.received, {}});
  borrowed_.erase(i);
}

void borrows::take(global_id own, node_id from, std::uint64_t n, effects& then) {
  const auto i = lent_.find(own);
  if (i == lent_.end()) return;
  const auto count = i->second.find(from);
  if (count == i->second.end()) return;
  count->second -= std::min(n, count->second);
  if (count->second == 0) i->second.erase(count);
  if (!i->second.empty()) return;
  lent_.erase(i);
  then.let_go.push_back(own);
}

bool borrows::take_one(counts& all, node_id of) {
  const auto i = all.find(of);
  if (i == all.end()) return false;
  if (--i->second == 0) all.erase(i);
  return true;
}

bool borrows::is_lent_to(global_id own, node_id to) const {
  const auto i = lent_.find(own);
  return i != lent_.end() && i->second.contains(to);
}
bool borrows::is_held(global_id object) const {
  const auto i = borrowed_.find(object);
  return i != borrowed_.end() && (i->second.received > 0 || !i->second.claiming.empty());
}
bool borrows::is_confirmed(global_id object) const {
  const auto i = borrowed_.find(object);
  return i != borrowed_.end() && i->second.received > 0;
}

void borrows::check() const {
  const auto wrong = [](const char* what) { throw std::logic_error(what); };
  for (const auto& [id, to] : lent_) {
    if (to.empty()) wrong("borrows: lent to nobody");
    for (const auto& [node, n] : to)
      if (n == 0) wrong("borrows: lent no time");
  }
  for (const auto& [id, b] : borrowed_) {
    if (id.maker == self_) wrong("borrows: its own object is borrowed");
    if (!b.local && b.claiming.empty() && b.passing_on.empty()) wrong("borrows: kept for nothing");
  }
}

}  // namespace troupe::detail
