// SPDX-License-Identifier: MIT
#include "seeing/record.hpp"

#include "seeing/timeline.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t most_tasks = 1'000'000;

class reader {
public:
  explicit reader(record& r) : r_(r) {}

  void take(const log_event& e, const merged_log& l) {
    r_.ended = std::max(r_.ended, e.at);
    made_.take(e);
    if (e.is == log_event::submit) return submit(e, l);
    if (e.is == log_event::awaits && e.task == 0) {
      if (const auto from = all_.find(made_.of(e.other)); from != all_.end())
        r_.awaited.push_back({from->second, record::nobody, e.at});
      return;
    }
    const auto found = places_.find(e.task);
    if (found == places_.end()) return;
    const std::uint32_t place = found->second;
    switch (e.is) {
      case log_event::input: depend(e, place, record::never); break;
      case log_event::awaits: depend(e, place, e.at); break;
      case log_event::away: r_.tasks[place].away = e.at; break;
      case log_event::asks: r_.tasks[place].asked = e.at; break;
      case log_event::queued: r_.tasks[place].queued = e.at; break;
      case log_event::begin:
        if (const auto below = places_.find(e.other); e.other != 0 && below != places_.end())
          r_.edges.push_back({place, below->second, e.at});  // whose body waits for it
        if (auto& begun = r_.tasks[place].begun; begun == record::never) begun = e.at;
        break;
      case log_event::park: parked_[e.task] = e.at; break;
      case log_event::resume:
        if (const auto p = parked_.find(e.task); p != parked_.end()) {
          r_.tasks[place].parked += e.at - p->second;
          parked_.erase(p);
        }
        break;
      case log_event::settle:
        r_.tasks[place].settled = e.at;
        r_.tasks[place].outcome = e.number;
        break;
      default: break;
    }
    on_lanes(e);
    if (e.is == log_event::end) {
      places_.erase(found);
      parked_.erase(e.task);
      open_.erase(e.task);
    }
  }
  void finish() {
    line_.end(r_.ended, [this](std::uint64_t task, std::uint16_t lane, std::int64_t at) {
      close(task, lane, at);
    });
    std::sort(r_.slices.begin(), r_.slices.end(),
              [](auto& a, auto& b) { return a.begin < b.begin; });
  }

private:
  void submit(const log_event& e, const merged_log& l) {
    if (r_.tasks.size() >= most_tasks) {
      ++r_.left_out;
      return;
    }
    const auto place = static_cast<std::uint32_t>(r_.tasks.size());
    const auto parent = places_.find(e.other);
    record::one t;
    t.id = e.task;
    t.submitted = e.at;
    t.parent = parent == places_.end() ? record::nobody : parent->second;
    const auto [name, fresh] =
        names_.try_emplace(e.number, static_cast<std::uint32_t>(r_.names.size()));
    if (fresh) r_.names.push_back(l.name(e.number));
    t.name = name->second;
    r_.tasks.push_back(t);
    places_[e.task] = place;
    all_[e.task] = place;
  }
  void depend(const log_event& e, std::uint32_t place, std::int64_t at) {
    const auto from = all_.find(made_.of(e.other));
    if (from != all_.end() && from->second != place) r_.edges.push_back({from->second, place, at});
  }
  void on_lanes(const log_event& e) {
    line_.take(
        e,
        [this](std::uint64_t task, std::uint16_t lane, std::int64_t at) {
          if (depth_[lane] > 0) pause(lane, at);
          open_[task] = {at, at, depth_[lane]++};
          stack_[lane].push_back(task);
        },
        [this](std::uint64_t task, std::uint16_t lane, std::int64_t at) { close(task, lane, at); });
  }
  // What lies below works no more, until what lies on it is gone.
  void pause(std::uint16_t lane, std::int64_t at) {
    const auto below = open_.find(stack_[lane].back());
    const auto place = places_.find(stack_[lane].back());
    if (below != open_.end() && place != places_.end())
      r_.tasks[place->second].busy += at - below->second.works_since;
  }
  void close(std::uint64_t task, std::uint16_t lane, std::int64_t at) {
    const auto found = open_.find(task);
    const auto place = places_.find(task);
    if (found == open_.end()) return;
    --depth_[lane];
    if (!stack_[lane].empty()) stack_[lane].pop_back();
    if (place != places_.end()) {
      r_.tasks[place->second].busy += at - found->second.works_since;
      r_.slices.push_back({place->second, lane,
                           static_cast<std::uint8_t>(std::min<unsigned>(255, found->second.depth)),
                           found->second.begun, at});
    }
    open_.erase(found);
    if (!stack_[lane].empty())
      if (const auto below = open_.find(stack_[lane].back()); below != open_.end())
        below->second.works_since = at;
  }

  struct open_slice {
    std::int64_t begun, works_since;
    unsigned depth;
  };
  record& r_;
  makers made_;
  timeline line_;
  std::unordered_map<std::uint64_t, std::uint32_t> places_,
      all_;  // of those that have not ended; of all
  std::unordered_map<std::uint32_t, std::uint32_t> names_;
  std::unordered_map<std::uint64_t, std::int64_t> parked_;
  std::unordered_map<std::uint64_t, open_slice> open_;
  std::unordered_map<std::uint16_t, unsigned> depth_;
  std::unordered_map<std::uint16_t, std::vector<std::uint64_t>> stack_;
};

// The edges of each task, its arguments before what its body has waited for, and those in the order in
// which they came.
class needs {
public:
  explicit needs(const record& r) : r_(r), edges_(r.edges), first_(r.tasks.size() + 1, 0) {
    std::sort(edges_.begin(), edges_.end(), [&](auto& a, auto& b) {
      return std::tuple(a.what, a.at != record::never, came(a)) <
             std::tuple(b.what, b.at != record::never, came(b));
    });
    for (auto& e : edges_) ++first_[e.what + 1];
    for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  }
  // Who gave the last of them that came after `from`, and not after `to`; nobody: none did.
  std::uint32_t last(std::uint32_t task, bool awaited, std::int64_t from, std::int64_t to) const {
    const auto begin = edges_.begin() + first_[task], end = edges_.begin() + first_[task + 1];
    const auto after = std::upper_bound(begin, end, std::pair(awaited, to), [&](auto& at, auto& e) {
      return at < std::pair(e.at != record::never, came(e));
    });
    if (after == begin) return record::nobody;
    const auto& e = *std::prev(after);
    return (e.at != record::never) == awaited && came(e) > from ? e.from : record::nobody;
  }

private:
  std::int64_t came(const record::edge& e) const { return r_.tasks[e.from].settled; }
  const record& r_;
  std::vector<record::edge> edges_;
  std::vector<std::uint32_t> first_;
};

// Backwards from what settled last: what a task waited for last is why it was not done before.
void find_path(record& r) {
  std::uint32_t at = record::nobody;
  for (std::uint32_t i = 0; i < r.tasks.size(); ++i)
    if (r.tasks[i].settled != record::never && r.tasks[i].begun != record::never &&
        (at == record::nobody || r.tasks[i].settled > r.tasks[at].settled))
      at = i;
  if (at == record::nobody) return;
  const needs all(r);
  std::vector<std::pair<std::int64_t, std::uint32_t>> awaited;  // by the program: when it came
  for (auto& w : r.awaited)
    if (const auto came = r.tasks[w.from].settled; came != record::never)
      awaited.emplace_back(came, w.from);
  std::sort(awaited.begin(), awaited.end());
  const auto step = [&](record::step::kind is, std::int64_t begin, std::int64_t end) {
    if (end > begin) r.path.push_back({is, at, begin, end});
  };
  std::int64_t until = r.tasks[at].settled;
  for (std::size_t n = 0; at != record::nobody && n < 4 * r.tasks.size(); ++n) {
    const auto& t = r.tasks[at];
    const std::int64_t begun = t.begun == record::never ? until : std::min(t.begun, until);
    // The value that came last before then: in its body; else of its arguments.
    if (const auto from = all.last(at, true, begun, until - 1); from != record::nobody) {
      step(record::step::works, r.tasks[from].settled, until);
      until = r.tasks[from].settled;
      at = from;
      continue;
    }
    step(record::step::works, begun, until);
    std::uint32_t from = all.last(at, false, t.submitted, begun);
    const std::int64_t came = from == record::nobody ? t.submitted : r.tasks[from].settled;
    if (t.away != record::never && t.away < begun) {  // it ran there, or on its way
      const std::int64_t left = std::max(t.away, came);
      step(record::step::away, left, begun);
      step(record::step::queued, came, left);
    } else {
      const bool asked = t.asked != record::never && t.queued != record::never && t.asked >= came;
      const std::int64_t has_all = asked ? std::min(t.queued, begun) : came;
      step(record::step::queued, has_all, begun);
      step(record::step::waits_for_resources, came, has_all);
    }
    until = came;
    if (from == record::nobody && t.parent == record::nobody) {
      // The program has submitted it, after what it had waited for last.
      const auto after =
          std::upper_bound(awaited.begin(), awaited.end(), std::pair(came, record::nobody));
      if (after != awaited.begin()) from = std::prev(after)->second;
      until = from == record::nobody ? r.began : r.tasks[from].settled;
      step(record::step::program, until, came);
      at = from;
    } else at = from != record::nobody ? from : t.parent;
  }
  std::reverse(r.path.begin(), r.path.end());
}
}  // namespace

record read_record(merged_log& l, const std::string& program) {
  record r;
  r.program = program;
  reader take(r);
  l.each([&](const log_event& e) { take.take(e, l); });
  take.finish();
  r.lost = l.lost();
  for (auto& lane : l.lanes())
    r.lanes.push_back(lane.name.empty() || l.nodes().size() == 1
                          ? lane.name
                          : l.nodes()[lane.node] + ": " + lane.name);
  std::unordered_map<std::uint64_t, std::uint32_t> places;
  if (!l.failures().empty())
    for (std::uint32_t i = 0; i < r.tasks.size(); ++i) places.emplace(r.tasks[i].id, i);
  for (auto& f : l.failures())
    if (const auto at = places.find(f.task); at != places.end())
      r.failures.emplace_back(at->second, f.text);
  find_path(r);
  return r;
}

}  // namespace troupe::detail
