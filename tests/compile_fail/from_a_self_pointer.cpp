// SPDX-License-Identifier: MIT
// expect: troupe: from\(\) asks an actor by its handle
#include <troupe/caf.hpp>

#include <caf/event_based_actor.hpp>

void ask(troupe::runtime& rt, caf::event_based_actor* self) { rt.from<int>(self, 1); }
