// SPDX-License-Identifier: MIT
#include "graph/lineage.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

// Of a chain that is lost whole, each link is looked at once.
void lineage::need(task first, effects& out) {
  std::vector<task> todo{first};
  while (!todo.empty()) {
    const task t = todo.back();
    todo.pop_back();
    record& r = records_.at(t);
    if (r.is != state::lost) continue;
    spare_.erase(t);
    r.is = state::blocked;
    if (r.rests) count_busy(r, true);
    r.missing = 0;
    for (const task i : r.inputs) {
      const auto input = records_.find(i);
      if (input == records_.end() || input->second.is == state::elsewhere) continue;
      if (!input->second.waiting.insert(t).second) continue;
      ++r.missing;
      todo.push_back(i);
    }
    if (r.missing > 0) continue;
    r.is = state::under_way;
    out.run.push_back(t);
    if (!r.rests) records_.erase(t);
  }
}

void lineage::count_busy(const record& r, bool more) {
  for (const task i : r.inputs)
    if (const auto input = records_.find(i); input != records_.end())
      input->second.busy += more ? 1 : std::size_t(-1);
}

// Those that waited for it may run, unless others of their inputs are lost by now.
void lineage::is_there(record& r, effects& out) {
  for (const task t : std::exchange(r.waiting, {})) {
    record& w = records_.at(t);
    if (--w.missing > 0) continue;
    if (w.rests) count_busy(w, false);
    w.is = state::lost;
    need(t, out);
  }
}

lineage::effects lineage::place_it(task t, const std::vector<task>& inputs) {
  effects out;
  const auto [at, fresh] = records_.try_emplace(t);
  record& r = at->second;
  if (fresh) r.inputs = inputs;
  else if (r.is == state::blocked) throw std::logic_error("a task that is placed waits already");
  else if (r.rests && r.is == state::under_way) count_busy(r, false);
  r.is = state::lost;
  need(t, out);
  return out;
}

lineage::effects lineage::made(task t, const place& where, const std::vector<task>& inputs) {
  effects out;
  record& r = records_[t];
  if (!std::exchange(r.rests, true)) {
    r.inputs = inputs;
    for (const task i : inputs)
      if (const auto input = records_.find(i); input != records_.end()) ++input->second.references;
    std::erase_if(r.inputs, [&](task i) { return !records_.contains(i); });
  } else if (r.is == state::under_way) count_busy(r, false);
  r.is = state::elsewhere;
  r.where = where;
  is_there(r, out);
  if (r.wanted) out.fetch.push_back(t);
  cut(out);
  return out;
}

lineage::effects lineage::wanted(task t) {
  effects out;
  const auto found = records_.find(t);
  if (found == records_.end() || std::exchange(found->second.wanted, true)) return out;
  if (found->second.is == state::elsewhere) out.fetch.push_back(t);
  else need(t, out);
  return out;
}

lineage::effects lineage::settled(task t) {
  effects out;
  if (records_.contains(t)) forget(t, out);
  return out;
}

void lineage::forget(task t, effects& out) {
  const auto found = records_.find(t);
  record& r = found->second;
  if (r.rests && (r.is == state::under_way || r.is == state::blocked)) count_busy(r, false);
  for (const task i : r.inputs) {
    const auto input = records_.find(i);
    if (input == records_.end()) continue;
    input->second.waiting.erase(t);
    if (r.rests) --input->second.references;
  }
  if (r.is == state::elsewhere) out.let_go.push_back(r.where.value);
  spare_.erase(t);
  record last = std::move(r);
  records_.erase(found);
  is_there(last, out);
}

lineage::effects lineage::idle(task t) {
  effects out;
  const auto found = records_.find(t);
  if (found == records_.end() || found->second.wanted || !found->second.waiting.empty()) return out;
  record& r = found->second;
  if (r.busy > 0 || (r.is != state::elsewhere && r.is != state::lost)) return out;
  if (r.references == 0) {
    forget(t, out);
    out.end.push_back(t);
  } else if (r.is == state::elsewhere) {
    out.let_go.push_back(r.where.value);
    r.is = state::lost;
    spare_.insert(t);
  }
  return out;
}

void lineage::lose(task t, record& r, effects& out) {
  if (r.is != state::elsewhere) return;
  r.is = state::lost;
  if (r.wanted) need(t, out);
  else spare_.insert(t);
}

lineage::effects lineage::lost(task t) {
  effects out;
  if (const auto found = records_.find(t); found != records_.end()) lose(t, found->second, out);
  return out;
}

lineage::effects lineage::gone(node_id node) {
  effects out;
  for (const task t : at(node)) lose(t, records_.at(t), out);
  return out;
}

void lineage::cut(effects& out) {
  while (records_.size() > most_) {
    const auto oldest = std::find_if(spare_.begin(), spare_.end(),
                                     [this](task t) { return records_.at(t).busy == 0; });
    if (oldest == spare_.end()) return;
    out.cut.push_back(*oldest);
    forget(task{*oldest}, out);
  }
}

bool lineage::rests(task t) const {
  const auto found = records_.find(t);
  return found != records_.end() && found->second.rests;
}
std::optional<lineage::place> lineage::where(task t) const {
  const auto found = records_.find(t);
  if (found == records_.end() || found->second.is != state::elsewhere) return std::nullopt;
  return found->second.where;
}
std::size_t lineage::references(task t) const {
  const auto found = records_.find(t);
  return found == records_.end() ? 0 : found->second.references;
}
std::vector<lineage::task> lineage::at(node_id node) const {
  std::vector<task> all;
  for (const auto& [t, r] : records_)
    if (r.is == state::elsewhere && r.where.value.maker == node) all.push_back(t);
  return all;
}

void lineage::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::map<task, std::size_t> references, busy, missing;
  for (const auto& [t, r] : records_) {
    hold(r.rests || r.is == state::blocked, "what does not rest is here only while it waits");
    hold(r.waiting.empty() || r.is != state::elsewhere, "nobody waits for what is there");
    hold(!r.waiting.empty() || r.wanted || r.is != state::blocked || !r.rests,
         "what rests is made again for somebody");
    hold((r.is == state::blocked) == (r.missing > 0), "who waits, waits for something");
    hold(spare_.contains(t) == (r.is == state::lost), "what is lost and not needed can be spared");
    hold(r.is != state::lost || (!r.wanted && r.waiting.empty()), "what is needed is made again");
    for (const task i : r.inputs) {
      if (!r.rests || !records_.contains(i)) continue;
      ++references[i];
      if (r.is == state::under_way || r.is == state::blocked) ++busy[i];
    }
    for (const task w : r.waiting) ++missing[w];
  }
  for (const auto& [t, r] : records_) {
    hold(r.references == references[t], "references are those of the calls that rest");
    hold(r.busy == busy[t], "an input of what is to run again is known to be one");
    hold(r.missing == missing[t], "who waits is known to what it waits for");
  }
}

}  // namespace troupe::detail
