// SPDX-License-Identifier: MIT
#include "graph/members.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::detail {

members::members(member self, const std::vector<std::string>& seeds) : self_(std::move(self)) {
  for (const auto& address : seeds)
    if (!address.empty() && address != self_.address) places_[address].seed = true;
}

std::vector<std::string> members::due(std::int64_t now) {
  std::vector<std::string> calls;
  for (auto i = places_.begin(); i != places_.end();) {
    auto& [address, p] = *i;
    if (!p.seed && !p.calling && now >= p.until && !stands(address, p)) {
      i = places_.erase(i);
      continue;
    }
    if (!p.calling && !p.given_up && p.due <= now && !stands(address, p)) {
      p.calling = true;
      calls.push_back(address);
    }
    ++i;
  }
  return calls;
}

std::vector<node_id> members::opened(std::int64_t now, const member& who,
                                     const std::string& called) {
  std::vector<node_id> tell;
  for (const auto& [id, m] : here_)
    if (id != who.node) tell.push_back(id);
  here_[who.node] = who;
  know(now, who.address);
  if (const auto i = places_.find(called); i != places_.end()) {
    place& p = i->second;
    p.calling = false;
    p.wait = first_wait;
    p.leads_to = who.node;
  }
  return tell;
}

void members::refused(std::int64_t now, const std::string& address, bool for_good) {
  const auto i = places_.find(address);
  if (i == places_.end()) return;
  place& p = i->second;
  p.calling = false;
  p.given_up = for_good;
  p.due = now + p.wait;
  p.wait = std::min(2 * p.wait, longest_wait);
}

void members::closed(std::int64_t now, node_id who) {
  const auto i = here_.find(who);
  if (i == here_.end()) throw std::logic_error("members: closed, but was not here");
  for (auto& [address, p] : places_)
    if (p.leads_to == who || address == i->second.address) {
      p.due = now + first_wait;
      p.wait = 2 * first_wait;
      p.until = now + remembered;
    }
  here_.erase(i);
}

void members::heard_of(std::int64_t now, const std::vector<member>& others) {
  for (const auto& m : others)
    if (m.node != self_.node && !here_.contains(m.node)) know(now, m.address);
}

void members::know(std::int64_t now, const std::string& address) {
  if (address.empty() || address == self_.address) return;
  const auto [i, fresh] = places_.try_emplace(address);
  if (fresh) i->second.due = now;
  i->second.until = now + remembered;
}

std::vector<members::member> members::here() const {
  std::vector<member> all;
  for (const auto& [id, m] : here_) all.push_back(m);
  return all;
}
const members::member* members::find(node_id who) const {
  const auto i = here_.find(who);
  return i == here_.end() ? nullptr : &i->second;
}
bool members::stands(const std::string& address, const place& p) const {
  return here_.contains(p.leads_to) ||
         std::any_of(here_.begin(), here_.end(),
                     [&](const auto& entry) { return entry.second.address == address; });
}
bool members::is_connected_to(const std::string& address) const {
  const auto i = places_.find(address);
  return stands(address, i == places_.end() ? place{} : i->second);
}

std::int64_t members::next_due() const {
  std::int64_t next = INT64_MAX;
  for (const auto& [address, p] : places_)
    if (!p.calling && !stands(address, p)) {
      if (!p.given_up) next = std::min(next, p.due);
      if (!p.seed) next = std::min(next, p.until);
    }
  return next;
}

void members::check() const {
  const auto wrong = [](const char* what) { throw std::logic_error(what); };
  if (here_.contains(self_.node)) wrong("members: this node is among the others");
  if (places_.contains(self_.address)) wrong("members: this node would call itself");
  if (places_.contains("")) wrong("members: an address without a text");
  for (const auto& [id, m] : here_)
    if (m.node != id) wrong("members: listed under another id");
  for (const auto& [address, p] : places_)
    if (p.wait < first_wait || p.wait > longest_wait) wrong("members: a wait out of range");
}

}  // namespace troupe::detail
