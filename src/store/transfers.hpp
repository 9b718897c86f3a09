// SPDX-License-Identifier: MIT
// Big objects come in chunks, under a window for each peer. Pure: events in, effects out; the bytes
// lie elsewhere. Times are nanoseconds of the caller's clock.
#pragma once
#include "graph/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

struct chunk {
  node_id peer;  // who is asked, or answers
  global_id object;
  std::uint64_t number = 0;  // of the request: comes once
  std::uint64_t offset = 0, length = 0;
  friend bool operator==(const chunk&, const chunk&) = default;
};

struct chunk_limits {
  static constexpr std::uint64_t least = 16 << 10, most = 1 << 20;
  static constexpr std::uint64_t first_window = 4 * (256 << 10), most_window = 8 << 20;
};

// What a node pulls. An object has one transfer, whoever asks; its chunks come from one peer at a
// time, and what that peer did not send comes from the next one. The transfers of a peer take turns,
// a chunk each. A window shrinks when a chunk took more than 100 ms, and grows when one took less
// than half of that although the window was full.
class pulls {
public:
  using time = std::int64_t;
  struct end {
    global_id object;
    std::size_t waiters;
    bool lost;  // nobody is left who has it
    friend bool operator==(const end&, const end&) = default;
  };
  struct effects {
    bool take = false;  // the bytes that came belong to the object
    std::vector<chunk> requests;
    std::vector<end> ended;
  };

  [[nodiscard]] effects want(const global_id& object, std::uint64_t size,
                             const std::vector<node_id>& holders, time now);
  // One that waits does so no more; with the last the transfer is over, and nobody is told.
  [[nodiscard]] effects leave(const global_id& object, time now);
  // One that comes late or twice is not taken.
  [[nodiscard]] effects arrived(const chunk& c, time now);
  // The peer has not got it, or does not answer this.
  [[nodiscard]] effects refused(node_id peer, std::uint64_t number, time now);
  [[nodiscard]] effects gone(node_id peer, time now);

  std::size_t transfers() const { return transfers_.size(); }
  std::uint64_t window_of(node_id peer) const;
  std::uint64_t in_flight(node_id peer) const;
  std::size_t dropped() const { return dropped_; }
  void check() const;  // throws std::logic_error

private:
  struct transfer {
    std::uint64_t serial = 0, size = 0, received = 0;
    std::size_t waiters = 0;
    node_id peer;
    std::vector<node_id> others;                  // holders to turn to, the first first
    std::map<std::uint64_t, std::uint64_t> todo;  // not asked for: begin -> end
    bool in_turns = false;
  };
  struct asked {
    chunk what;
    std::uint64_t serial;
    time at;
    bool filled;  // no more would have fit
  };
  struct peer {
    std::uint64_t window = chunk_limits::first_window, in_flight = 0;
    std::uint64_t shrunk_after = 0;  // requests up to this one say nothing new
    std::map<std::uint64_t, asked> asked_for;
    std::deque<global_id> turns;
    std::uint64_t chunk_size() const;
  };

  void ask(node_id id, effects& out, time now);
  void begin_at_next(const global_id& object, effects& out, time now);
  void measure(peer& p, const asked& a, time now) const;
  void move_on(const global_id& object, effects& out, time now);
  void forget(const global_id& object);

  std::unordered_map<global_id, transfer> transfers_;
  std::map<node_id, peer> peers_;
  std::uint64_t numbers_ = 0, serials_ = 0;
  std::size_t dropped_ = 0;
};

// What a node sends: only what it holds, only what was asked for, and not more than a window at once.
class servings {
public:
  enum class verdict : std::uint8_t { send, again, unknown_object, bad_range, too_much };
  void hold(const global_id& object, std::uint64_t size) { sizes_[object] = size; }
  void drop(const global_id& object) { sizes_.erase(object); }
  // again: it was answered before, and is ignored; the last three are to be answered with a refusal.
  [[nodiscard]] verdict asked(const chunk& c);
  void sent(node_id peer, std::uint64_t length);
  void gone(node_id peer) { peers_.erase(peer); }
  std::uint64_t pending(node_id peer) const;
  std::size_t refusals() const { return refusals_; }
  void check() const;  // throws std::logic_error

private:
  struct peer {
    std::uint64_t last = 0, pending = 0;
  };
  std::unordered_map<global_id, std::uint64_t> sizes_;
  std::map<node_id, peer> peers_;
  std::size_t refusals_ = 0;
};

}  // namespace troupe::detail
