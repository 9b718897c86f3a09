// SPDX-License-Identifier: MIT
// A stack that runs one task body after another, and is left only when a body parks.
#pragma once
#include "actors/sanitizers.hpp"
#include "actors/stacks.hpp"

#include <boost/context/fiber.hpp>

#include <cstddef>

namespace troupe::detail {

class task;
struct nested_run;

class strand {
public:
  // A stack on which every body finds `promised` bytes free when it begins. Throws troupe::error,
  // naming the limit, if the system has no more.
  static strand* take(std::size_t promised);
  // The strand has been left between two tasks: keep it for later, or free it.
  static void give_back(strand* s);
  ~strand();

  // Runs `first` (claimed, and with a reference) and what there is after it, until a body parks or
  // nothing fits.
  void enter(task* first);
  // Goes on with the body that parked here.
  void enter();
  // From a body: back to whoever entered.
  void leave();

  std::size_t promised() const { return promised_; }
  // Whether a body that counts on `need` bytes may begin here and now, on top of what is on the
  // stack.
  bool room_for(std::size_t need) const;
  // Ends the program if an unguarded stack was overrun: while the name of the task is known.
  void check() const;
  const stack_memory& memory() const { return memory_; }

  // Bodies that run in the places of others on this stack: the last one.
  const nested_run* nested = nullptr;

private:
  explicit strand(std::size_t promised);
  boost::context::fiber loop(boost::context::fiber&& back);

  const std::size_t promised_;
  const stack_memory memory_;
  stack_switch marks_;
  task* first_ = nullptr;
  bool stop_ = false;
  boost::context::fiber inside_, outside_;
};

inline constexpr std::size_t default_stack_size = 256 * 1024,
                             largest_stack_size = std::size_t{1} << 30,
                             smallest_stack_size = 16 * 1024;

}  // namespace troupe::detail
