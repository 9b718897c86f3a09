// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <functional>

namespace caf {
class abstract_actor;
}

namespace troupe::detail {

class domain;
class task;
struct waiter;

// Throws troupe::error where a wait would do harm: in a CAF actor's handler, in a value's
// destructor.
void refuse_waits();
// Calls ask(me) with the actor of the calling task or thread, and waits until it has got n answers.
// may_park: a task does so by parking; else its thread waits.
void await_answers(domain& d, std::size_t n, const std::function<void(caf::abstract_actor&)>& ask,
                   bool may_park = true);

// The same for one answer. withdraw(me): when the wait is over before the answer has come; it makes
// it come, and one more. False: nothing can go on (deterministic scheduler).
bool await_answer(domain& d, const std::function<void(caf::abstract_actor&)>& ask,
                  const std::function<void(caf::abstract_actor&)>& withdraw);
// A coroutine that was suspended runs on a strand again: if it was woken before its wait was over,
// the wait comes back.
void take_back(task& me, waiter& w);

}  // namespace troupe::detail
