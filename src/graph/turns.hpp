// SPDX-License-Identifier: MIT
// Which call of a stateful actor is next. Pure: events in, effects out. One belongs to one actor.
#pragma once
#include <troupe/detail/core.hpp>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

// The calls of one caller that wait, in the order made.
struct caller_line {
  turn *first = nullptr, *last = nullptr;
  caller_line* next = nullptr;  // in the rotation
  std::uint64_t caller = 0;
  bool in_rotation = false;  // its first is ready
};

// A caller's line whose first call has its inputs stands in the rotation; those in it take turns, a
// call each, so that who calls much holds up nobody who calls little. The first of the rotation
// waits for what it may not run beside, and nobody overtakes it. An event costs O(1) but for what it
// lets begin.
class turns {
public:
  // So many shared calls may be held at a time; one that is not shared is held alone.
  explicit turns(unsigned most_shared) : most_(most_shared) {}

  // Each gives a chain (by `next`, in their order) of those who hold their turn now, to be told.
  [[nodiscard]] turn* join(turn& t);
  // It has held its turn before, and comes before what its caller called later.
  [[nodiscard]] turn* rejoin(turn& t);
  // Its inputs are there. Precondition: it waits.
  [[nodiscard]] turn* ready(turn& t);
  // One that held its turn has ended.
  [[nodiscard]] turn* end();
  // While it is parked others may have their turn.
  [[nodiscard]] turn* step_out(turn& t);
  [[nodiscard]] turn* step_in(turn& t);
  // Nobody begins while it is shut (as it is at first); those who have begun come back in.
  void shut() { open_ = false; }
  [[nodiscard]] turn* open();
  // A chain of all who wait: they are idle from now on.
  [[nodiscard]] turn* refuse_all();

  // Calls that have begun and not ended.
  std::size_t begun() const { return held_ + outside_; }
  std::size_t waiting() const { return waiting_; }
  bool is_open() const { return open_; }
  void check() const;  // throws std::logic_error
  // f(turn) for each that waits, or returns.
  template <class F> void each_waiting(F f) const {
    for (auto& [caller, l] : lines_)
      for (const turn* t = l.first; t; t = t->next) f(*t);
    for (const turn* t = returning_.first; t; t = t->next) f(*t);
  }

  // f(turn, before) for each that waits or returns: `before` (null: nobody) is next before it does,
  // and so is, if that is not the reason, whoever holds a turn that it may not hold beside.
  template <class F> void each_in_line(F f) const {
    for (auto& [caller, l] : lines_)
      for (const turn *t = l.first, *before = nullptr; t; before = t, t = t->next)
        f(*t, before ? before : returning_.first);
    const turn* before = nullptr;
    for (const caller_line* l = first_; l; l = l->next) {
      if (before) f(*l->first, before);
      before = l->first;
    }
    before = nullptr;
    for (const turn* t = returning_.first; t; before = t, t = t->next) f(*t, before);
  }
  // Whether it cannot hold its turn beside any of those who hold theirs.
  bool is_kept_out(const turn& t) const { return held_ > 0 && (!t.shared || exclusive_); }

private:
  struct chain {
    turn *first = nullptr, *last = nullptr;
    void add(turn& t) {
      t.next = nullptr;
      (last ? last->next : first) = &t;
      last = &t;
    }
    turn& pop() {
      turn& t = *first;
      first = t.next;
      if (!first) last = nullptr;
      return t;
    }
  };
  using lines = std::unordered_map<std::uint64_t, caller_line>;
  bool may_hold(const turn& t) const {
    return held_ == 0 || (t.shared && !exclusive_ && held_ < most_);
  }
  void hold(turn& t) {
    t.is = turn::state::held;
    exclusive_ = !t.shared;
    ++held_;
  }
  caller_line& line_of(std::uint64_t caller);
  void close(caller_line& l);
  void rotate_in(caller_line& l);
  turn* admit();

  const unsigned most_;
  bool open_ = false, exclusive_ = false;
  std::uint64_t joined_ = 0;
  std::size_t held_ = 0, outside_ = 0, waiting_ = 0;  // outside_: and those who return
  caller_line *first_ = nullptr, *last_ = nullptr;    // the rotation
  caller_line* recent_ = nullptr;                     // the line that was looked up last
  chain returning_;
  lines lines_;                          // those with calls that wait
  std::vector<lines::node_type> spare_;  // for lines to come
};

}  // namespace troupe::detail
