// SPDX-License-Identifier: MIT
// Sleeps of task bodies: an actor around the pure timers, and the thread that tells it the time.
#pragma once
#include "actors/inline_actor.hpp"
#include "actors/messages.hpp"
#include "actors/nudges.hpp"

#include <caf/actor.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace troupe::detail {

class domain;

// When the thread is to say the next tick.
class alarm {
public:
  void set(std::int64_t earliest);
  void stop();
  // Waits for it; INT64_MAX: stopped.
  std::int64_t wait();

private:
  std::mutex mutex_;
  std::condition_variable bell_;
  std::int64_t earliest_ = timers::never;
  bool stopped_ = false;
};

class clock_core {
public:
  clock_core(domain& d, alarm& a) : domain_(d), alarm_(a) {}
  void on(sleep_msg& m);
  void on(wake_msg& m);
  void on(tick_msg& m);
  void on(no_tries_msg& m);
  void on(close_msg& m);
  void on(survey_msg& m);
  void on(nudge_msg& m);

  struct leftovers {
    nudges nudged = {};
    domain* sweep = nullptr;  // whose sweep is due
    void tell() const;
  };
  leftovers rest() { return std::exchange(rest_, {}); }
  void restore(const leftovers& r) { rest_ = r; }
  static void finish(const leftovers& r) { r.tell(); }
  bool closed() const { return timers_.closed(); }
  std::int64_t earliest() const { return timers_.earliest(); }
  // Deadlines do not count. For anyone: as of the last message that has been handled.
  std::size_t sleepers() const { return sleepers_.load(); }
  const timers& all() const { return timers_; }

private:
  void answer_due(std::int64_t now);
  void answer(sleeper& s);
  void count();
  domain& domain_;
  alarm& alarm_;
  timers timers_;
  leftovers rest_;
  bool tries_ = true;
  std::size_t deadlines_ = 0;  // among the timers: nobody waits for them
  std::atomic<std::size_t> sleepers_{0};
};

using clock_actor = inline_actor<clock_core, sleep_msg, wake_msg, tick_msg, no_tries_msg, close_msg,
                                 survey_msg, nudge_msg>;

// Nanoseconds of the steady clock; under a deterministic scheduler, of a clock that goes on only
// when nothing else can.
class clock {
public:
  explicit clock(domain& d);
  ~clock() { stop(); }
  std::int64_t now() const;
  // That much later; never past the end of all time.
  std::int64_t after(std::chrono::nanoseconds time) const;
  clock_actor& actor() { return *actor_; }
  std::size_t sleepers() const { return actor_->core().sleepers(); }
  // Before the first sleep: starts the thread.
  void start();
  void stop();
  // Deterministic: to the next sleep's end, but not past `limit` (0: the time stands still). False:
  // nobody's sleep ends until then.
  // `late`: the time goes on past that end by so much.
  bool advance(std::int64_t limit, std::int64_t late = 0);

private:
  domain& domain_;
  alarm alarm_;
  caf::actor handle_;
  clock_actor* actor_;
  std::once_flag started_;
  std::thread thread_;
  std::int64_t virtual_now_ = 0;
};

// Like "50 ms".
std::string in_words(std::chrono::nanoseconds time);

}  // namespace troupe::detail
