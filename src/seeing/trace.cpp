// SPDX-License-Identifier: MIT
#include "seeing/trace.hpp"

#include "seeing/timeline.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ostream>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace troupe::detail {

namespace {
constexpr std::size_t most_arrows = 1'000'000;

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// From one task to another, by their numbers.
struct arrow {
  std::uint64_t from, to;
  friend auto operator<=>(const arrow&, const arrow&) = default;
};
struct arrows {
  std::vector<arrow> data, spawn;  // sorted
  std::uint64_t left_out = 0;
};

// Only between tasks that have begun: others are not to be seen.
arrows find_arrows(merged_log& l) {
  arrows all;
  makers made;
  struct open_task {
    std::uint64_t parent = 0;
    std::vector<std::uint64_t> inputs;
  };
  std::unordered_map<std::uint64_t, open_task> open;
  std::unordered_set<std::uint64_t> ran;  // and have settled: so each stands for a few bytes
  l.each([&](const log_event& e) {
    made.take(e);
    if (e.is == log_event::submit) open[e.task].parent = e.other;
    else if (e.is == log_event::input) {
      if (const auto from = made.of(e.other); from != 0) open[e.task].inputs.push_back(from);
    } else if (e.is == log_event::begin) {
      const auto found = open.find(e.task);
      if (found == open.end() || ran.contains(e.task)) return;
      ran.insert(e.task);
      for (const auto from : found->second.inputs) {
        if (!ran.contains(from)) continue;
        if (all.data.size() < most_arrows) all.data.push_back({from, e.task});
        else ++all.left_out;
      }
      if (const auto parent = found->second.parent; parent != 0 && ran.contains(parent)) {
        if (all.spawn.size() < most_arrows) all.spawn.push_back({parent, e.task});
        else ++all.left_out;
      }
      found->second.inputs = {};
    } else if (e.is == log_event::end) {
      open.erase(e.task);
    }
  });
  for (auto* some : {&all.data, &all.spawn}) {
    std::sort(some->begin(), some->end());
    some->erase(std::unique(some->begin(), some->end()), some->end());
  }
  return all;
}

class writer {
public:
  writer(const merged_log& l, const arrows& a, std::ostream& to) : log_(l), arrows_(a), to_(to) {
    for (auto* some : {&a.data, &a.spawn})
      for (std::size_t i = 0; i < some->size(); ++i)
        (some == &a.data ? data_to_ : spawn_to_)[(*some)[i].to].push_back(i);
  }

  void head(const std::string& program) {
    to_ << "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"program\":" << quoted(program)
        << ",\"events\":" << log_.count() << ",\"events_lost\":" << log_.lost()
        << ",\"arrows_left_out\":" << arrows_.left_out << "},\"traceEvents\":[\n"
        << R"({"ph":"M","pid":1,"tid":0,"ts":0,"name":"process_name","args":{"name":)"
        << quoted(program) << "}}";
    for (std::size_t i = 1; i < log_.nodes().size(); ++i)
      to_ << ",\n{\"ph\":\"M\",\"pid\":" << i + 1
          << R"(,"tid":0,"ts":0,"name":"process_name","args":{"name":)"
          << quoted("node " + log_.nodes()[i]) << "}}";
    for (std::size_t i = 0; i < log_.lanes().size(); ++i)
      if (const auto& lane = log_.lanes()[i]; !lane.name.empty())
        to_ << ",\n{\"ph\":\"M\",\"pid\":" << lane.node + 1 << ",\"tid\":" << i + 1
            << R"(,"ts":0,"name":"thread_name","args":{"name":)" << quoted(lane.name) << "}}";
  }

  void take(const log_event& e) {
    last_ = e.at;
    switch (e.is) {
      case log_event::submit: {
        names_[e.task] = e.number;
        begin_wait(e, "submitted");
        break;
      }
      case log_event::asks: change_wait(e, "waiting for resources"); break;
      case log_event::queued: change_wait(e, "queued"); break;
      case log_event::away: change_wait(e, "on another node"); break;
      case log_event::sleep: sleeps_.insert(e.task); break;
      case log_event::begin: end_wait(e); break;
      case log_event::resume: end_wait(e); break;
      case log_event::pull: begin_transfer(e); break;
      case log_event::pulled: end_transfer(e.other, e.at); break;
      default: break;
    }
    if (e.is == log_event::settle || e.is == log_event::answered) settle(e);
    lines_.take(
        e,
        [&](std::uint64_t task, std::uint16_t lane, std::int64_t at) { open(e, task, lane, at); },
        [&](std::uint64_t task, std::uint16_t lane, std::int64_t at) {
          --open_spans_[lane];
          line("E", lane, at, task, "");
        });
    if (e.is == log_event::park) begin_wait(e, sleeps_.erase(e.task) > 0 ? "sleeping" : "parked");
    else if (e.is == log_event::gives) begin_wait(e, "waiting for what it has returned");
    else if (e.is == log_event::answered) begin_wait(e, "its value is on its way");
    else if (e.is == log_event::retry) begin_wait(e, "waiting before another try");
    else if (e.is == log_event::settle) end_wait(e);
    else if (e.is == log_event::end) {
      names_.erase(e.task);
      begun_.erase(e.task);
    }
  }
  void tail() {
    lines_.end(last_, [&](std::uint64_t task, std::uint16_t lane, std::int64_t at) {
      line("E", lane, at, task, "");
    });
    for (auto& [task, what] : waits_) async("e", task, what, last_);
    while (!transfers_.empty()) end_transfer(transfers_.begin()->first, last_);
    to_ << "\n]}\n";
  }

private:
  struct running_transfer {
    unsigned pid = 0;
    std::string from;
    std::uint64_t bytes = 0;
  };
  // Each thing is one line; microseconds with three digits are nanoseconds.
  void line(const char* ph, unsigned lane, std::int64_t at, std::uint64_t task,
            const std::string& more) {
    char text[128];
    std::snprintf(text, sizeof text,
                  ",\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u,\"ts\":%" PRId64 ".%03d", ph,
                  pid_of(lane), lane + 1, at / 1000, static_cast<int>(at % 1000));
    to_ << text;
    if (*ph == 'B')
      to_ << ",\"cat\":\"task\",\"name\":" << name(task) << ",\"args\":{\"task\":" << task << more
          << "}";
    else to_ << more;
    to_ << "}";
  }
  unsigned pid_of(unsigned lane) const {
    return static_cast<unsigned>(log_.lanes()[lane].node) + 1;
  }
  void open(const log_event& e, std::uint64_t task, std::uint16_t lane, std::int64_t at) {
    ++open_spans_[lane];
    line("B", lane, at, task, e.is == log_event::resume ? ",\"goes on\":true" : "");
    if (e.is != log_event::begin || !begun_.insert(task).second) return;
    const auto ends = [&](const auto& by_task, const char* kind, std::size_t first) {
      const auto found = by_task.find(task);
      if (found == by_task.end()) return;
      for (const auto i : found->second) {
        if (!started_.contains(first + i)) continue;
        started_.erase(first + i);
        line("f", lane, at, task,
             ",\"bp\":\"e\",\"cat\":\"" + std::string(kind) + "\",\"name\":\"" + kind +
                 "\",\"id\":" + std::to_string(first + i + 1));
      }
    };
    ends(data_to_, "data", 0);
    ends(spawn_to_, "spawn", most_arrows);
    starts(arrows_.spawn, task, lane, at, "spawn", most_arrows);
  }
  void starts(const std::vector<arrow>& all, std::uint64_t task, std::uint16_t lane,
              std::int64_t at, const char* kind, std::size_t first) {
    for (auto i = std::lower_bound(all.begin(), all.end(), arrow{task, 0});
         i != all.end() && i->from == task; ++i) {
      const auto number = first + static_cast<std::size_t>(i - all.begin());
      if (begun_.contains(i->to)) continue;
      if (!started_.insert(number).second) continue;  // where it has ended, on another node
      line("s", lane, at, task,
           ",\"cat\":\"" + std::string(kind) + "\",\"name\":\"" + kind +
               "\",\"id\":" + std::to_string(number + 1));
    }
  }
  // An arrow needs a span to begin in: who settles without running (a ref that it has returned has
  // settled, or it was cancelled) has one without length, if there is none around it.
  void settle(const log_event& e) {
    bool any = false;
    for (auto i = std::lower_bound(arrows_.data.begin(), arrows_.data.end(), arrow{e.task, 0});
         i != arrows_.data.end() && i->from == e.task && !any; ++i)
      any = !begun_.contains(i->to) &&
            !started_.contains(static_cast<std::size_t>(i - arrows_.data.begin()));
    if (!any) return;
    const bool bare = open_spans_[e.lane] == 0;
    if (bare) line("B", e.lane, e.at, e.task, ",\"settles\":true");
    starts(arrows_.data, e.task, e.lane, e.at, "data", 0);
    if (bare) line("E", e.lane, e.at, e.task, "");
  }

  void async(const char* ph, std::uint64_t task, const char* what, std::int64_t at) {
    char text[128];
    std::snprintf(text, sizeof text,
                  ",\n{\"ph\":\"%s\",\"pid\":1,\"tid\":0,\"ts\":%" PRId64 ".%03d", ph, at / 1000,
                  static_cast<int>(at % 1000));
    to_ << text << ",\"cat\":\"waits\",\"id\":" << task << ",\"name\":\"" << what
        << "\",\"args\":{\"name\":" << name(task) << "}}";
  }
  void begin_wait(const log_event& e, const char* what) {
    if (!names_.contains(e.task)) return;
    if (waits_.try_emplace(e.task, what).second) async("b", e.task, what, e.at);
  }
  void end_wait(const log_event& e) {
    const auto found = waits_.find(e.task);
    if (found == waits_.end()) return;
    async("e", e.task, found->second, e.at);
    waits_.erase(found);
  }
  void change_wait(const log_event& e, const char* what) {
    end_wait(e);
    begin_wait(e, what);
  }
  void transfer(const char* ph, std::uint64_t id, const running_transfer& t, std::int64_t at) {
    char text[128];
    std::snprintf(text, sizeof text,
                  ",\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":0,\"ts\":%" PRId64 ".%03d", ph, t.pid,
                  at / 1000, static_cast<int>(at % 1000));
    to_ << text << R"(,"cat":"transfer","id":)" << id << ",\"name\":" << quoted("from " + t.from)
        << R"(,"args":{"bytes":)" << t.bytes << "}}";
  }
  void begin_transfer(const log_event& e) {
    const auto& [at, fresh] = transfers_.try_emplace(
        e.other, running_transfer{pid_of(e.lane), log_.name(e.number), e.task});
    if (fresh) transfer("b", e.other, at->second, e.at);
  }
  void end_transfer(std::uint64_t id, std::int64_t when) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    transfer("e", id, found->second, when);
    transfers_.erase(found);
  }
  const std::string& name(std::uint64_t task) {
    const auto found = names_.find(task);
    const std::uint32_t number = found == names_.end() ? ~0u : found->second;
    auto& text = quoted_[number];
    if (text.empty()) text = number == ~0u ? "\"a task\"" : quoted(log_.name(number));
    return text;
  }

  const merged_log& log_;
  const arrows& arrows_;
  std::ostream& to_;
  timeline lines_;
  std::int64_t last_ = 0;
  std::unordered_map<std::uint16_t, unsigned> open_spans_;
  std::unordered_map<std::uint64_t, std::uint32_t> names_;
  std::unordered_map<std::uint32_t, std::string> quoted_;
  std::unordered_map<std::uint64_t, const char*> waits_;
  std::unordered_map<std::uint64_t, running_transfer> transfers_;
  std::unordered_set<std::uint64_t> begun_, sleeps_;
  std::unordered_set<std::size_t> started_;  // arrows
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> data_to_, spawn_to_;
};
}  // namespace

void write_trace(merged_log& l, const std::string& program, std::ostream& to) {
  const arrows all = find_arrows(l);
  writer w(l, all, to);
  w.head(program);
  l.each([&](const log_event& e) { w.take(e); });
  w.tail();
}

}  // namespace troupe::detail
