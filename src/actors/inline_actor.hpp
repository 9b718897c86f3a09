// SPDX-License-Identifier: MIT
// An actor that runs where it is called when it is idle. To CAF it is an actor like any other
// (handle, mailbox_element, monitors).
//
// One word is its state: idle, or running with what others have queued meanwhile. A sender that
// swaps idle for running handles its message at once, on its own stack; one that finds the actor
// running leaves a copy in the mailbox, and the runner handles it. So the core (plain data) is only
// ever touched by one thread at a time, and messages of one sender keep their order. After
// `patience` messages of others the runner hands the actor to the scheduler, so that no sender is
// held for ever.
//
// Under a deterministic scheduler nothing runs where it is called: each message waits in the
// mailbox for a turn of its own.
#pragma once
#include "actors/caf_compat.hpp"
#include "actors/seat.hpp"

#include <atomic>
#include <cstddef>

namespace troupe::detail {

// Core: void on(M&) for each message M. Handlers never throw, park or run user code; what must
// happen after the release they leave in `rest()` (taken out while running; restore() puts it
// back), and the static finish(rest) does it.
template <class Core, class... Messages> class inline_actor final : public caf::monitorable_actor,
                                                                    public caf::resumable {
public:
  template <class... As> explicit inline_actor(caf::actor_config& cfg, bool at_once, As&&... as)
      : monitorable_actor(cfg),
        core_(std::forward<As>(as)...),
        at_once_(at_once) {}

  static inline_actor* make(caf::actor_system& sys, caf::actor& handle, bool at_once,
                            auto&&... as) {
    caf::actor_config cfg;
    handle = caf::make_actor<inline_actor, caf::actor>(sys.next_actor_id(), sys.node(), &sys, cfg,
                                                       at_once, std::forward<decltype(as)>(as)...);
    return static_cast<inline_actor*>(caf::actor_cast<caf::abstract_actor*>(handle));
  }

  // From within the process: the message lies on the caller's stack if the actor is idle.
  template <class M> void tell(M m) noexcept {
    element* old = inbox_.load(std::memory_order_relaxed);
    if (at_once() && old == idle() &&
        inbox_.compare_exchange_strong(old, nullptr, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
      stack_letter<M> on_stack{std::move(m)};
      core_.on((*on_stack).get());  // its sender need not ask for its type
      release();
    } else {
      if constexpr (requires { m.keep(); }) m.keep();
      push(letter<M>::keep(std::move(m)));
    }
  }
  // From anywhere. What a core intercepts is handled by its sender, at any time.
  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override {
    if constexpr (requires { core_.intercept(*m); })
      if (core_.intercept(*m)) return;
    push(m.release());
  }

  resume_result resume(caf::execution_unit*, std::size_t) override {
    if (at_once()) return drain(patience) ? awaiting_message : resume_later;
    // one message a turn
    const bool more = !drain(1);
    return more ? resume_later : awaiting_message;
  }
  void intrusive_ptr_add_ref_impl() override { caf::intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { caf::intrusive_ptr_release(ctrl()); }

  // Under a deterministic scheduler, while nothing is runnable.
  template <class M> void handle_at_rest(M m) { core_.on(m); }

  // Nobody runs it and nothing waits for it: what was handled before has had its effects.
  bool is_idle() const { return inbox_.load(std::memory_order_acquire) == idle(); }

  // To look at, for tests, while nothing runs.
  const Core& core() const { return core_; }
  bool at_rest() const { return inbox_.load(std::memory_order_relaxed) == idle(); }

private:
  using element = caf::mailbox_element;
  static constexpr int patience = 64;
  // After the end there is no scheduler any more, whatever it was.
  bool at_once() const { return at_once_ || core_.closed(); }
  static element* idle() { return reinterpret_cast<element*>(1); }

  [[gnu::noinline]] void push(element* e) {
    element* old = inbox_.load(std::memory_order_relaxed);
    for (;;)
      if (old == idle()) {
        if (!inbox_.compare_exchange_weak(old, nullptr, std::memory_order_acquire,
                                          std::memory_order_relaxed))
          continue;
        if (!at_once()) {
          e->next = nullptr;
          backlog_ = e;
          return schedule();
        }
        handle_and_delete(e);
        return release();
      } else {
        e->next = old;
        if (inbox_.compare_exchange_weak(old, e, std::memory_order_release,
                                         std::memory_order_relaxed))
          return;
      }
  }
  void release() {
    if (!leave()) [[unlikely]]
      if (!drain(patience)) schedule();
  }
  // False: messages have come, and it still runs.
  [[gnu::always_inline]] bool leave() {
    auto rest = core_.rest();
    element* none = nullptr;
    if (!inbox_.compare_exchange_strong(none, idle(), std::memory_order_release,
                                        std::memory_order_relaxed)) {
      core_.restore(std::move(rest));
      return false;
    }
    Core::finish(std::move(rest));
    return true;
  }
  void schedule() {
    caf::intrusive_ptr_add_ref(ctrl());
    if (auto unit = seat::mine().unit_of(home_system())) unit->exec_later(this);
    else home_system().scheduler().enqueue(this);
  }
  // True: the mailbox is empty and the actor idle. False: it still runs, somebody must go on.
  [[gnu::noinline]] bool drain(int most) {
    for (int n = 0;;) {
      while (backlog_) {
        if (n++ == most && !core_.closed()) return false;
        element* e = backlog_;
        backlog_ = static_cast<element*>(e->next);
        handle_and_delete(e);
      }
      if (leave()) return true;
      for (element* e = inbox_.exchange(nullptr, std::memory_order_acquire); e;) {
        auto next = static_cast<element*>(e->next);
        e->next = backlog_;
        backlog_ = e;
        e = next;
      }
    }
  }
  void handle_and_delete(element* e) {
    caf::mailbox_element_ptr guard{e};
    handle(*e);
  }
  void handle(element& e) noexcept {
    if ((try_letter<Messages>(e) || ...) || (try_foreign<Messages>(e) || ...)) return;
    if (handle_system_message(e, nullptr, true) || !e.mid.is_request()) return;
    caf::mailbox_element_ptr request{&e};
    bounce(request);
    (void)request.release();
  }
  template <class M> bool try_letter(element& e) {
    if (M* m = content_of<M>(e)) return core_.on(*m), true;
    return false;
  }
  template <class M> bool try_foreign(element& e) {
    if (M* m = foreign_content_of<M>(e)) return core_.on(*m), true;
    return false;
  }

  // What a message writes is in one cache line, if the core's first 48 bytes are all that it writes.
  alignas(64) std::atomic<element*> inbox_{idle()};
  element* backlog_ = nullptr;  // taken from the inbox, oldest first; this and all below belong to
                                // whoever runs the actor
  Core core_;
  const bool at_once_;
};

}  // namespace troupe::detail
