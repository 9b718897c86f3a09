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
//   client, task --cancel--> store ----cancel--> task ---ready--> client, task
//                   what it was too late for, the store answers
//   task, client, wait_set --await--> resolver          a set waits for many, and tells its owner:
//   wait_set --ready--> task, client
//   task, client --sleep---> clock -----ready--> task, client
//   task --------sleep-----> clock ----cancel--> task      a deadline
//   task, client --wake----> clock -----ready, ready--> task, client      as withdraw
//   clock's thread --tick--> clock
#pragma once
#include "actors/caf_compat.hpp"
#include "graph/task_graph.hpp"
#include "graph/timers.hpp"
#include "store/object_table.hpp"

#include <troupe/cancel.hpp>
#include <troupe/detail/object.hpp>

#include <atomic>
#include <cstddef>

namespace caf {
class abstract_actor;
class actor;
}  // namespace caf

namespace troupe::detail {

// A wait for an object: on the stack of a parked body, or in a task. `who` must live until it has
// been answered.
struct waiter : edge {
  caf::abstract_actor* who = nullptr;
  std::atomic<bool> answered{false};  // a hint, for the waiter itself
  // No ref is held meanwhile: the resolver keeps the record, and acknowledges the await (with a
  // ready_msg of no wait). The object must live until then.
  bool unheld = false;

  void wait_for(object& o, caf::abstract_actor& waiting, std::uint64_t whose) {
    what = &o;
    who = &waiting;
    party = whose;
  }
  object& awaited() const { return *static_cast<object*>(what); }
};
struct sleeper : timer {
  caf::abstract_actor* who = nullptr;
  // `limit`: of a wait, which it ends. `deadline`: of a task, which it asks to end; wake answers
  // once.
  enum kind : std::uint8_t { sleep, limit, deadline } is = sleep;
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
// The wait is over: its object is sealed, or it was withdrawn, or all ends; or (no wait) a question
// has been answered. expired: and whatever else is waited for, go on.
struct ready_msg {
  waiter* w;
  bool expired = false;
};
struct sleep_msg {
  sleeper* s;
};
struct wake_msg {
  sleeper* s;
};
struct tick_msg {
  std::int64_t now;
};
// A runtime ends: answer all its waits, now and from now on.
struct close_msg {
  std::uint64_t party;
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
TROUPE_LOCAL_MESSAGE(troupe::detail::ready_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::sleep_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::wake_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::tick_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::close_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::ask_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::retire_msg)
