// SPDX-License-Identifier: MIT
#include "graph/resources.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

using state = resource_ask::state;

resources::resources(const std::vector<std::int64_t>& totals) : lines_(totals.size()) {
  for (std::size_t i = 0; i < totals.size(); ++i) lines_[i].total = totals[i];
}

resource_ask* resources::ask(resource_ask& a) {
  a.order = orders_++;
  a.is = state::waiting;
  ++waiting_;
  for (auto& p : a.parts) {
    line& l = lines_[p.name];
    l.heap.push_back({&a, &p});
    p.place = l.heap.size() - 1;
    up(l, p.place);
  }
  // nobody else can be admitted for this
  return may_begin(a) ? admit(a) : nullptr;
}

resource_ask* resources::give_back(resource_ask& a) {
  a.is = state::idle;
  *a.link_held = a.next_held;
  if (a.next_held) a.next_held->link_held = a.link_held;
  for (const auto& p : a.parts) lines_[p.name].in_use -= p.amount;
  return admit(a);
}

resources::withdrawal resources::withdraw(resource_ask& a) {
  if (a.is != state::waiting) return {false, nullptr};
  leave_lines(a);
  a.is = state::idle;
  return {true, admit(a)};
}

resource_ask* resources::close() {
  closed_ = true;
  resource_ask* chain = nullptr;
  for (auto& l : lines_) {
    for (auto& e : l.heap) {
      e.part->place = resource_part::none;
      if (std::exchange(e.who->is, state::idle) == state::idle) continue;
      e.who->next = chain;
      chain = e.who;
    }
    l.heap.clear();
  }
  waiting_ = 0;
  return chain;
}

bool resources::may_begin(const resource_ask& a) const {
  return std::all_of(a.parts.begin(), a.parts.end(), [&](const resource_part& p) {
    const line& l = lines_[p.name];
    return p.place == 0 && p.amount <= l.total - l.in_use;
  });
}

resource_ask* resources::admit(const resource_ask& because) {
  resource_ask *chain = nullptr, **end = &chain;
  for (const auto& p : because.parts) look_.push_back(p.name);
  while (!look_.empty()) {
    const std::uint32_t name = look_.back();
    const line& l = lines_[name];
    if (l.heap.empty() || !may_begin(*l.heap.front().who)) {
      look_.pop_back();
      continue;
    }
    resource_ask& a = *l.heap.front().who;
    leave_lines(a);
    a.is = state::held;
    a.next_held = held_;
    a.link_held = &held_;
    if (held_) held_->link_held = &a.next_held;
    held_ = &a;
    for (const auto& p : a.parts) {
      lines_[p.name].in_use += p.amount;
      if (p.name != name) look_.push_back(p.name);
    }
    a.next = nullptr;
    *end = &a;
    end = &a.next;
  }
  return chain;
}

void resources::leave_lines(resource_ask& a) {
  --waiting_;
  for (auto& p : a.parts) {
    line& l = lines_[p.name];
    const std::size_t i = std::exchange(p.place, resource_part::none);
    const entry last = l.heap.back();
    l.heap.pop_back();
    if (last.who == &a) continue;
    put(l, i, last);
    up(l, i);
    down(l, last.part->place);
  }
}

void resources::up(line& l, std::size_t i) {
  const entry e = l.heap[i];
  for (; i > 0 && before(e, l.heap[(i - 1) / 2]); i = (i - 1) / 2) put(l, i, l.heap[(i - 1) / 2]);
  put(l, i, e);
}

void resources::down(line& l, std::size_t i) {
  const entry e = l.heap[i];
  for (;;) {
    std::size_t child = 2 * i + 1;
    if (child >= l.heap.size()) break;
    if (child + 1 < l.heap.size() && before(l.heap[child + 1], l.heap[child])) ++child;
    if (!before(l.heap[child], e)) break;
    put(l, i, l.heap[child]);
    i = child;
  }
  put(l, i, e);
}

void resources::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::size_t firsts = 0;
  for (const auto& l : lines_) {
    hold(l.in_use >= 0 && l.in_use <= l.total, "never more than the total is in use");
    for (std::size_t i = 0; i < l.heap.size(); ++i) {
      const entry& e = l.heap[i];
      hold(e.part->place == i, "a part knows its place");
      hold(i == 0 || !before(e, l.heap[(i - 1) / 2]), "nobody stands before an earlier one");
      hold(e.who->is == state::waiting, "who stands in a line waits");
      if (e.part == &e.who->parts.front()) ++firsts;
      if (i == 0) hold(!may_begin(*e.who), "who may begin does not wait");
    }
  }
  std::vector<std::int64_t> in_use(lines_.size());
  each_held([&](const resource_ask& a) {
    hold(a.is == state::held, "who is among the holders holds");
    for (const auto& p : a.parts) in_use[p.name] += p.amount;
  });
  for (std::size_t i = 0; i < lines_.size(); ++i)
    hold(in_use[i] == lines_[i].in_use, "what is in use is held");
  hold(firsts == waiting_, "who waits stands in the lines of all its names");
  hold(!closed_ || waiting_ == 0, "nobody waits after the end");
}

}  // namespace troupe::detail
