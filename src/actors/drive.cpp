// SPDX-License-Identifier: MIT
// How tasks get onto stacks, run one after another, and leave them.
#include "actors/overflow.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"

#include <array>
#include <utility>

namespace troupe::detail {

void task::park() {
  if (lets_others_in()) [[unlikely]]
    let_others_in();
  seat& s = seat::mine();
  strand* me = parked_on_ = s.on;
  me->check();
  caf::intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  s.parking = this;
  s.running = nullptr;
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::park, *this);
  const auto caught = s.swap_exceptions({});
  me->leave();
  seat& now = seat::mine();
  now.swap_exceptions(caught);
  now.running = this;
  parked_on_ = nullptr;
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::resume, *this);
}

caf::resumable::resume_result task::resume(caf::execution_unit*, std::size_t) {
  drive(this);
  return done;
}

void resume_task(task* t) {
  drive(t);
  t->release();
}

void drive(task* first, bool ours) {
  report_overflows();
  seat& s = seat::mine();  // this runs on a thread's own stack, and stays on it
  bool is_first = true;    // the same task may come again, by another of its places
  for (task* t = first; t; t = std::exchange(s.handed, nullptr), is_first = false) {
    strand* on = t->take_woken();
    const bool own = on == task::own_step();
    if (own) on = nullptr;
    if (!own || t->go_on()) {
      task* begin = nullptr;
      if (!on && (own || (ours && is_first) || t->claim_it())) {
        begin = t;
        on = nullptr;
        try {
          t->inside().may_fail(weak_point::stack);
          on = strand::take(t->stack_need());
        } catch (...) { t->settle_unstarted(std::current_exception()); }
      }
      if (on) {
        s.on = on;
        if (begin) on->enter(begin);
        else on->enter();
        if (task* p = std::exchange(s.parking, nullptr))
          p->left_stack();  // only now it is off its stack
        else strand::give_back(on);
        s.on = nullptr;
      }
    }
    if (!is_first) t->release();
    if (task* n = std::exchange(s.next, nullptr)) s.unit->exec_later(n);  // made ready by `parking`
  }
}

task* another_on(strand& on) {
  seat& s = seat::mine();
  for (;;) {
    if (!s.worker || s.visiting) return nullptr;
    caf::resumable* job = std::exchange(s.next, nullptr);
    if (job && ++s.lane->turns % 64 == 63 && !s.home->alone(*s.lane)) {
      s.unit->exec_later(job);  // a chain, too, lets others have a turn
      job = nullptr;
    }
    if (!job && !(job = s.home->next(*s.lane))) return nullptr;
    if (!is_task(*job)) {
      s.lane->urgent = job;
      return nullptr;
    }
    auto t = static_cast<task*>(job);
    if (t->is_woken() || t->stack_need() > on.promised() || t->is_private()) {
      s.handed = t;
      return nullptr;
    }
    if (t->claim_it()) {
      t->keep_place();
      return t;
    }
    t->release();  // somebody who needed its value has run it
  }
}

}  // namespace troupe::detail
