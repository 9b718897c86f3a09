// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <functional>

namespace caf {
class abstract_actor;
}

namespace troupe::detail {

class domain;

// Throws troupe::error where a wait would do harm: in a CAF actor's handler, in a value's
// destructor.
void refuse_waits();
// Calls ask(me) with the actor of the calling task or thread, and waits until it has got n answers.
// may_park: a task does so by parking; else its thread waits.
void await_answers(domain& d, std::size_t n, const std::function<void(caf::abstract_actor&)>& ask,
                   bool may_park = true);
// Waits until one more task with so many bytes of arguments is admitted. False: only_try, and there
// is no room. Throws cancelled if the runtime ends or is stopped meanwhile. Precondition: there is
// a gate.
bool pass_gate(domain& d, std::size_t bytes, bool only_try);

}  // namespace troupe::detail
