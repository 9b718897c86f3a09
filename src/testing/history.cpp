// SPDX-License-Identifier: MIT
#include "testing/history.hpp"

#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/failure.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::testing::detail {

std::string history::name(std::uint32_t task) const {
  return "task #" + std::to_string(task) + " '" + tasks_[task - 1].name + "'";
}

void history::hold(bool holds, std::uint32_t task, const char* what) {
  if (!holds && broken_.empty())
    broken_ = (task ? name(task) : std::string{"a task that was never submitted"}) + ' ' + what;
}

// Its number stays after its end, until its memory is another task's: whatever it does then is told.
std::uint32_t history::number_of(const troupe::detail::task& t) {
  const auto found = numbers_.find(&t);
  return found == numbers_.end() ? 0 : found->second;
}

// One that was asked and has settled; until then what it has spawned may be ahead of the word.
void history::hold_no_ancestor_was_asked(std::uint32_t task) {
  for (auto up = tasks_[task - 1].parent; up != 0; up = tasks_[up - 1].parent)
    hold(!tasks_[up - 1].asked, task, "begins, and a task that it descends from has ended early");
}

void history::task(std::int64_t now, moment what, const troupe::detail::task& t,
                   std::int64_t number) {
  if (what == moment::submit) {
    ++counts_.submitted;
    const auto n = static_cast<std::uint32_t>(tasks_.size() + 1);
    auto parent = troupe::detail::seat::mine().running;
    if (t.is_constructor()) parent = nullptr;  // an actor is nobody's child
    tasks_.push_back({&t, std::string{t.name_of_task()}, parent ? number_of(*parent) : 0,
                      static_cast<std::uint32_t>(alive_.size())});
    alive_.push_back(n);
    numbers_[&t] = n;
    events_.push_back({now, 0, n, line::submit});
    return;
  }
  const std::uint32_t n = number_of(t);
  events_.push_back({now, number, n, static_cast<line>(what)});
  if (n == 0) return hold(false, 0, "does something");
  known_task& k = tasks_[n - 1];
  hold(!k.ended, n, "does something after its end");
  switch (what) {
    case moment::submit:
    case moment::asks:
    case moment::queued:
    case moment::gives:
    case moment::away: break;
    case moment::begin:
      hold(!k.begun, n, "began twice");
      hold_no_ancestor_was_asked(n);
      k.begun = true;
      break;
    case moment::park:
      hold(k.begun && !k.parked, n, "parked while it did not run");
      k.parked = true;
      break;
    case moment::resume:
      hold(k.parked, n, "was resumed and had not parked");
      k.parked = false;
      break;
    case moment::sleep: hold(k.begun && !k.parked, n, "slept while it did not run"); break;
    case moment::retry:
      hold(k.begun && !k.parked, n, "is tried again and did not run");
      k.begun = false;
      break;
    case moment::settle:
      hold(!k.settled, n, "settled twice");
      k.asked = t.family().was_asked() != troupe::detail::kin::no;
      hold(!k.asked || number >= 0, n, "was asked to end, and settles with a value");
      k.settled = true;
      ++counts_.settled;
      break;
    case moment::end:
      hold(k.settled, n, "ended and has not settled");
      hold(!k.parked, n, "ended while it was parked");
      if (k.ended) return;
      k.ended = true;
      ++counts_.ended;
      alive_[k.place] = alive_.back();
      tasks_[alive_.back() - 1].place = k.place;
      alive_.pop_back();
  }
}

void history::fault(std::int64_t now, std::string_view point) {
  const auto known = std::find(points_.begin(), points_.end(), point);
  const auto n = known - points_.begin();
  if (known == points_.end()) points_.emplace_back(point);
  events_.push_back({now, n, 0, line::fault});
}

std::string history::text() const {
  auto seconds = [](std::int64_t ns) {
    char text[48];
    std::snprintf(text, sizeof text, "%lld.%09lld s", static_cast<long long>(ns / 1'000'000'000),
                  static_cast<long long>(ns % 1'000'000'000));
    return std::string{text};
  };
  using kind = troupe::detail::failure::kind;
  auto outcome = [](std::int64_t with) -> const char* {
    if (with < 0) return "settles with a value";
    switch (static_cast<kind>(with)) {
      case kind::thrown: return "settles with an error";
      case kind::cancelled: return "settles as cancelled";
      case kind::deadline_exceeded: return "settles with deadline_exceeded";
      case kind::timed_out: return "settles with timed_out";
      case kind::deadlock: return "settles with deadlock";
      case kind::actor_died: return "settles with actor_died";
      case kind::lost: return "settles with lost";
      case kind::poisoned: return "settles with poisoned";
    }
    return "settles";
  };
  std::string all;
  for (const event& e : events_) {
    const std::string when = seconds(e.now);
    all.append(when.size() < 16 ? 16 - when.size() : 0, ' ');
    all += when + "  ";
    if (e.task) all += '#' + std::to_string(e.task) + ' ' + tasks_[e.task - 1].name + ": ";
    switch (e.what) {
      case line::submit: all += "submitted"; break;
      case line::begin: all += "begins"; break;
      case line::park: all += "parks"; break;
      case line::resume: all += "resumes"; break;
      case line::sleep: all += "sleeps for " + seconds(e.number); break;
      case line::retry: all += "is to be tried again"; break;
      case line::settle: all += outcome(e.number); break;
      case line::end: all += "ended"; break;
      case line::put: all += "put"; break;
      case line::time: all += "the clock goes on"; break;
      case line::fault:
        all += "fault at '" + points_[static_cast<std::size_t>(e.number)] + "'";
        break;
      case line::over: all += "the runtime ends"; break;
    }
    all += '\n';
  }
  return all;
}

}  // namespace troupe::testing::detail
