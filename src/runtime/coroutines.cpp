// SPDX-License-Identifier: MIT
// What the frames of coroutine bodies ask the library.
#include "actors/task.hpp"
#include "runtime/domain.hpp"

#include <troupe/task.hpp>

namespace troupe::detail {

bool settled_or_end(const object* o) {
  if (!o) throw_empty_input();
  if (o->is_sealed()) return true;
  const task& me = *seat::mine().running;
  if (me.is_to_end()) throw_wait_cancelled();
  me.refuse_wait_for_itself(o);
  return false;
}

void throw_wait_cancelled() {
  throw cancelled("a co_await was cancelled: the runtime ends, or the task is to end");
}

void throw_empty_coroutine() {
  throw error("a troupe::task that names nothing: it was moved from");
}

void await_in_body(object* o) {
  if (!o) throw_empty_input();
  if (o->is_sealed()) return;
  const task* me = seat::mine().running;
  if (!me)
    throw error(
        "co_await of a ref that has not settled, in a stream that runs in no task: submit it");
  await_object(me->inside(), o, nullptr, {});
}

}  // namespace troupe::detail
