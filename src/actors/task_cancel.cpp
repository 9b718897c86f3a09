// SPDX-License-Identifier: MIT
// How a task is asked to end, and what its body meets then.
#include "actors/seat.hpp"
#include "actors/stream.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "seeing/inspector.hpp"

#include <memory>
#include <string>

namespace troupe::detail {

cancel_result task::ask_to_end(kin::asked why) {
  if (family().settled.load()) return cancel_result::already_settled;
  const bool first = family().ask(why) || why == kin::ring;  // whose members are marked before
  claim found = out_->claim.load();
  if (found == claim::waiting && first && arrivals.force()) {
    end_unbegun(why, false);
    return cancel_result::before_start;
  }
  if (found == claim::in_line) {
    if (out_->claim_it(claim::in_line)) {
      end_unbegun(why, false);
      return cancel_result::before_start;
    }
    found = out_->claim.load();  // it has its turn
  }
  if ((found == claim::queued || found == claim::reserved) && claim_it()) {
    end_unbegun(why, true);
    return cancel_result::before_start;
  }
  if (found == claim::waiting)
    return cancel_result::before_start;  // about to be queued: then it finds itself asked
  if (why != kin::ancestor && first) domain_->want_sweep();
  if (arrivals.force()) schedule();
  return cancel_result::requested;
}

const failure* task::early_end(kin::asked why) const {
  const std::string name{name_of_task()}, task = "task '" + name + "' ";
  if (type_.role == task_role::method && turn().refusal)
    return failure::through(*turn().refusal, name);
  if (why == kin::ring) {
    const std::string story = domain_->inspector().story_of(*this);
    domain_->inspector().forget(*this);
    return failure::make(failure::kind::deadlock, name, story);
  }
  if (why == kin::deadline)
    return failure::make(
        failure::kind::deadline_exceeded, name,
        task + "had not settled by its deadline of " + in_words(extras_->options.deadline));
  return failure::make(
      failure::kind::cancelled, name,
      task + (why == kin::ancestor ? "was cancelled: a task that it descends from was to end"
                                   : "was cancelled"));
}

bool task::domain_closing() const { return domain_->closing(); }
void task::enter_roster() { domain_->waiting().enter(family(), seat::mine().number); }
void task::leave_roster() { domain_->waiting().leave(family()); }

bool task::looks_up() const {
  return domain_->closing() || asked_to_end() ||
         (extras_ && extras_->feeds && extras_->feeds->left.load(std::memory_order_acquire));
}

void task::refuse_as_asked() const {
  if (domain_->closing()) throw cancelled("a wait was cancelled: the runtime ends");
  const auto why = family().asked_in_all();
  if (why == kin::ring) throw deadlock(domain_->inspector().story_of(*this));
  if (why == kin::no)
    throw cancelled("task '" + std::string(name_of_task()) +
                    "' is to end: nobody reads its stream any more");
  throw cancelled("task '" + std::string(name_of_task()) +
                  (why == kin::deadline   ? "' is past its deadline"
                   : why == kin::ancestor ? "' is to end: a task that it descends from is"
                                          : "' was cancelled"));
}

std::stop_token task::stop_token() {
  task_extras& x = extras();
  if (!x.stop) {
    x.stop = std::make_unique<std::stop_source>();
    domain_->add_token(*this);
  }
  if (asked_to_end() || domain_->closing()) x.stop->request_stop();
  return x.stop->get_token();
}

}  // namespace troupe::detail
