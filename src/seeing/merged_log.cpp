// SPDX-License-Identifier: MIT
#include "seeing/merged_log.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe::detail {

namespace {
// Numbers and addresses of another node than the first. Neither has so many bits of its own.
std::uint64_t of_node(std::size_t node, std::uint64_t number) {
  return number | static_cast<std::uint64_t>(node) << 48;
}
constexpr std::size_t nowhere = ~std::size_t{0};
constexpr int most_hops = 64;  // a task is sent on so often at most: damaged logs may have rings

// Which of a node's tasks descends from which that another has sent; those that have not ended.
class ancestry {
public:
  void take(const log_event& e, bool is_served) {
    if (e.is == log_event::submit) {
      const auto parent = top_.find(e.other);
      top_[e.task] = is_served ? e.task : parent == top_.end() ? 0 : parent->second;
    } else if (e.is == log_event::end) top_.erase(e.task);
  }
  bool knows(std::uint64_t task) const { return top_.contains(task); }
  std::uint64_t top(std::uint64_t task) const {
    const auto found = top_.find(task);
    return found == top_.end() ? 0 : found->second;
  }

private:
  std::unordered_map<std::uint64_t, std::uint64_t> top_;
};
}  // namespace

merged_log::merged_log(recording own, std::vector<recording> others) {
  members_.push_back({std::move(own)});
  constexpr std::size_t most_nodes = 500;  // so that lanes have numbers
  if (others.size() > most_nodes) others.erase(others.begin() + most_nodes, others.end());
  for (auto& r : others) members_.push_back({std::move(r)});
  std::unordered_map<std::string, std::uint32_t> numbers;
  const auto number = [&](const std::string& name) {
    const auto [at, fresh] = numbers.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (fresh) names_.push_back(name);
    return at->second;
  };
  for (std::size_t i = 0; i < members_.size(); ++i) {
    member& m = members_[i];
    for (const auto& id : m.is.ids) places_.emplace(id, i);
    nodes_.push_back(m.is.name);
    for (auto& name : m.is.names) m.names.push_back(number(name));
    m.name = number(m.is.name);
    m.first_lane = static_cast<std::uint16_t>(lanes_.size());
    for (auto& name : m.is.lanes) lanes_.push_back({i, std::move(name)});
  }
  if (members_.size() > 1)
    for (std::size_t i = 0; i < members_.size(); ++i) find_ties(i);
  for (std::size_t i = 0; i < members_.size(); ++i)
    for (auto& f : members_[i].is.failures)
      failures_.push_back({number_of(i, f.task), std::move(f.text)});
}

std::uint64_t merged_log::count() const {
  std::uint64_t n = 0;
  for (auto& m : members_) n += m.is.events.events();
  return n;
}
std::uint64_t merged_log::lost() const {
  std::uint64_t n = 0;
  for (auto& m : members_) n += m.is.events.lost();
  return n;
}

event_cursor merged_log::cursor(member& m) {
  return event_cursor(m.is.events,
                      [&times = m.is.times, own = members_[0].is.times.began](const log_event& e) {
                        return std::max<std::int64_t>(0, times.ns(e.at) - own);
                      });
}

// ---- who is who ---------------------------------------------------------------------------------

std::size_t merged_log::node_of(const member& m, std::uint32_t name) const {
  if (name >= m.is.names.size()) return nowhere;
  const auto found = places_.find(m.is.names[name]);
  return found == places_.end() ? nowhere : found->second;
}

void merged_log::find_ties(std::size_t node) {
  member& m = members_[node];
  log_event e;
  for (auto all = cursor(m); all.next(e);)
    if (e.is == log_event::served) m.served[e.task] = {node_of(m, e.number), e.other};
  ancestry family;
  std::unordered_map<std::uint64_t, std::uint64_t> makers;  // by addresses
  for (auto all = cursor(m); all.next(e);) {
    if (node != 0) family.take(e, m.served.contains(e.task));
    switch (e.is) {
      case log_event::out: makers[e.other] = e.task; break;
      case log_event::put: makers[e.other] = 0; break;
      case log_event::sent: m.sent[e.other] = {e.task, family.top(e.task)}; break;
      case log_event::lent:
        if (const auto made = makers.find(e.other); made != makers.end())
          m.lent[e.task] = made->second;
        break;
      default: break;
    }
  }
}

// Null: nobody has sent it, as far as is known.
const merged_log::sent_attempt* merged_log::origin(std::size_t node, std::uint64_t task) const {
  const auto served = members_[node].served.find(task);
  if (served == members_[node].served.end() || served->second.node == nowhere) return nullptr;
  const member& own = members_[served->second.node];
  const auto sent = own.sent.find(served->second.attempt);
  return sent == own.sent.end() ? nullptr : &sent->second;
}

// top: a task of that node, or 0: its program.
bool merged_log::is_ours(std::size_t node, std::uint64_t top) const {
  for (int hops = 0; hops < most_hops; ++hops) {
    if (node == 0) return true;
    const auto from = top == 0 ? nullptr : origin(node, top);
    if (!from) return false;
    node = members_[node].served.at(top).node;
    top = from->top;
  }
  return false;
}

std::uint64_t merged_log::number_of(std::size_t node, std::uint64_t task) const {
  for (int hops = 0; hops < most_hops; ++hops) {
    const auto from = origin(node, task);
    if (!from) break;
    node = members_[node].served.at(task).node;
    task = from->task;
  }
  return task == 0 ? 0 : of_node(node, task);
}

// 0: it is not known.
std::uint64_t merged_log::maker_of(std::size_t node, std::uint64_t object) const {
  if (node == nowhere) return 0;
  const auto found = members_[node].lent.find(object);
  return found == members_[node].lent.end() ? 0 : number_of(node, found->second);
}

// ---- what is read -------------------------------------------------------------------------------

// Of one node's events. False: it is left out.
struct merged_log::translator {
  merged_log& all;
  const std::size_t node;
  event_cursor from = all.cursor(all.members_[node]);
  ancestry family = {};

  bool next(log_event& e) {
    while (from.next(e)) {
      e.lane = static_cast<std::uint16_t>(e.lane + all.members_[node].first_lane);
      if (translate(e)) return true;
    }
    return false;
  }

private:
  bool translate(log_event& e) {
    const member& m = all.members_[node];
    switch (e.is) {
      case log_event::sent:
      case log_event::served:
      case log_event::lent: return false;
      case log_event::pull:
        if (e.number >= m.names.size()) return false;
        if (const auto maker = all.node_of(m, e.number); maker != nowhere)
          e.number = all.members_[maker].name;
        else e.number = m.names[e.number];
        e.other = of_node(node, e.other);
        return true;
      case log_event::pulled: e.other = of_node(node, e.other); return true;
      case log_event::borrowed:
        e.task = all.maker_of(all.node_of(m, e.number), e.task);
        e.other = of_node(node, e.other);
        e.is = e.task == 0 ? log_event::put : log_event::out;
        return true;
      case log_event::put:
        e.task = 0;
        e.other = of_node(node, e.other);
        return true;
      case log_event::submit:
        if (e.number >= m.names.size()) return false;
        e.number = m.names[e.number];
        break;
      default: break;
    }
    if (all.members_.size() == 1) return true;
    const std::uint64_t task = e.task;
    const bool is_served = all.origin(node, task) != nullptr;
    if (node != 0) {  // what its own program does is not ours, nor what it does for others
      if (e.is == log_event::submit) family.take(e, is_served);
      if (!family.knows(task) || !all.is_ours(node, family.top(task))) return false;
      if (e.is == log_event::end) family.take(e, is_served);
    }
    e.task = all.number_of(node, task);
    switch (e.is) {
      case log_event::submit: e.other = all.number_of(node, e.other); break;
      case log_event::begin: e.other = all.number_of(node, e.other); break;
      case log_event::out:
      case log_event::input:
      case log_event::awaits: e.other = of_node(node, e.other); break;
      case log_event::settle:
        if (is_served) e.is = log_event::answered;
        break;
      default: break;
    }
    // Its own node has said that of it.
    const bool twice =
        e.is == log_event::submit || e.is == log_event::input || e.is == log_event::end;
    return !(is_served && twice);
  }
};

void merged_log::each(const std::function<void(const log_event&)>& f) {
  struct source {
    translator of;
    log_event next = {};
    bool has = of.next(next);
  };
  std::vector<std::unique_ptr<source>> sources;
  for (std::size_t i = 0; i < members_.size(); ++i)
    sources.push_back(std::unique_ptr<source>(new source{{*this, i}}));
  for (;;) {
    source* first = nullptr;
    for (auto& s : sources)
      if (s->has && (!first || s->next.at < first->next.at)) first = s.get();
    if (!first) return;
    f(first->next);
    first->has = first->of.next(first->next);
  }
}

}  // namespace troupe::detail
