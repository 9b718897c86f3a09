// SPDX-License-Identifier: MIT
// For tests: a runtime whose interleaving, time and faults are a pure function of a seed.
#pragma once
#include <troupe/error.hpp>
#include <troupe/options.hpp>
#include <troupe/runtime.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::testing {

// What a simulation throws where it was told to fail.
class fault : public error {
public:
  using error::error;
};

// A runtime on one thread, with a virtual clock. Whatever could run next may be next: every task's
// turn and every message has one of its own, and the seed chooses among them. The clock goes on
// when nothing else can, so an hour of sleeping passes at once. The same seed, program and version
// of Troupe give the same history, bit for bit, if the program itself does nothing that differs from
// run to run (threads, clocks, addresses, chance that is not random()).
//
// A get, wait or drain of the program takes turns until it is over; a wait that nobody will answer
// is a deadlock, thrown there. Bodies marked blocking run on the same thread.
//
// A simulation belongs to the thread that made it; every call is that thread's. Several may live at
// once. Its history takes some 24 bytes an event, and is kept until the end.
class simulation {
public:
  // Throws troupe::error for options that mean nothing here (workers) or are out of range, and inside
  // of a task.
  template <std::integral Seed> explicit simulation(Seed seed, runtime_options options = {})
      : simulation(seed_of{static_cast<std::uint64_t>(seed)}, std::move(options)) {}
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;
  // Ends the runtime, as end() does.
  ~simulation();

  // Valid until end(), after which this throws troupe::error.
  troupe::runtime& runtime() const;
  std::uint64_t seed() const;
  // Virtual time since the start.
  duration now() const;

  // One turn: a message, a task until it parks or ends, or the clock. False: nothing can go on.
  bool step();
  // Turns until nothing can go on. What has not ended then waits for something that nobody makes.
  void run();
  // So many turns there have been, those of waits included.
  std::size_t steps() const;
  // Destroys the runtime, now: what is pending or parked is cancelled. The history stays.
  void end();

  // Throws troupe::error with the first invariant of the runtime that does not hold now.
  void check() const;
  // The same after every so many turns, those of waits included; 0 (at first): never. What it throws
  // comes out of the turn or wait; the runtime is broken then, and may not even end.
  void check_every(std::size_t turns);

  // From now on the point fails with this probability (0 to 1; else troupe::error). The runtime's
  // own points:
  //   "body"    a body throws `fault` when it begins
  //   "memory"  the memory of a task or an object: submit and put throw std::bad_alloc
  //   "stack"   the stack for a body: its task settles with `fault`
  //   "clock"   a timer fires late, by up to 100 ms
  //   "slow"    the clock goes on to the next timer although others could run, as on a machine that
  //             is too busy for them: time limits pass
  // Every other name is one of the program's, for testing::point.
  void fail(std::string_view point, double probability);
  // How often it has failed.
  std::size_t failures(std::string_view point) const;

  // Chance for the program: the next number that the seed gives. Does not change the interleaving.
  std::uint64_t random();
  // The same, less than `below` (which is not 0).
  std::uint64_t random(std::uint64_t below);

  // The history as text: a line for each event, with its virtual time, the task's number (in the
  // order of submission) and its name. It names no addresses, threads or real times.
  std::string trace() const;

private:
  struct seed_of {
    std::uint64_t value;
  };
  simulation(seed_of seed, runtime_options options);
  class inside;
  std::unique_ptr<inside> inside_;
};

namespace detail {
extern std::atomic<std::size_t> simulations_alive;
void reach(const char* name);
}  // namespace detail

// A place in a program where something may go wrong: throws `fault` if the simulation that runs this
// says so (that of the running task; outside of a task, the youngest of this thread). Without a
// simulation in the process it is one load.
inline void point(const char* name) {
  if (detail::simulations_alive.load(std::memory_order_relaxed) != 0) [[unlikely]]
    detail::reach(name);
}

}  // namespace troupe::testing
