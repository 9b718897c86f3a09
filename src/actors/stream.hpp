// SPDX-License-Identifier: MIT
// A stream: the ring where its values lie, and the actor that wakes the one who waits.
//
// The values go straight from the producer's stack into the ring and from there to the consumer.
// The actor counts them by message, and writes what it has counted where both can read it: a hint
// that spares its reader a message, as object::sealed is.
//
//   producer ---given----> stream      a value is in its place
//   consumer ---taken----> stream      now and then: half a buffer has been taken
//   both     ---wait-----> stream --ready--> both      no room; nothing there
//   both     ---withdraw-> stream --ready, ready--> both    as with a resolver
//   producer ---finish---> stream      its task has settled: no message of it comes after this
//   consumer ---leave----> stream      the handle is gone: likewise
//   a runtime's end --close--> stream
#pragma once
#include "actors/inline_actor.hpp"
#include "actors/messages.hpp"
#include "store/stream_buffer.hpp"

#include <troupe/detail/object.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace troupe::detail {

class domain;
class failure;
class stream_core;

struct given_msg {};
struct taken_msg {
  std::uint64_t total;
};
// taken: what the consumer has taken in all.
struct stream_wait_msg {
  stream_buffer::side side;
  caf::abstract_actor* who;
  std::uint64_t party;
  std::uint64_t taken;
  const body_wait* body;
};
struct stream_withdraw_msg {
  stream_buffer::side side;
  caf::abstract_actor* who;
};
struct finish_msg {
  const failure* failed;  // null: the end; with a reference to it
};
struct leave_msg {};

using stream_actor =
    inline_actor<stream_core, given_msg, taken_msg, stream_wait_msg, stream_withdraw_msg,
                 finish_msg, leave_msg, close_msg, survey_msg>;

// What the two sides and the actor share. Both sides hold a reference to the actor, which holds
// this; with the last one go the values that nobody took.
class stream_channel {
public:
  // Two references: the producer's and the consumer's. Throws std::bad_alloc.
  static stream_channel* make(domain& d, std::size_t capacity, const value_type& element);
  stream_channel(domain& d, std::size_t capacity, const value_type& element);
  stream_channel(const stream_channel&) = delete;
  stream_channel& operator=(const stream_channel&) = delete;
  ~stream_channel();
  void release() noexcept;

  // Gives room for the value after the last one; precondition: there is some.
  void* last() const { return cells_ + put_at * step_; }
  void* first() const { return cells_ + take_at * step_; }
  std::size_t after(std::size_t place) const { return place == capacity ? 0 : place + 1; }

  domain& inside;  // of the producer's runtime; for the consumer, until `finished`
  stream_actor* actor = nullptr;
  const std::size_t capacity;
  std::uint64_t producer = 0;              // the task; before it starts
  std::atomic<std::uint64_t> consumer{0};  // the task that has the stream; 0: none, or nobody knows

  // Written by the actor, read by both. A value that is counted in `given` may be read; the place of
  // one that is counted in `taken` may be written when one more has been taken: there is one place
  // more than the capacity, for the value that the consumer looks at.
  alignas(64) std::atomic<std::uint64_t> given{0};
  std::atomic<bool> finished{false};
  const failure* failed = nullptr;  // written before `finished`
  alignas(64) std::atomic<std::uint64_t> taken{0};
  std::atomic<bool> left{false};

  // The producer's own.
  alignas(64) std::uint64_t put = 0;
  std::size_t put_at = 0;
  // The consumer's own.
  alignas(64) std::uint64_t took = 0, told = 0;  // told: to the actor
  std::size_t take_at = 0;

  // In the list of its runtime; guarded by that list.
  stream_channel* next = nullptr;
  stream_channel** link = nullptr;

private:
  const value_type& element_;
  const std::size_t step_;
  char* cells_;
};

class stream_core {
public:
  stream_core(domain& d, std::unique_ptr<stream_channel> channel);
  void on(given_msg& m);
  void on(taken_msg& m);
  void on(stream_wait_msg& m);
  void on(stream_withdraw_msg& m);
  void on(finish_msg& m);
  void on(leave_msg& m);
  void on(close_msg& m);
  void on(survey_msg& m);

  struct nothing {};
  nothing rest() { return {}; }
  void restore(nothing) {}
  static void finish(nothing) {}
  // After the producer's end no scheduler is needed, and perhaps there is none.
  bool closed() const { return buffer_.finished(); }
  const stream_buffer& buffer() const { return buffer_; }
  template <class F> void each_wait(F f) const {
    for (auto side : {stream_buffer::producer, stream_buffer::consumer})
      if (buffer_.waits(side)) f(who_[side]);
  }

private:
  void answer(stream_buffer::effects e);
  void answer(stream_buffer::side side);

  domain& domain_;
  stream_buffer buffer_;
  std::unique_ptr<stream_channel> channel_;
  caf::abstract_actor* who_[2] = {nullptr, nullptr};  // they wait, so they live
  std::uint64_t party_[2] = {0, 0};
  const body_wait* body_[2] = {nullptr, nullptr};
  bool over_ = false;  // the domain is not touched any more
};

// The streams of one runtime whose producers have not settled. Thread-safe.
class stream_list {
public:
  void add(stream_channel& c);
  // Its producer has settled; its finish_msg is sent after this.
  void remove(stream_channel& c);
  // The waits of that runtime are over.
  void close(std::uint64_t party);
  // A finish_msg has been handled: the last that a stream's actor has to do with its runtime.
  void finished() { open_.fetch_sub(1, std::memory_order_acq_rel); }
  bool all_finished() const { return open_.load(std::memory_order_acquire) == 0; }
  std::vector<caf::strong_actor_ptr> handles();  // of their actors
  // For tests: f(channel) for each whose producer has not settled.
  template <class F> void each(F f) const {
    for (auto c = all_; c; c = c->next) f(*c);
  }
  // While an actor of this runtime answers a task of another one, which may end meanwhile.
  std::atomic<int> answering{0};

private:
  std::mutex mutex_;
  stream_channel* all_ = nullptr;  // guarded by mutex_
  std::atomic<std::int64_t> open_{0};
};

// The producer's task has settled, or was never started. Uses up the producer's reference.
void finish_stream(stream_channel& c, const failure* failed) noexcept;

}  // namespace troupe::detail

TROUPE_LOCAL_MESSAGE(troupe::detail::given_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::taken_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::stream_wait_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::stream_withdraw_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::finish_msg)
TROUPE_LOCAL_MESSAGE(troupe::detail::leave_msg)
