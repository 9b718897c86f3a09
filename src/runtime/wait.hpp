// SPDX-License-Identifier: MIT
#pragma once
#include <troupe/explain.hpp>
#include <troupe/options.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace caf {
class abstract_actor;
}

namespace troupe::detail {

class domain;
class task;
struct body_wait;
struct seat;
struct waiter;

// Throws troupe::error where a wait would do harm: in a CAF actor's handler, in a value's
// destructor.
void refuse_waits();
void refuse_waits(const seat& s);
// Calls ask(me) with the actor of the calling task or thread, and waits until it has got n answers.
// may_park: a task does so by parking; else its thread waits.
void await_answers(domain& d, std::size_t n, const std::function<void(caf::abstract_actor&)>& ask,
                   bool may_park = true);
// Waits until one more task with so many bytes of arguments is admitted. False: only_try, and there
// is no room. Throws cancelled if the runtime ends or is stopped meanwhile. Precondition: there is
// a gate.
bool pass_gate(domain& d, std::size_t bytes, bool only_try);

// Of the running task's body, which is about to wait.
body_wait waits_at(call_site at);

// When a wait that begins now is to give up, by the domain's clock.
std::int64_t time_limit(domain& d, duration timeout);
// Waits for one ready message to the actor of the calling task or thread, or until the time is up.
// ask(me): whether such a message comes at all; take_back(): afterwards, whether none comes any
// more. False: it went on without the message. Nothing is on its way when this returns.
bool await_word(domain& d, const std::function<bool(caf::abstract_actor&)>& ask,
                const std::function<bool()>& take_back, const std::int64_t* until);
// The same for one answer. withdraw(me): when the wait is over before the answer has come; it makes
// it come, and one more. False: nothing can go on (deterministic scheduler).
bool await_answer(domain& d, const std::function<void(caf::abstract_actor&, const body_wait&)>& ask,
                  const std::function<void(caf::abstract_actor&)>& withdraw);

}  // namespace troupe::detail
