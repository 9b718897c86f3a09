// SPDX-License-Identifier: MIT
// The gate: holds the bound on unsettled tasks. Exists only in a runtime that has a bound.
//
// The bound must not stop a program that could go on: when nothing else in the runtime can, one
// task's child is let in beyond it. Whoever is the last to become idle says so (a worker about to
// sleep, a program's thread that has run a task, a thread of the side pool, the clock's); the gate
// then looks for itself, because the message may be stale: all workers asleep, nothing queued,
// nobody else runs a task, no message on its way, no timer. It looks twice, with a message to
// itself between, so that all that was sent to it before the first look has been handled.
#pragma once
#include "actors/admission.hpp"
#include "actors/seat.hpp"
#include "graph/bound.hpp"

#include <atomic>
#include <cstddef>

namespace troupe::detail {

class gate_core {
public:
  gate_core(domain& d, std::size_t most_tasks, std::size_t most_bytes)
      : domain_(d),
        bound_(most_tasks, most_bytes) {}
  void on(enter_msg& m);
  void on(left_msg& m);
  void on(withdraw_entry_msg& m);
  void on(idle_msg& m);
  void on(close_msg& m);
  void on(survey_msg& m);
  void on(retire_msg& m);

  last_answer rest() { return std::exchange(rest_, {}); }
  void restore(const last_answer& r) { rest_ = r; }
  static void finish(const last_answer& r) { last_answer::send(r); }
  bool closed() const { return retired_; }

  const bound& waiting() const { return bound_; }

  // For anyone.
  bool tasks_wait() const { return tasks_wait_.load(); }
  std::size_t peak() const { return peak_.load(std::memory_order_relaxed); }

private:
  void answer(entry* chain);
  void done();
  domain& domain_;
  bound bound_;
  last_answer rest_;
  bool retired_ = false;
  std::atomic<bool> tasks_wait_{false};
  std::atomic<std::size_t> peak_{0};
};

using gate_actor = inline_actor<gate_core, enter_msg, left_msg, withdraw_entry_msg, idle_msg,
                                close_msg, survey_msg, retire_msg>;

// The gate, and what it must know of the threads. Thread safety: any thread.
class gate final : job_hub::watcher {
public:
  gate(domain& d, std::size_t most_tasks, std::size_t most_bytes);
  gate_actor& actor() { return *actor_; }
  // Nobody calls any more when this returns. Precondition: the actor is retired.
  void stop();

  // A thread that is no worker begins to run tasks, and has run them.
  void enter_busy() {
    entries_.fetch_add(1);
    busy_.fetch_add(1);
  }
  void leave_busy() {
    busy_.fetch_sub(1);
    perhaps_idle();
  }
  void perhaps_idle() {
    if (actor_->core().tasks_wait()) actor_->tell(idle_msg{});
  }
  // The answer to so many nudges, from outside of the actor that got them.
  void nudged(unsigned n) {
    perhaps_idle();
    nudges_.fetch_sub(static_cast<int>(n));
  }
  // 0: something goes on. Else all is idle; the same number twice: nothing went on between.
  std::uint64_t idle_moment();

private:
  void worker_rests() noexcept override { perhaps_idle(); }
  bool messages_under_way();

  domain& domain_;
  caf::actor handle_;
  gate_actor* actor_;
  std::atomic<int> busy_{0}, nudges_{0};
  std::atomic<std::uint64_t> entries_{0};
};

}  // namespace troupe::detail
