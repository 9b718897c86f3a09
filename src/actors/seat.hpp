// SPDX-License-Identifier: MIT
// What a thread knows of itself: where it queues jobs, which task runs on it, and its spare stacks.
#pragma once
#include "actors/caf_compat.hpp"
#include "actors/hub.hpp"
#include "actors/kin.hpp"
#include "actors/slab_pool.hpp"

#include <caf/actor_config.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace troupe::detail {

class task;
class strand;
struct host;
struct object;
using job_hub = hub<caf::resumable>;

struct seat {
  // Of the calling thread. A parked body may wake on another thread, so no caller keeps this across
  // a wait, and the compiler must not.
  [[gnu::noinline]] static seat& mine();
  // The same for a signal's handler; null: this thread has none yet.
  [[gnu::noinline]] static const seat* peek();

  // The calling thread has nothing to do for a while: what it has spare goes to the others, and what
  // nobody uses to the system. False: there was nothing.
  static bool tidy();

  caf::execution_unit* unit_of(const caf::actor_system& sys) const {
    return unit && &unit->system() == &sys ? unit : nullptr;
  }

  caf::execution_unit* unit = nullptr;  // of a worker or a guest; null: a thread that only sends
  job_hub* home = nullptr;              // with `unit`
  job_hub::lane* lane = nullptr;        // likewise
  bool worker =
      false;  // runs whatever the hub has; else (a guest, a side thread) one task at a time
  bool visiting = false;  // drives one task and nothing else
  task* running = nullptr;
  const caf::resumable* acting = nullptr;  // of a worker: the last that was no task
  task* next = nullptr;     // made ready by the task that ended last: runs next, on the same strand
  task* handed = nullptr;   // found by a strand that cannot run it on its own stack
  task* parking = nullptr;  // has registered its waits and now leaves its stack
  strand* on = nullptr;
  object** burying = nullptr;  // dead objects whose values are being destroyed on this stack: more
                               // go onto the list
  std::vector<host*>* ending = nullptr;  // actors whose objects are being destroyed on this stack
  std::vector<strand*> spare;
  gone_children gone;
  block_cache blocks;
  // The exceptions that this thread handles and throws: where __cxa_get_globals() has them.
  std::array<void*, 2>* const caught;
  // A body may park or run another one inside a catch block: gives the exceptions that this thread
  // handles and throws, and installs others.
  std::array<void*, 2> swap_exceptions(std::array<void*, 2> other) {
    return std::exchange(*caught, other);
  }
  std::uint64_t ids = 0, ids_end = 0;  // fresh actor ids
  unsigned number;                     // of this thread among those alive
  caf::actor_config blank;             // what a task actor is made from

  // So many threads have counters of their own; all others share the last ones.
  static constexpr unsigned most = 128;

private:
  seat();
  static seat* sit_down();
  void clear_up();
  void leave();  // the thread ends
};

std::uint64_t fresh_actor_id(seat& s);

}  // namespace troupe::detail
