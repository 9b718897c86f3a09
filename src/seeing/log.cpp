// SPDX-License-Identifier: MIT
#include "seeing/log.hpp"

#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "actors/ticks.hpp"
#include "runtime/failure.hpp"

#include <pthread.h>
#include <algorithm>
#include <chrono>

namespace troupe::detail {

namespace {
std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

log::log() : began_ticks_(ticks()), began_(now()) {}

// ---- what is written ----------------------------------------------------------------------------

void log::saw(moment what, const task& t, std::int64_t number) noexcept {
  switch (what) {
    case moment::submit: {
      seat& s = seat::mine();
      const kin* up = t.family().up();
      const std::uint64_t at = ticks();
      std::uint32_t name = 0;
      {
        lane_of& l = lanes_[s.number];
        const hold_lane guard{l, s};
        name = name_of(l, t);
      }
      const std::uint64_t parent =
          up && s.running && up == &s.running->family() ? s.running->number() : 0;
      add(s, {static_cast<std::int64_t>(at), t.number(), parent, name, 0, log_event::submit});
      add(s,
          {static_cast<std::int64_t>(at), t.number(), address_of(*t.out()), 0, 0, log_event::out});
      if (auto parts = t.type().parts ? t.parts() : nullptr)
        for (std::size_t i = 0; i < t.type().parts->count; ++i)
          add(s, {static_cast<std::int64_t>(at), t.number(), address_of(*parts[i]), 0, 0,
                  log_event::out});
      break;
    }
    case moment::begin: return add(log_event::begin, t, static_cast<std::uint64_t>(number));
    case moment::park: return add(log_event::park, t);
    case moment::resume: return add(log_event::resume, t);
    case moment::sleep: return add(log_event::sleep, t, static_cast<std::uint64_t>(number));
    case moment::retry: return add(log_event::retry, t);
    case moment::settle:
      return add(log_event::settle, t, 0, static_cast<std::uint32_t>(number + 1));
    case moment::end: return add(log_event::end, t);
    case moment::asks: return add(log_event::asks, t);
    case moment::queued: return add(log_event::queued, t);
    case moment::gives: return add(log_event::gives, t);
    case moment::away: return add(log_event::away, t);
  }
}

void log::saw_put(const object& o) noexcept {
  if (o.maker || o.is_elsewhere()) return;  // a part of a tuple; what a task of another node makes
  seat& s = seat::mine();
  add(s, {static_cast<std::int64_t>(ticks()), s.running ? s.running->number() : 0, address_of(o), 0,
          0, log_event::put});
}
void log::saw_input(const task& t, const object& o) noexcept {
  add(log_event::input, t, address_of(o));
}
void log::saw_wait(const task* t, const object& o) noexcept {
  add(seat::mine(), {static_cast<std::int64_t>(ticks()), t ? t->number() : 0, address_of(o), 0, 0,
                     log_event::awaits});
}

void log::saw_failure(const task& t, const failure& why) noexcept {
  constexpr std::size_t most = 1000;
  try {
    std::lock_guard guard{mutex_};
    if (failures_.size() < most) failures_.push_back({t.number(), why.story()});
  } catch (const std::bad_alloc&) {}
}

void log::add(log_event::kind is, const task& t, std::uint64_t other,
              std::uint32_t number) noexcept {
  add(seat::mine(), {static_cast<std::int64_t>(ticks()), t.number(), other, number, 0, is});
}

log::hold_lane::hold_lane(lane_of& l, const seat& s)
    : of(s.number == most_lanes - 1 ? &l : nullptr) {
  if (of)
    while (of->busy.exchange(true, std::memory_order_acquire)) pause();
}

void log::add(const seat& s, log_event e) noexcept {
  lane_of& l = lanes_[s.number];
  const hold_lane guard{l, s};
  std::size_t size = l.open ? l.open->size.load(std::memory_order_relaxed) : 0;
  if (!l.open || size == event_store::events_of_a_chunk) [[unlikely]] {
    full(l, s);
    if (!l.open) return;  // no memory: it is counted
    size = 0;
  }
  e.lane = s.number;
  l.open->events[size] = e;
  l.open->size.store(size + 1, std::memory_order_release);
}

void log::full(lane_of& l, const seat& s) noexcept {
  std::lock_guard guard{mutex_};
  try {
    if (l.name.empty()) {
      char text[32] = {};
      ::pthread_getname_np(::pthread_self(), text, sizeof text);
      l.name = s.worker ? "worker " + std::to_string(++workers_)
               : s.number == most_lanes - 1
                   ? std::string("other threads")
                   : std::string(text) + " (thread " + std::to_string(s.number) + ")";
    }
    if (l.open) full_.add(static_cast<std::uint16_t>(s.number), l.open);
    l.open = full_.empty_chunk();
  } catch (const std::bad_alloc&) {
    if (l.open) l.open->size.store(0);
    full_.lose(event_store::events_of_a_chunk);
  }
}

// A function's name is one text for ever.
std::uint32_t log::name_of(lane_of& l, const task& t) {
  try {
    const std::string_view name = t.name_of_task();
    if (!t.has_own_name()) {
      const auto [at, fresh] = l.names.try_emplace(name.data(), 0);
      if (fresh) at->second = number_of(name);
      return at->second;
    }
    const auto [at, fresh] = l.own_names.try_emplace(std::string(name), 0);
    if (fresh) at->second = number_of(name);
    return at->second;
  } catch (const std::bad_alloc&) { return 0; }
}

std::uint32_t log::number_of(std::string_view name) {
  std::lock_guard guard{mutex_};
  const auto [at, fresh] =
      numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
  if (fresh) names_.push_back(at->first);
  return at->second;
}

// ---- what is read -------------------------------------------------------------------------------

void log::saw_node(log_event::kind is, std::uint64_t task, std::uint64_t other,
                   std::string_view node) noexcept {
  std::uint32_t number = 0;
  try {
    if (!node.empty()) number = number_of(node);
  } catch (const std::bad_alloc&) { return; }
  add(seat::mine(), {static_cast<std::int64_t>(ticks()), task, other, number, 0, is});
}

log::parts log::copy(std::size_t first, std::size_t most) {
  parts p;
  const auto add = [&p](std::uint16_t lane, const log_event* events, std::size_t size) {
    const auto bytes = reinterpret_cast<const char*>(events);
    p.all.push_back({lane, {bytes, bytes + size * sizeof(log_event)}});
  };
  std::unique_ptr<event_store::chunk> copied;
  std::lock_guard guard{mutex_};
  std::size_t size = 0;
  for (p.next = first; p.next < full_.chunks() && p.all.size() < most; ++p.next)
    if (const log_event* events = full_.read(p.next, copied, size))
      add(full_.lane_of(p.next), events, size);
  if (p.next < full_.chunks() || p.all.size() == most) return p;
  for (std::size_t i = 0; i < most_lanes; ++i)
    if (const auto& open = lanes_[i].open)
      add(static_cast<std::uint16_t>(i), open->events.data(),
          open->size.load(std::memory_order_acquire));
  p.last = true;
  return p;
}

recording log::about() {
  recording r;
  std::lock_guard guard{mutex_};
  r.times = {began_ticks_, ticks(), began_, now()};
  r.names = names_;
  r.failures = failures_;
  for (auto& l : lanes_) r.lanes.push_back(l.name);
  return r;
}

void log::clear() {
  std::lock_guard guard{mutex_};
  full_.clear();
  failures_.clear();
}

void log::add_other(recording&& r, const std::string& own_id) {
  std::lock_guard guard{mutex_};
  own_ids_.push_back(own_id);
  others_.push_back(std::move(r));
}

recording log::take() {
  recording r = about();
  r.ids = std::move(own_ids_);
  for (std::size_t i = 0; i < most_lanes; ++i)
    if (auto& open = lanes_[i].open) full_.add(static_cast<std::uint16_t>(i), open);
  r.events = std::move(full_);
  return r;
}

std::vector<recording> log::take_others() { return std::move(others_); }

std::int64_t tick_times::ns(std::int64_t ticks) const {
  const double a_tick = static_cast<double>(ended - began) /
                        static_cast<double>(std::max<std::uint64_t>(1, ended_ticks - began_ticks));
  const std::int64_t since = ticks - static_cast<std::int64_t>(began_ticks);
  return began + static_cast<std::int64_t>(static_cast<double>(since) * a_tick);
}

}  // namespace troupe::detail
