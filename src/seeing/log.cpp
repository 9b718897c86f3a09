// SPDX-License-Identifier: MIT
#include "seeing/log.hpp"

#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "actors/ticks.hpp"
#include "runtime/failure.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <queue>

namespace troupe::detail {

namespace {
std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// Gone when it is closed. -1: the system gives none.
int nameless_file() {
  const char* where = std::getenv("TMPDIR");
  std::string name = std::string(where && *where ? where : "/tmp") + "/troupe-log-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd != -1) ::unlink(name.c_str());
  return fd;
}
// pwrite or pread, until all of it is done. False: it cannot be.
template <class Move, class Byte>
bool move_all(Move move, int fd, Byte* bytes, std::size_t size, std::int64_t offset) {
  while (size > 0) {
    const ssize_t n = move(fd, bytes, size, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    offset += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}
std::uint64_t address(const object& o) { return reinterpret_cast<std::uintptr_t>(&o); }
}  // namespace

log::log() : began_ticks_(ticks()), began_(now()) {}
log::~log() {
  if (file_ != -1) ::close(file_);
}

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
      add(s, {static_cast<std::int64_t>(at), t.number(), parent, name, event::submit, 0});
      add(s, {static_cast<std::int64_t>(at), t.number(), address(*t.out()), 0, event::out, 0});
      if (auto parts = t.type().parts ? t.parts() : nullptr)
        for (std::size_t i = 0; i < t.type().parts->count; ++i)
          add(s, {static_cast<std::int64_t>(at), t.number(), address(*parts[i]), 0, event::out, 0});
      break;
    }
    case moment::begin: return add(event::begin, t, static_cast<std::uint64_t>(number));
    case moment::park: return add(event::park, t);
    case moment::resume: return add(event::resume, t);
    case moment::sleep: return add(event::sleep, t, static_cast<std::uint64_t>(number));
    case moment::retry: return add(event::retry, t);
    case moment::settle: return add(event::settle, t, 0, static_cast<std::uint32_t>(number + 1));
    case moment::end: return add(event::end, t);
    case moment::asks: return add(event::asks, t);
    case moment::queued: return add(event::queued, t);
    case moment::gives: return add(event::gives, t);
    case moment::away: return add(event::away, t);
  }
}

void log::saw_put(const object& o) noexcept {
  if (o.maker) return;  // a part of a tuple
  seat& s = seat::mine();
  add(s, {static_cast<std::int64_t>(ticks()), s.running ? s.running->number() : 0, address(o), 0,
          event::put, 0});
}
void log::saw_input(const task& t, const object& o) noexcept { add(event::input, t, address(o)); }
void log::saw_wait(const task* t, const object& o) noexcept {
  add(seat::mine(),
      {static_cast<std::int64_t>(ticks()), t ? t->number() : 0, address(o), 0, event::awaits, 0});
}

void log::saw_failure(const task& t, const failure& why) noexcept {
  constexpr std::size_t most = 1000;
  try {
    std::lock_guard guard{mutex_};
    if (failures_.size() < most) failures_.push_back({t.number(), why.story()});
  } catch (const std::bad_alloc&) {}
}

void log::add(event::kind is, const task& t, std::uint64_t other, std::uint32_t number) noexcept {
  add(seat::mine(), {static_cast<std::int64_t>(ticks()), t.number(), other, number, is, 0});
}

log::hold_lane::hold_lane(lane_of& l, const seat& s)
    : of(s.number == most_lanes - 1 ? &l : nullptr) {
  if (of)
    while (of->busy.exchange(true, std::memory_order_acquire)) pause();
}

void log::add(const seat& s, event e) noexcept {
  lane_of& l = lanes_[s.number];
  const hold_lane guard{l, s};
  if (!l.open || l.open->size == events_of_a_chunk) [[unlikely]]
    full(l, s);
  if (!l.open) return;  // no memory: it is counted
  e.lane = static_cast<std::uint8_t>(s.number);
  l.open->events[l.open->size++] = e;
}

void log::full(lane_of& l, const seat& s) noexcept {
  const auto number = static_cast<std::uint8_t>(s.number);
  std::lock_guard guard{mutex_};
  try {
    if (l.name.empty()) {
      char text[32] = {};
      ::pthread_getname_np(::pthread_self(), text, sizeof text);
      l.name = s.worker ? "worker " + std::to_string(++workers_)
               : number == most_lanes - 1
                   ? std::string("other threads")
                   : std::string(text) + " (thread " + std::to_string(number) + ")";
    }
    if (l.open) {
      const std::size_t size = l.open->size;
      full_.push_back({number, size, std::move(l.open), 0});
      if (++in_memory_ > chunks_in_memory) spill();
    }
    if (spare_.empty()) l.open = std::make_unique<chunk>();
    else {
      l.open = std::move(spare_.back());
      spare_.pop_back();
    }
    l.open->size = 0;
  } catch (const std::bad_alloc&) {
    if (l.open) l.open->size = 0;
    lost_ += events_of_a_chunk;
  }
}

// The oldest in memory goes to the file.
void log::spill() {
  if (file_ == -1) file_ = nameless_file();
  for (; written_ < full_.size() && in_memory_ > chunks_in_memory; ++written_) {
    place& p = full_[written_];
    const std::size_t bytes = p.size * sizeof(event);
    if (file_ == -1 ||
        !move_all(::pwrite, file_, reinterpret_cast<const char*>(p.here->events.data()), bytes,
                  file_size_)) {
      lost_ += p.size;
      p.size = 0;
    } else {
      p.offset = file_size_;
      file_size_ += static_cast<std::int64_t>(bytes);
    }
    if (spare_.size() < 16) spare_.push_back(std::move(p.here));
    p.here.reset();
    --in_memory_;
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

std::uint64_t log::count() const {
  std::uint64_t n = 0;
  for (auto& p : full_) n += p.size;
  for (auto& l : lanes_)
    if (l.open) n += l.open->size;
  return n;
}

void log::each(const std::function<void(const event&)>& f) {
  if (ended_ == 0) {
    ended_ticks_ = ticks();
    ended_ = now();
  }
  const double a_tick =
      static_cast<double>(ended_ - began_) /
      static_cast<double>(std::max<std::uint64_t>(1, ended_ticks_ - began_ticks_));
  struct reader {
    std::vector<place*> chunks;
    std::size_t chunk_at = 0, at = 0;
    std::unique_ptr<chunk> copy = {};
    const event* events = nullptr;
    std::size_t size = 0;
  };
  std::vector<reader> readers(most_lanes);
  for (auto& p : full_) readers[p.lane].chunks.push_back(&p);
  // False: there are no more.
  const auto next_chunk = [&](std::size_t lane) {
    reader& r = readers[lane];
    for (r.at = r.size = 0; r.size == 0 && r.chunk_at < r.chunks.size(); ++r.chunk_at) {
      place& p = *r.chunks[r.chunk_at];
      r.size = p.size;
      if (p.here) r.events = p.here->events.data();
      else if (p.size > 0) {
        if (!r.copy) r.copy = std::make_unique<chunk>();
        if (!move_all(::pread, file_, reinterpret_cast<char*>(r.copy->events.data()),
                      p.size * sizeof(event), p.offset)) {
          lost_ += p.size;
          r.size = p.size = 0;
        }
        r.events = r.copy->events.data();
      }
    }
    if (r.size == 0 && r.chunk_at == r.chunks.size() && lanes_[lane].open) {
      ++r.chunk_at;
      r.events = lanes_[lane].open->events.data();
      r.size = lanes_[lane].open->size;
    }
    return r.size > 0;
  };
  struct head {
    std::int64_t at;
    std::size_t lane;
    bool operator>(const head& o) const { return at != o.at ? at > o.at : lane > o.lane; }
  };
  std::priority_queue<head, std::vector<head>, std::greater<>> heads;
  for (std::size_t i = 0; i < most_lanes; ++i)
    if (next_chunk(i)) heads.push({readers[i].events[0].at, i});
  while (!heads.empty()) {
    const std::size_t lane = heads.top().lane;
    heads.pop();
    reader& r = readers[lane];
    event e = r.events[r.at++];
    const auto since = e.at - static_cast<std::int64_t>(began_ticks_);
    e.at =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(static_cast<double>(since) * a_tick));
    f(e);
    if (r.at < r.size || next_chunk(lane)) heads.push({r.events[r.at].at, lane});
  }
}

}  // namespace troupe::detail
