// SPDX-License-Identifier: MIT
// A survey in words.
#include "actors/seat.hpp"
#include "actors/side_pool.hpp"
#include "actors/task.hpp"
#include "actors/ticks.hpp"
#include "runtime/domain.hpp"
#include "runtime/requirements.hpp"
#include "runtime/wait.hpp"
#include "seeing/inspector.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <set>

namespace troupe {

std::string_view name_of(task_state s) noexcept {
  constexpr std::string_view names[] = {
      "pending",     "admitting",  "in_line", "queued", "running", "waiting",  "sleeping",
      "backing_off", "forwarding", "away",    "ending", "settled", "elsewhere"};
  return names[static_cast<std::size_t>(s)];
}

namespace {
std::string_view in_words(task_state s) {
  switch (s) {
    case task_state::pending: return "is waiting for its arguments";
    case task_state::admitting: return "is waiting for resources";
    case task_state::in_line: return "is waiting for its turn";
    case task_state::queued: return "is queued";
    case task_state::running: return "is running";
    case task_state::waiting: return "is waiting";
    case task_state::sleeping: return "is sleeping";
    case task_state::backing_off: return "has failed, and is waiting before its next try";
    case task_state::forwarding: return "has returned a ref, and is waiting for that";
    case task_state::away: return "is on another node";
    case task_state::ending: return "was asked to end, and has not ended";
    case task_state::settled: return "has settled";
    case task_state::elsewhere: return "is made by no task of this runtime";
  }
  return {};
}

nlohmann::json as_json(const task_status& t) {
  nlohmann::json j{{"id", t.id}, {"name", t.name}, {"state", name_of(t.state)}};
  if (t.since) {
    j["since_ns"] = t.since->count();
    j["at_least"] = t.at_least;
  }
  if (t.deadline) j["deadline_ns"] = t.deadline->count();
  if (!t.where.empty()) j["where"] = t.where;
  auto& causes = j["waits_for"] = nlohmann::json::array();
  for (auto& c : t.causes) {
    nlohmann::json one{{"what", c.what}};
    if (c.on != 0) one["task"] = c.on;
    if (!c.resource.empty()) one["resource"] = c.resource;
    causes.push_back(std::move(one));
  }
  return j;
}
std::string as_text(const nlohmann::json& j) {
  return j.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace

std::string task_status::text() const {
  constexpr std::size_t most = 8;
  std::string s = "'" + name + "' " + std::string(in_words(state));
  if (since) s += " for " + detail::in_words(*since) + (at_least ? " or more" : "");
  for (std::size_t i = 0; i < causes.size(); ++i) {
    if (i == most) {
      s += ", and " + std::to_string(causes.size() - most) + " more";
      break;
    }
    s += (i == 0 ? ": " : ", ") + causes[i].what;
  }
  if (!where.empty()) s += " (" + where + ")";
  if (deadline) s += "; its deadline is in " + detail::in_words(*deadline);
  return s;
}

std::string explanation::text() const {
  std::map<std::uint64_t, std::size_t> depth;
  std::string all;
  for (auto& t : tasks_) {
    const std::size_t here = depth[t.id];
    for (auto& c : t.causes)
      if (c.on != 0) depth.try_emplace(c.on, here + 1);
    all += std::string(2 * std::min<std::size_t>(here, 20), ' ') + t.text() + "\n";
  }
  return all;
}
std::string explanation::json() const { return to_json(tasks_); }

std::string to_json(const std::vector<task_status>& tasks) {
  auto all = nlohmann::json::array();
  for (auto& t : tasks) all.push_back(as_json(t));
  return as_text(all);
}

namespace detail {

namespace {
// By its number: in the order of the options.
std::string name_of_resource(const domain& d, std::uint32_t number) {
  auto at = d.options().resources.begin();
  std::advance(at, number);
  return at->first;
}
task_state state_of(wait_kind k) {
  switch (k) {
    case wait_kind::input: return task_state::pending;
    case wait_kind::value:
    case wait_kind::some:
    case wait_kind::turn_back:
    case wait_kind::item:
    case wait_kind::room:
    case wait_kind::bound: return task_state::waiting;
    case wait_kind::awaited: return task_state::forwarding;
    case wait_kind::child: return task_state::waiting;
    case wait_kind::turn: return task_state::in_line;
    case wait_kind::resource: return task_state::admitting;
    case wait_kind::sleep: return task_state::sleeping;
    case wait_kind::back_off: return task_state::backing_off;
    case wait_kind::limit:
    case wait_kind::deadline: return task_state::waiting;
  }
  return task_state::waiting;
}
}  // namespace

std::string census::name_of(std::uint64_t task) const {
  if (names_.empty()) {
    for (auto& w : waits) names_.try_emplace(w.who.get()->id(), w.who.get()->name_of_task());
    for (auto& [o, t] : makers) names_.try_emplace(t.get()->id(), t.get()->name_of_task());
    for (auto& h : holders)
      if (h.amount > 0) names_.try_emplace(h.who, h.name);
  }
  const auto found = names_.find(task);
  return found == names_.end() ? "task " + std::to_string(troupe::detail::task::number_of(task))
                               : found->second;
}

std::string inspector::words(const census& c, const seen_wait& w) const {
  const std::uint64_t on = c.on(w);
  const std::string name = on == 0 ? std::string{} : "'" + c.name_of(on) + "'";
  const auto value = [&](const std::string& before) {
    if (on != 0) return before + "the value of " + name;
    return before + "a value that no task of this runtime makes";
  };
  const auto left = [&] {
    return in_words(
        std::chrono::nanoseconds(std::max<std::int64_t>(0, w.due - domain_.clock().now())));
  };
  switch (w.is) {
    case wait_kind::input:
    case wait_kind::value: return value("");
    case wait_kind::some: return value(std::to_string(w.to_spare) + " more of several values, ");
    case wait_kind::awaited: return value("");
    case wait_kind::child: return name + ", which runs on its stack";
    case wait_kind::turn:
    case wait_kind::turn_back:
      return "its turn at the actor '" + w.of + "'" + (on != 0 ? ", after " + name : std::string{});
    case wait_kind::resource:
      return amount_in_words(w.amount) + " of the resource '" +
             name_of_resource(domain_, w.resource) + "'";
    case wait_kind::item:
      return "the next value of the stream of " + (on == 0 ? "another task" : name);
    case wait_kind::room:
      return "room in its stream, " +
             (on == 0 ? "whose values nobody takes" : "whose values " + name + " is to take");
    case wait_kind::bound:
      return "room for a task: " + std::to_string(domain_.options().max_unsettled_tasks) +
             " may be unsettled (max_unsettled_tasks), or their arguments are too big "
             "(max_argument_bytes)";
    case wait_kind::sleep: return "another " + left();
    case wait_kind::back_off:
      return "try " + std::to_string(w.who.get()->attempt()) + ", in " + left();
    case wait_kind::limit: return "at most another " + left();
    case wait_kind::deadline: return "its deadline, in " + left();
  }
  return {};
}

// What is not a wait that somebody keeps: it is queued, or it runs.
task_status inspector::status_of(const census& c, task& t,
                                 const std::vector<const seen_wait*>& waits) const {
  task_status s;
  s.id = t.id();
  s.name = t.name_of_task();
  bool is_waiting = false;
  for (auto w : waits) {
    if (w->is == wait_kind::deadline) {
      s.deadline = duration(std::max<std::int64_t>(0, w->due - domain_.clock().now()));
      continue;
    }
    if (!is_waiting || w->is == wait_kind::input || w->is == wait_kind::child)
      s.state = state_of(w->is);
    is_waiting = true;
    wait_cause cause{words(c, *w), c.on(*w), {}};
    if (w->is == wait_kind::resource) {
      cause.resource = name_of_resource(domain_, w->resource);
      const auto& ledger = domain_.admission()->core().ledger();
      std::int64_t in_use = 0;
      std::string by;
      std::size_t holders = 0;
      for (auto& h : c.holders)
        if (h.amount > 0 && h.resource == w->resource) {
          in_use += h.amount;
          if (cause.on == 0) cause.on = h.who;
          if (++holders <= 3)
            by +=
                (by.empty() ? "" : ", ") + ("'" + h.name + "' holds " + amount_in_words(h.amount));
        }
      if (holders > 3) by += " and " + std::to_string(holders - 3) + " more hold some";
      cause.what += ", of which " + amount_in_words(ledger.total(w->resource) - in_use) + " of " +
                    amount_in_words(ledger.total(w->resource)) + " is free" +
                    (by.empty() ? "" : " (" + by + ")");
    }
    if (w->is == wait_kind::turn || w->is == wait_kind::turn_back) cause.resource = w->of;
    if (w->at.line != 0 && s.where.empty())
      s.where = std::string(w->at.file) + ":" + std::to_string(w->at.line);
    if (w->since != 0)
      s.since = duration(std::max<std::int64_t>(0, domain_.clock().now() - w->since));
    if (w->began != 0 && domain_.at_once())
      s.since = duration(std::max<std::int64_t>(0, ticks_to_ns(ticks() - w->began)));
    s.causes.push_back(std::move(cause));
  }
  if (t.family().settled.load()) s.state = task_state::settled;
  else if (t.asked_to_end()) {
    s.state = task_state::ending;
    if (!is_waiting)
      s.causes.push_back({t.family().was_asked() == kin::no
                              ? "a task that it descends from was asked to end"
                              : "its body",
                          0,
                          {}});
  } else if (!is_waiting) {
    switch (t.out()->claim.load()) {
      case claim::waiting: s.state = task_state::pending; break;
      case claim::in_line: s.state = task_state::in_line; break;
      case claim::queued:
      case claim::reserved: {
        s.state = task_state::queued;
        std::string what = t.blocking()
                               ? "a thread of the pool for blocking bodies, of which there "
                                 "are " +
                                     std::to_string(side_pool::most_threads)
                               : "one of " + std::to_string(domain_.options().workers) + " workers";
        if (t.priority() != 0)
          what += "; its priority is " + std::to_string(t.priority()) +
                  ", and a level is worth 100 ms of waiting";
        s.causes.push_back({what, 0, {}});
        break;
      }
      case claim::claimed: {
        s.state = task_state::running;
        const auto where = domain_.outside();
        if (const auto there = where ? where->whereabouts_of(t) : std::string{}; !there.empty()) {
          s.state = task_state::away;
          s.causes.push_back({there, 0, {}});
        }
        break;
      }
    }
  }
  if (!s.since) {
    s.since = seen_so(t, waits);
    s.at_least = s.since.has_value();
  }
  return s;
}

// ---- since when ---------------------------------------------------------------------------------

namespace {
// What a task waits for, as far as another look would find it the same. 0: that cannot be told.
std::uint64_t condition_of(const task& t, std::optional<wait_kind> waits) {
  const auto claimed = t.out()->claim.load();
  if (!waits && claimed == claim::claimed && t.inside().is_node()) return 0;  // here, or away
  const auto state =
      waits ? static_cast<std::uint64_t>(*waits) : 100 + static_cast<std::uint64_t>(claimed);
  const std::uint64_t ends = t.asked_to_end() ? 1 : 0;
  return 1 + (state | ends << 8);
}
void add_kind(std::optional<wait_kind>& to, wait_kind k) {
  if (k != wait_kind::deadline && k != wait_kind::limit) to = to ? std::min(*to, k) : k;
}
}  // namespace

void inspector::note(const census& c) {
  constexpr std::size_t most = 100'000;  // tasks: else a look would take too long
  if (!domain_.at_once()) return;
  struct known {
    const task* it = nullptr;
    std::optional<wait_kind> waits = {};
  };
  std::unordered_map<std::uint64_t, known> all;
  if (c.waits.size() <= most) {
    for (auto& [what, t] : c.makers) all[t.get()->id()].it = t.get();
    for (auto& w : c.waits) {
      known& k = all[w.who.get()->id()];
      k.it = w.who.get();
      add_kind(k.waits, w.is);
    }
  }
  const std::uint64_t now = ticks();
  std::lock_guard guard{conditions_mutex_};
  std::unordered_map<std::uint64_t, condition> fresh;
  for (auto& [id, k] : all) {
    const std::uint64_t is = condition_of(*k.it, k.waits);
    if (is == 0) continue;
    const auto before = conditions_.find(id);
    const bool same = before != conditions_.end() && before->second.is == is;
    fresh.emplace(id, condition{is, same ? before->second.since : now});
  }
  conditions_.swap(fresh);
}

std::optional<duration> inspector::seen_so(const task& t,
                                           const std::vector<const seen_wait*>& waits) const {
  std::optional<wait_kind> kind;
  for (auto w : waits) add_kind(kind, w->is);
  const std::uint64_t is = condition_of(t, kind);
  std::lock_guard guard{conditions_mutex_};
  const auto found = conditions_.find(t.id());
  if (is == 0 || found == conditions_.end() || found->second.is != is) return std::nullopt;
  const std::int64_t since = ticks_to_ns(ticks() - found->second.since);
  if (since < 1'000'000) return std::nullopt;  // by this very look
  return duration(since);
}

namespace {
// What is known of each task.
struct known_task {
  task* it = nullptr;
  std::vector<const seen_wait*> waits = {};
};
std::map<std::uint64_t, known_task> by_task(const census& c) {
  std::map<std::uint64_t, known_task> all;
  for (auto& [what, t] : c.makers) all[t.get()->id()].it = t.get();
  for (auto& w : c.waits) {
    auto& k = all[w.who.get()->id()];
    k.it = w.who.get();
    k.waits.push_back(&w);
  }
  return all;
}

// As people and logs know them.
void give_numbers(std::vector<task_status>& all) {
  for (auto& s : all) {
    s.id = task::number_of(s.id);
    for (auto& c : s.causes) c.on = task::number_of(c.on);
  }
}
}  // namespace

// A record counts few surveys at a time (survey.hpp): the others wait.
struct inspector::turn_to_ask {
  std::atomic<int>& surveys;
  explicit turn_to_ask(inspector& i) : surveys(i.surveys_) {
    constexpr int most = 50;
    refuse_waits();
    while (surveys.fetch_add(1) >= most) {
      surveys.fetch_sub(1);
      if (const task* me = seat::mine().running)
        sleep_in_task(me->inside(), std::chrono::milliseconds(1));
      else if (i.domain_.at_once()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      else (void)i.domain_.step();
    }
  }
  turn_to_ask(const turn_to_ask&) = delete;
  ~turn_to_ask() { surveys.fetch_sub(1); }
};

explanation inspector::explain(object& o) {
  const turn_to_ask turn(*this);
  const await how = [this](std::size_t n, const ask& f) { await_answers(domain_, n, f); };
  census c = take(how);
  if (!c.makers.contains(&o)) ask_makers(c, {&o}, how, false);
  note(c);
  std::vector<task_status> all;
  const auto root = c.makers.find(&o);
  if (root == c.makers.end()) {
    task_status s;
    s.state = o.is_sealed() ? task_state::settled : task_state::elsewhere;
    s.name = "the object";
    if (const auto where = domain_.outside(); where && !o.is_sealed())
      if (const auto there = where->whereabouts_of(o); !there.empty())
        s.causes.push_back({there, 0, {}});
    all.push_back(std::move(s));
    return explanation{std::move(all)};
  }
  constexpr std::size_t most = 1000;
  const auto known = by_task(c);
  std::deque<std::uint64_t> next{root->second.get()->id()};
  std::set<std::uint64_t> seen{next.front()};
  for (; !next.empty() && all.size() < most; next.pop_front()) {
    const std::uint64_t id = next.front();
    if (const auto at = known.find(id); at != known.end())
      all.push_back(status_of(c, *at->second.it, at->second.waits));
    else {  // it holds something, and waits for nothing
      task_status s;
      s.id = id;
      s.name = c.name_of(id);
      s.state = task_state::running;
      all.push_back(std::move(s));
    }
    for (auto& cause : all.back().causes)
      if (cause.on != 0 && seen.insert(cause.on).second) next.push_back(cause.on);
  }
  give_numbers(all);
  return explanation{std::move(all)};
}

std::vector<task_status> inspector::tasks(const task_filter& filter) {
  const turn_to_ask turn(*this);
  const census c = take([this](std::size_t n, const ask& f) { await_answers(domain_, n, f); });
  note(c);
  std::vector<task_status> all;
  for (auto& [id, k] : by_task(c)) {
    if (all.size() >= filter.most) break;
    if (!filter.name.empty() && k.it->name_of_task() != filter.name) continue;
    auto s = status_of(c, *k.it, k.waits);
    if (s.state == task_state::settled || (filter.state && s.state != *filter.state)) continue;
    all.push_back(std::move(s));
  }
  give_numbers(all);
  return all;
}

explanation explain_object(domain& d, object* o) {
  if (!o) throw_empty_input();
  return d.inspector().explain(*o);
}
std::vector<task_status> tasks_of(domain& d, const task_filter& filter) {
  return d.inspector().tasks(filter);
}

}  // namespace detail
}  // namespace troupe
