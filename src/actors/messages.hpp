// SPDX-License-Identifier: MIT
// The contract: every message between the actors of one process. Each is a CAF message of one of
// these structs.
//
//   task, client --await---> resolver --watch--> store      an input, or a value that is waited for
//   task ----------put-----> store -----sealed-> resolver --ready--> task, client
//   last ref ------drop----> store
//   task, client --withdraw> resolver --ready, ready--> task, client
//                   a wait that gives up is answered all the same, exactly once, and so is the
//                   withdraw: only then is nothing on its way any more
//   node ----elsewhere----> resolver --ready--> task       its value lies on another node: a task that can
//                   follow it there goes on; for others the resolver asks the node to fetch it
//   client, task --cancel--> store ----cancel--> task ---ready--> client, task
//                   what it was too late for, the store answers
//   task, client, wait_set --await--> resolver          a set waits for many, and tells its owner:
//   wait_set --ready--> task, client
//   task, client --sleep---> clock -----ready--> task, client
//   task --------sleep-----> clock ----cancel--> task      a deadline
//   task, client --wake----> clock -----ready, ready--> task, client      as withdraw
//   clock's thread --tick--> clock
//   a runtime's stop --no_tries--> clock
//   task --ask_resources--> admission --ready--> task     also withdraw_ask, as withdraw
//   task --give_back------> admission
//   task, client --enter--> gate ------ready--> task, client     only with a bound; also
//   withdraw_entry, as withdraw
//   task --left-----------> gate
//   task --join-----------> host ------turn--> task       a call of a stateful actor; in the end it is
//   task --left_turn------> host                          over. Also inputs_ready, step_out, step_in
//   task --born-----------> host                          its constructor has ended
//   node --lost_instance--> host                          it lived there
//   handle --no_handles, stop_host--> host
//   inspector --survey--> resolvers, stores, admission, clock, gate, streams, hosts --ready--> inspector
//   worker, clock, guest --idle--> gate --nudge--> store, resolver --idle--> gate
#pragma once
#include "actors/caf_compat.hpp"
#include "graph/bound.hpp"
#include "graph/resources.hpp"
#include "graph/task_graph.hpp"
#include "graph/timers.hpp"
#include "store/object_table.hpp"

#include <troupe/cancel.hpp>
#include <troupe/detail/object.hpp>
#include <troupe/explain.hpp>

#include <atomic>
#include <cstddef>

namespace caf {
class abstract_actor;
class actor;
}  // namespace caf

namespace troupe::detail {

struct actor_turn;
class failure;
struct survey_part;
class task;

// A task that is waited for runs in the place of its getter, on top of that one's stack: as long as it
// does. What runs is the one that waits in the next of these, or the last on the stack.
struct nested_run {
  task* waits;
  const nested_run* below;
};
// How a body waits: on its own stack, until what it waits for has been answered or withdrawn.
struct body_wait {
  call_site at;
  const nested_run* under = nullptr;  // the last one on its stack
  std::uint64_t began = 0;            // ticks
};

// A wait for an object: on the stack of a parked body, or in a task. `who` must live until it has
// been answered.
struct waiter : edge {
  std::atomic<bool> answered{false};  // a hint, for the waiter itself
  // No ref is held meanwhile: the resolver keeps the record, and acknowledges the await (with a
  // ready_msg of no wait). The object must live until then.
  bool unheld = false;
  bool of_body = false;  // it is a body_waiter
  caf::abstract_actor* who = nullptr;

  void wait_for(object& o, caf::abstract_actor& waiting, std::uint64_t whose) {
    what = &o;
    who = &waiting;
    party = whose;
  }
  object& awaited() const { return *static_cast<object*>(what); }
};
struct body_waiter : waiter {
  const body_wait* body = nullptr;
};
struct sleeper : timer {
  caf::abstract_actor* who = nullptr;
  // `back_off`: before another try. `limit`: of a wait, which it ends. `deadline`: of a task, which
  // it asks to end; wake answers once.
  enum kind : std::uint8_t { sleep, back_off, limit, deadline } is = sleep;
  std::int64_t since = 0;  // of a sleep and a back_off
};

struct resource_wait : resource_ask {
  caf::abstract_actor* who = nullptr;
  std::int64_t since = 0;  // of the runtime's clock, in ns
  bool may_leave = false;  // another node may run it
  bool leaves = false;     // with the answer: it is to go there instead
};
struct entrance : entry {
  caf::abstract_actor* who = nullptr;
  std::int64_t since = 0;  // likewise
};

// The object's outcome; its value (or what keeps it, if it lies elsewhere) is in its record.
struct put_msg {
  object* o;
  outcome how;
  // While the message waits in a mailbox: its task, to be kept alive, and to tell its monitors
  // then.
  caf::strong_actor_ptr maker = nullptr;
  void keep();
};
// Say when it is sealed.
struct watch_msg {
  object* o;
};
// Nobody refers to it any more.
struct drop_msg {
  object* o;
};
// Its task's handle into *into (nothing, if it has settled or was put); then `who` gets a
// ready_msg.
struct find_task_msg {
  object* o;
  caf::actor* into;
  caf::abstract_actor* who;
};
// The task that makes it is to end; what came of it goes into *into, then `who` gets a ready_msg
// (both may be null).
struct cancel_msg {
  object* o;  // null: the receiver's own
  bool past_deadline = false;
  bool in_ring = false;
  cancel_result* into = nullptr;
  caf::abstract_actor* who = nullptr;
};
struct await_msg {
  waiter* w;
};
// more: waiters are left from last time.
struct sealed_msg {
  object* o;
  bool more = false;
};
struct withdraw_msg {
  waiter* w;
};
// Its value is there, but on another node. The message holds the object's memory.
struct elsewhere_msg {
  object* o;
};
// The wait is over: its object is sealed, or it was withdrawn, or all ends; or (no wait) a question
// has been answered.
struct ready_msg {
  waiter* w;
  enum kind : std::uint8_t {
    plain,
    expired,   // and whatever else is waited for, go on
    elsewhere  // its object is not sealed: the value lies on another node
  } is = plain;
};
struct sleep_msg {
  sleeper* s;
};
struct wake_msg {
  sleeper* s;
};
// No more tries: whoever backs off is answered, now and from now on.
struct no_tries_msg {};
struct tick_msg {
  std::int64_t now;
};
// A runtime ends: answer all its waits, now and from now on.
struct close_msg {
  std::uint64_t party;
};

// Say when what it asks for is its own; or (not held) all ends.
struct ask_resources_msg {
  resource_wait* w;
};
// While the message waits in a mailbox it keeps its task.
struct give_back_msg {
  resource_wait* w;
  caf::strong_actor_ptr holder = nullptr;
  void keep();
};
// From the node: so many of those that wait, the first to come, are to go to other nodes, if they may and
// these have what they ask for.
struct send_asks_msg {
  std::size_t most;
  std::vector<bool> there;  // by the numbers of the names
};
struct withdraw_ask_msg {
  resource_wait* w;
};
// Say when it is admitted, or refused.
struct enter_msg {
  entrance* e;
};
struct withdraw_entry_msg {
  entrance* e;
};
// One that was admitted has settled, or never started.
struct left_msg {
  std::size_t bytes;
};
// Perhaps nothing can go on any more. sure: nothing can (deterministic). moment: looked at once
// already, and all was idle (gate.hpp); what has been sent before then has been handled now.
struct idle_msg {
  bool sure = false;
  std::uint64_t moment = 0;
};
// What you had to do may have been all there was: tell the gate.
struct nudge_msg {
  bool idle = true;
};

// ---- stateful actors (host.hpp)
// A call was made. It is answered by one turn_msg, or by one each time that it comes back in.
struct join_msg {
  actor_turn* t;
};
// The inputs of one that has joined are there. While the message waits in a mailbox it keeps its task.
struct inputs_ready_msg {
  actor_turn* t;
  caf::strong_actor_ptr holder = nullptr;
  void keep();
};
// The turn is the call's own; or (refusal, with a reference) it never will be.
struct turn_msg {
  const failure* refusal = nullptr;
};
// A call's body has ended; the actor is broken if it says why. again: the call is to be tried once
// more, so it has joined again.
struct left_turn_msg {
  const actor_turn* of;  // not to be followed
  const failure* broke = nullptr;
  actor_turn* again = nullptr;
  bool refused = false;  // it never had its turn
};
// It is parked, and others are let in; it asks for its turn to go on.
struct step_out_msg {
  actor_turn* t;
};
struct step_in_msg {
  actor_turn* t;
};
// The constructor's task has ended; why not: it threw.
struct born_msg {
  const failure* why_not = nullptr;
};
// The instance that was made again so often lives elsewhere: its node is gone, or wants to be rid of
// it (then it does not count as a break, if there are snapshots).
struct lost_instance_msg {
  const failure* why;
  std::uint32_t made = 0;
  bool counts = true;
};
struct no_handles_msg {};
// Whoever waits is refused, with this.
struct stop_host_msg {
  const failure* why;
};

// Who waits here, and for what: into *into; then `who` (null: nobody) gets a ready_msg of no wait.
struct survey_msg {
  survey_part* into;
  caf::abstract_actor* who;
};
// What a shard has counted, added to *into; then `who` gets a ready_msg (of no wait).
struct totals {
  object_table::counters store;
  task_graph::counters graph;
};
struct ask_msg {
  totals* into;
  caf::abstract_actor* who;
};
struct retire_msg {
  totals* into;
  caf::abstract_actor* who;
};  // the same, and from now on every reaped object is told to the domain

}  // namespace troupe::detail

TROUPE_LOCAL_MESSAGE(troupe::detail::put_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::watch_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::drop_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::find_task_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::cancel_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::await_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::sealed_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::withdraw_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::elsewhere_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::ready_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::sleep_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::wake_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::no_tries_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::tick_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::close_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::survey_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::ask_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::retire_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::ask_resources_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::give_back_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::withdraw_ask_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::send_asks_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::enter_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::withdraw_entry_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::left_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::join_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::inputs_ready_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::turn_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::left_turn_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::step_out_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::step_in_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::born_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::lost_instance_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::no_handles_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::stop_host_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::idle_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::nudge_msg)
