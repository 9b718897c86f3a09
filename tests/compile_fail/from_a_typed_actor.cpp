// SPDX-License-Identifier: MIT
// expect: troupe: this typed actor does not take these messages
// expect: troupe: this typed actor replies with something else than the T of
#include <troupe/caf.hpp>

#include <caf/typed_actor.hpp>

#include <string>

using adder = caf::typed_actor<caf::replies_to<int, int>::with<int>>;
void ask(troupe::runtime& rt, const adder& a) {
  rt.from<int>(a, 1);
  rt.from<std::string>(a, 1, 2);
}
