// SPDX-License-Identifier: MIT
// One log of a run on many nodes: each logs what its tasks do while somebody wants to know, and is asked
// for it when that one leaves.
#include "node/node_core.hpp"
#include "runtime/domain.hpp"
#include "seeing/log.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t chunks_of_a_piece = 16;  // 1 MiB
constexpr auto longest_silence = std::chrono::seconds(10);
constexpr int looks_at_clock = 8;

static_assert(std::endian::native == std::endian::little, "events travel as they are in memory");

bool is_event(const log_event& e) { return e.is <= log_event::pulled; }

// Into chunks, those that can be events. Throws std::bad_alloc.
void add_events(event_store& to, const recorded_part& p) {
  std::unique_ptr<event_store::chunk> open;
  std::size_t n = 0;
  const auto close = [&] {
    if (n == 0) return;
    open->size.store(n);
    to.add(p.lane, open);
    n = 0;
  };
  for (std::size_t at = 0; at + sizeof(log_event) <= p.events.size(); at += sizeof(log_event)) {
    if (!open) open = to.empty_chunk();
    log_event e;
    std::memcpy(&e, p.events.data() + at, sizeof e);
    if (!is_event(e)) continue;
    e.lane = p.lane;
    open->events[n++] = e;
    if (n == event_store::events_of_a_chunk) close();
  }
  close();
}
}  // namespace

// Of another node, which is asked for its clock some times, and then for piece after piece.
struct node_core::log_collection {
  recording is = {};
  std::uint64_t question = 0;  // the last one
  int looks = 0;               // at its clock
  time asked = 0, ahead = 0, best = INT64_MAX;
  std::uint64_t next = 0;
  std::uint64_t bytes = 0;  // that are held there for it
  bool over = false, complete = false;
};

// ---- told ---------------------------------------------------------------------------------------

void node_core::on(node_id from, frames::log_wanted&& f) {
  if (f.is == frames::log_wanted::begin) {
    log_for_.insert(from);
    return domain_.keep_log(true);
  }
  if (f.is == frames::log_wanted::enough) return log_is_told(from);
  frames::log_told told{f.number, now(), 0, {}};
  frames::log_piece piece;
  if (auto log = domain_.logging(); log && f.is == frames::log_wanted::piece) {
    auto some = log->copy(f.first, chunks_of_a_piece);
    piece.parts = std::move(some.all);
    told.next = some.next;
    if ((piece.last = some.last)) {
      auto about = log->about();
      piece.times = about.times;
      piece.lanes = std::move(about.lanes);
      piece.names = std::move(about.names);
      piece.failures = std::move(about.failures);
    }
  }
  shared_objects::sink none{*objects_, from};
  try {
    told.what = pack(from, encode(piece), none);
  } catch (const error&) { return; }  // it is gone
  send(from, told);
  tell_logs();
}

void node_core::log_is_told(node_id peer) {
  if (log_for_.erase(peer) > 0 && log_for_.empty()) domain_.keep_log(false);
  tell_logs();
}

void node_core::lose_logs(node_id peer) {
  log_is_told(peer);
  if (const auto found = logs_.find(peer); found != logs_.end() && !found->second->complete) {
    if (!found->second->over) end_log(peer, false);
    logs_.erase(found);  // it may come again
  }
}

// To who waits for them.
void node_core::tell_logs() {
  const auto open = static_cast<std::size_t>(
      std::count_if(logs_.begin(), logs_.end(), [](const auto& one) { return !one.second->over; }));
  std::lock_guard guard{mutex_};
  logs_open_ = open + log_for_.size();
  ++logs_heard_;
  changed_.notify_all();
}

// ---- asked --------------------------------------------------------------------------------------

void node_core::on(node_id from, frames::log_ready&&) { start_log(from); }

void node_core::start_log(node_id peer) {
  if (!domain_.writes_log()) return send(peer, frames::log_wanted{frames::log_wanted::enough});
  const auto [at, fresh] = logs_.try_emplace(peer);
  if (!fresh) {
    if (at->second->over) send(peer, frames::log_wanted{frames::log_wanted::enough});
    return;
  }
  at->second = std::make_shared<log_collection>();
  at->second->is.ids = {to_text(peer)};
  at->second->is.name = links_.at(peer).facts.name;
  ask_for_log(peer, *at->second);
}

void node_core::ask_for_log(node_id peer, log_collection& c) {
  c.question = ++last_log_;
  c.asked = now();
  send(peer, frames::log_wanted{
                 c.looks < looks_at_clock ? frames::log_wanted::clock : frames::log_wanted::piece,
                 c.question, c.next});
  tell_logs();
}

bool node_core::is_log_of(node_id peer, const frames::payload& p) const {
  const auto found = logs_.find(peer);
  return found != logs_.end() && found->second->bytes == p.held;
}

void node_core::on(node_id from, frames::log_told&& f) {
  const time came = now();
  const auto found = logs_.find(from);
  if (found == logs_.end() || found->second->over || found->second->question != f.number) {
    if (f.what.held != 0) send(from, frames::let_go{f.what.held});
    return;
  }
  found->second->bytes = f.what.held;
  try {
    (void)unpack(from, f.what,
                 [this, from, came, number = f.number, then = f.now,
                  next = f.next](std::vector<char>* bytes) {
                   try {
                     if (!bytes) return take_log(from, number, then, came, next, nullptr);
                     auto piece = decode<frames::log_piece>(*bytes);
                     take_log(from, number, then, came, next, &piece);
                   } catch (const error&) { take_log(from, number, then, came, next, nullptr); }
                 });
  } catch (const error&) { end_log(from, false); }
}

// then, came: what its clock said, and this one's when that had come.
void node_core::take_log(node_id peer, std::uint64_t number, time then, time came,
                         std::uint64_t next, frames::log_piece* piece) {
  const auto found = logs_.find(peer);
  if (found == logs_.end() || found->second->over || found->second->question != number) return;
  log_collection& c = *found->second;
  if (!piece) return end_log(peer, false);
  if (c.looks++ < looks_at_clock) {
    // How far its clock is ahead: from the quickest answer. That is not known better than to half the
    // time that it took; so a clock that may be this one is.
    const time half = (came - c.asked) / 2;
    if (half < c.best) {
      c.best = half;
      c.ahead = then - (c.asked + half);
      if (std::abs(c.ahead) <= half) c.ahead = 0;
    }
    return ask_for_log(peer, c);
  }
  for (const auto& p : piece->parts) {
    if (p.lane >= seat::most) return end_log(peer, false);
    add_events(c.is.events, p);
  }
  if (!piece->last) {
    if (next <= c.next) return end_log(peer, false);
    c.next = next;
    return ask_for_log(peer, c);
  }
  c.is.times = piece->times;
  c.is.times.began -= c.ahead;
  c.is.times.ended -= c.ahead;
  c.is.lanes = std::move(piece->lanes);
  c.is.lanes.resize(seat::most);
  c.is.names = std::move(piece->names);
  c.is.failures = std::move(piece->failures);
  end_log(peer, true);
}

void node_core::end_log(node_id peer, bool complete) {
  log_collection& c = *logs_.at(peer);
  c.over = true;
  c.complete = complete;
  if (complete) domain_.logging()->add_other(std::move(c.is), to_text(id_));
  else
    std::fprintf(stderr,
                 "troupe: node '%s' has not told what it did: the trace, graph and report are "
                 "without that\n",
                 c.is.name.c_str());
  if (links_.contains(peer)) send(peer, frames::log_wanted{frames::log_wanted::enough});
  tell_logs();
}

// Others want this node's, or it wants theirs.
void node_core::settle_logs() {
  const auto any = ask([](node_core& n) {
    for (const auto peer : n.log_for_) n.send(peer, frames::log_ready{});
    if (n.domain_.writes_log())
      for (const auto& [peer, l] : n.links_) n.start_log(peer);
    n.tell_logs();
    return !n.log_for_.empty() || !n.logs_.empty();
  });
  if (!any || !*any) return;
  {
    std::unique_lock guard{mutex_};
    std::size_t heard = 0;
    do {
      heard = logs_heard_;
      changed_.wait_for(guard, longest_silence,
                        [&] { return logs_open_ == 0 || logs_heard_ != heard; });
    } while (logs_open_ > 0 && logs_heard_ != heard);
  }
  (void)ask([](node_core& n) {
    for (auto& [peer, c] : n.logs_)
      if (!c->over) n.end_log(peer, false);
    return true;
  });
}

}  // namespace troupe::detail
