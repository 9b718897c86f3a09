// SPDX-License-Identifier: MIT
// For programs that live on CAF: Troupe inside an actor system of their own, and its actors as CAF
// actors. The only header of Troupe that includes CAF.
#pragma once
#include <troupe/runtime.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace troupe {

// Makes actor systems that are made from this config run on Troupe's scheduler, with so many
// workers (0: one per core). To be called before the system is made. For tests, instead of this:
// config.set("scheduler.policy", caf::atom("testing")); everything then runs on CAF's deterministic
// scheduler, a message or a task a step, and a get of the program's thread runs it.
void configure(caf::actor_system_config& config, unsigned workers = 0);

namespace detail {
caf::actor find_task_actor(domain& d, object* o);
}

template <class T> caf::actor runtime::task_actor(const ref<T>& r) const {
  return detail::find_task_actor(*inside_, detail::access::get(r));
}

}  // namespace troupe
