// SPDX-License-Identifier: MIT
// The two sides of a stream: how a producer's body and a consumer give, take and wait.
#include "actors/stream.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "runtime/wait.hpp"

#include <troupe/stream.hpp>

#include <algorithm>
#include <atomic>
#include <string>

namespace troupe::detail {

namespace {
constexpr std::size_t default_buffer = 64, most_bytes = std::size_t{1} << 30;

// Until the actor answers. `d`: of the one who waits.
void wait_in_stream(domain& d, stream_channel& c, stream_buffer::side side) {
  if (&c.inside != &d) d.waits_abroad();
  const bool answered = await_answer(
      d,
      [&](caf::abstract_actor& me, const body_wait& body) {
        c.actor->tell(stream_wait_msg{side, &me, d.number(), c.took, &body});
        // Either end() finds this wait in the actor, or this sees that it did not.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (d.closing()) c.actor->tell(close_msg{d.number()});
      },
      [&](caf::abstract_actor& me) {
        c.actor->tell(stream_withdraw_msg{side, &me});
      });
  if (!answered)
    throw deadlock("nothing can go on, and the program waits for the next value of a stream");
}

// Where the stream is: with the running task, as long as it is not moved.
void note_consumer(stream_channel& c) {
  const task* me = seat::mine().running;
  c.consumer.store(me ? me->id() : 0, std::memory_order_relaxed);
}

bool nothing_there(const stream_channel& c) {
  return c.took == c.given.load(std::memory_order_acquire);
}
}  // namespace

void throw_no_retries() {
  throw error(
      "task_options.retries: a task that gives a stream is not tried again, since its consumer "
      "may have seen values; try again inside the body");
}

stream_channel* open_stream(domain& d, const new_task& t, const task_options* options,
                            const value_type& element) {
  const std::size_t asked = options ? options->stream_buffer : 0;
  const std::size_t n = asked != 0 ? asked : default_buffer;
  if (n >= most_bytes / std::max<std::size_t>(element.size, 1))
    throw error("task_options.stream_buffer: " + std::to_string(n) +
                " values take more than 1 GiB; give a smaller one");
  t.actor->feed(nullptr);  // what may throw is done before there is something to lose
  stream_channel* c = stream_channel::make(d, n, element);
  t.actor->feed(c);
  c->producer = t.actor->id();
  note_consumer(*c);
  return c;
}

void stream_moved(stream_channel& c) noexcept { c.consumer.store(0, std::memory_order_relaxed); }

void throw_no_stream() {
  throw error("task_options.stream_buffer: the function gives no stream<T>; leave it out");
}

// ---- the producer -------------------------------------------------------------------------------

void* stream_room(stream_channel& c) {
  for (;;) {
    task& me = *seat::mine().running;
    if (me.is_to_end()) return nullptr;
    if (c.put - c.taken.load(std::memory_order_acquire) < c.capacity) return c.last();
    wait_in_stream(me.inside(), c, stream_buffer::producer);
  }
}

void stream_give(stream_channel& c) {
  ++c.put;
  c.put_at = c.after(c.put_at);
  c.actor->tell(given_msg{});
}

void throw_if_left(const stream_channel& c) {
  if (c.left.load(std::memory_order_acquire)) throw_stream_ends(&c);
}

void throw_stream_ends(const stream_channel* c) {
  if (!c) throw error("a stream that names nothing: it was default-constructed or moved from");
  if (c->left.load(std::memory_order_acquire))
    throw cancelled("a stream was cancelled: its consumer has left");
  throw cancelled("a stream was cancelled: the runtime ends");
}

// ---- the consumer -------------------------------------------------------------------------------

void* stream_take(stream_channel& c) {
  while (nothing_there(c)) {
    if (c.finished.load(std::memory_order_acquire) && nothing_there(c)) {
      if (c.failed) c.failed->raise();
      return nullptr;
    }
    refuse_waits();
    const task* me = seat::mine().running;
    if (me) me->refuse_if_asked();
    c.told = c.took;
    note_consumer(c);
    wait_in_stream(me ? me->inside() : c.inside, c, stream_buffer::consumer);
  }
  void* value = c.first();
  c.take_at = c.after(c.take_at);
  ++c.took;
  if (c.took - c.told >= (c.capacity + 1) / 2 && !c.finished.load(std::memory_order_relaxed)) {
    c.told = c.took;
    note_consumer(c);
    c.actor->tell(taken_msg{c.took});
  }
  return value;
}

void leave_stream(stream_channel& c, object* task) noexcept {
  if (!c.finished.load(std::memory_order_acquire)) c.actor->tell(leave_msg{});
  if (task && !task->is_sealed()) shard_of(*task).store->tell(cancel_msg{.o = task});
  c.release();
}

}  // namespace troupe::detail
