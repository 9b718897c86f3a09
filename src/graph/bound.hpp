// SPDX-License-Identifier: MIT
// How many tasks may be unsettled at once, and how many bytes their arguments may have. Pure:
// events in, effects out. One bound belongs to one gate actor.
#pragma once
#include <cstddef>
#include <cstdint>

namespace troupe::detail {

// One submit at the bound.
//
//   idle --enter--> admitted              there is room, and nobody waits before it
//          `------> waiting --left--> admitted
//          |           |`----unstick--^
//          |           `--close, withdraw--> refused
//          `------> refused               it only tries, or all is over
struct entry {
  enum class state : std::uint8_t { idle, waiting, admitted, refused };
  std::size_t bytes = 0;
  bool of_task = false;     // a task submits: it may be the one on which all others wait
  bool only_try = false;    // does not wait
  std::uint64_t party = 0;  // the runtime with whose end its wait is over
  entry* next = nullptr;    // in a chain of effects; while it waits: who came after it
  entry* before = nullptr;
  state is = state::idle;
};

class bound {
public:
  // 0: no bound on these.
  bound(std::size_t most_tasks, std::size_t most_bytes)
      : most_tasks_(most_tasks),
        most_bytes_(most_bytes) {}

  // True: it is to be answered now, admitted or refused; false: it waits.
  [[nodiscard]] bool enter(entry& e);
  // One that was admitted has settled (or never started). Gives a chain of those admitted now.
  [[nodiscard]] entry* left(std::size_t bytes);
  struct withdrawal {
    bool waited;  // it is to be answered now: refused; false: it has been answered
    entry* admitted;
  };
  [[nodiscard]] withdrawal withdraw(entry& e);
  // Nothing else can go on: the newest task's child is admitted beyond the bound; null: no task
  // waits. The newest: its child needs the least to be done, and what is beyond the bound stays as
  // small as a recursion is deep.
  [[nodiscard]] entry* unstick();
  // The end of another runtime: a chain of its tasks that wait here, refused.
  [[nodiscard]] entry* refuse(std::uint64_t party);
  // The end: a chain of all that wait, refused; every later one is refused at once.
  [[nodiscard]] entry* close();

  bool closed() const { return closed_; }
  std::size_t tasks() const { return tasks_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t peak() const { return peak_; }  // of tasks()
  std::size_t waiting() const { return waiting_; }
  std::size_t tasks_waiting() const { return tasks_waiting_; }
  template <class F> void each(F f) const {  // f(entry) for each that waits, in order
    for (auto e = first_; e; e = e->next) f(*e);
  }
  void check() const;  // O(waiting); throws std::logic_error

private:
  bool fits(const entry& e) const;
  void let_in(entry& e);
  void unlink(entry& e);
  entry* admit();

  const std::size_t most_tasks_, most_bytes_;
  std::size_t tasks_ = 0, bytes_ = 0, peak_ = 0;
  std::size_t waiting_ = 0, tasks_waiting_ = 0;
  entry *first_ = nullptr, *last_ = nullptr;
  bool closed_ = false;
};

}  // namespace troupe::detail
