// SPDX-License-Identifier: MIT
// A call of a stateful actor's method: a task whose body begins when its actor gives it its turn. And
// the task that makes an actor's instance.
//
//   start --join--> in line --inputs_ready--> --turn--> queued, as any task --> body --left_turn-->
//                      |
//                      `--asked to end, or refused--> settled; once its turn or the refusal has come
//                         as well, it ends
#include "actors/host.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <algorithm>

namespace troupe::detail {

namespace {
host_actor& host_of_turn(const actor_turn& t) { return *host_of(*t.of).actor; }

// A task, a user's CAF actor, or a program's thread.
std::uint64_t caller_of(const seat& s) {
  if (s.running) return s.running->id();
  if (s.acting) return ~reinterpret_cast<std::uintptr_t>(s.acting);
  return ~std::uint64_t{s.number};
}
}  // namespace

void inputs_ready_msg::keep() { holder = caf::strong_actor_ptr{t->who->ctrl()}; }

// Before it is submitted: what its caller's body must not wait for.
void task::note_behind(seat& s) {
  task* caller = s.running;
  if (!caller || caller->type_.role != task_role::method) return;
  const hosted* h = turn().of;
  actor_turn& c = caller->turn();
  if (c.of != h || h->reentrant || (c.shared && turn().shared)) return;
  if (!c.behind) c.behind = new std::vector<object*>;
  c.behind->push_back(out_);
  out_->retain();
}

void task::refuse_if_behind(const object* o) const {
  const auto& behind = *turn().behind;
  if (std::find(behind.begin(), behind.end(), o) == behind.end()) return;
  throw deadlock("'" + std::string(name_of_task()) + "' waits for a call of its own actor '" +
                 host_of(*turn().of).name +
                 "', which cannot begin before it ends: call the method directly, return the ref "
                 "instead of waiting for it, or make the actor reentrant");
}

void task::join(bool ready) {
  actor_turn& t = turn();
  t.who = this;
  const seat& s = seat::mine();
  t.caller = caller_of(s);
  t.ready = ready;
  if (ready) return ask_turn();
  t.joined = true;
  host_of_turn(t).tell(join_msg{&t});
}

// Its inputs are there. From the tell on it may have run, and be gone. again: it has had its turn, and
// leaves it with this.
void task::ask_turn(const left_turn_msg* again) {
  actor_turn& t = turn();
  host_actor& host = host_of_turn(t);
  const bool joined = std::exchange(t.joined, true) && !again;
  t.told_ready = true;
  if (!joined) t.ready = true;  // else it is the actor's, who hears of it
  begin_wait();
  // Either whoever asks it to end sees that it is in line, or this sees that it was asked.
  out_->claim.store(claim::in_line);
  if (const auto why = asked_to_end() ? family().asked_in_all() : kin::no;
      why != kin::no && out_->claim_it(claim::in_line)) {
    if (joined) host.tell(inputs_ready_msg{&t});
    else {  // and will not: no word will come
      t.joined = false;
      t.met.store(true);
      if (again) host.tell(left_turn_msg{.of = &t, .broke = again->broke});
    }
    return end_unbegun(why, false);
  }
  if (joined) host.tell(inputs_ready_msg{&t});
  else if (again) host.tell(left_turn_msg{.of = &t, .broke = again->broke, .again = &t});
  else host.tell(join_msg{&t});
}

// It broke its actor, and may have another try. (In one message: else the actor, made again or given
// up, might not wait for it.)
void task::ask_turn_again(const failure* failed) {
  if (auto w = domain_->observed_by()) [[unlikely]]
    w->saw(moment::retry, *this);
  const left_turn_msg left{.of = &turn(), .broke = take_break(turn(), failed)};
  failed->release();
  if (!std::exchange(keeps_place_, false))
    intrusive_ptr_add_ref(ctrl());  // for its next place in a queue
  stage_ = stage::pending;
  turn().has_turn = false;
  --turn().tries;
  ask_turn(&left);
}

void task::take_turn(const failure* refusal) {
  actor_turn& t = turn();
  if (refusal) {
    const caf::strong_actor_ptr hold{ctrl()};
    t.refusal.store(refusal);
    if (t.met.exchange(true)) return finish_call();
    (void)ask_to_end(kin::cancel);
    return;
  }
  seat& s = seat::mine();
  if (std::exchange(t.outside, false)) return schedule(s);
  t.has_turn = true;
  const bool goes_on = t.of->elsewhere ? leave_in_turn() : queue_in_turn(s);
  if (!goes_on && t.met.exchange(true)) finish_call();
}

// It has settled without having had its turn, and its call is destroyed.
void task::end_without_turn() {
  actor_turn& t = turn();
  if (!std::exchange(t.told_ready, true)) host_of_turn(t).tell(inputs_ready_msg{&t});
  if (t.met.exchange(true)) finish_call();
}

void task::finish_call() {
  actor_turn& t = turn();
  const failure* refusal = t.refusal.load();
  host_actor* host = t.joined ? &host_of_turn(t) : nullptr;  // else it may be gone
  if (refusal) refusal->release();
  finish();
  if (host) host->tell(left_turn_msg{.of = &t, .refused = refusal != nullptr});
}

// ---- while its body runs ------------------------------------------------------------------------

void task::let_others_in() {
  actor_turn& t = turn();
  t.outside = true;
  host_of_turn(t).tell(step_out_msg{&t});
}
void task::ask_turn_back() { host_of_turn(turn()).tell(step_in_msg{&turn()}); }

// Inside a catch block. True: it is to be tried again.
bool task::broke_its_actor() {
  if (type_.role != task_role::method) return false;
  actor_turn& t = turn();
  try {
    throw;
  } catch (const actor_broken&) { t.broke = true; } catch (...) {
  }
  return t.broke && t.tries > 0;
}

// Of several that run at a time the last one to end has seen what the others did. A snapshot that
// throws breaks its actor: what it was is not known any more.
void task::save_actor() {
  actor_turn& t = turn();
  host& h = host_of(*t.of);
  if (type_.role != task_role::method || !h.saves || t.only_reads || h.elsewhere) return;
  const auto number = h.changes.fetch_add(1) + 1;
  if (number % h.snapshot_every != 0) return;
  try {
    auto now = h.type->save(h.instance);
    std::lock_guard guard{h.saving};
    if (number < h.saved_at) return;
    h.saved_at = number;
    h.snapshot.swap(now);
  } catch (...) {
    t.broke = true;
    t.refusal.store(
        failure::of_exception(std::string(h.type->name) + "::snapshot", std::current_exception()));
  }
}

// Its body has ended, or could not begin.
void task::leave_turn(const failure* failed) {
  actor_turn& t = turn();
  host_actor& host = host_of_turn(t);
  if (type_.role == task_role::constructor) {
    if (failed) failed->retain();
    return host.tell(born_msg{failed});
  }
  host.tell(left_turn_msg{.of = &t, .broke = take_break(t, failed)});
}

// Why its actor is broken, with a reference; null: it is not.
const failure* task::take_break(actor_turn& t, const failure* failed) {
  if (t.behind) {
    for (object* o : *t.behind) o->drop();
    delete std::exchange(t.behind, nullptr);
  }
  const failure* broke = t.refusal.exchange(nullptr);
  if (t.broke && !broke && failed) {
    failed->retain();
    broke = failed;
  }
  t.broke = false;
  return broke;
}

}  // namespace troupe::detail
