// SPDX-License-Identifier: MIT
// The actor of a program's thread: it is answered like a parked task, and its thread sleeps
// meanwhile.
#pragma once
#include "actors/caf_compat.hpp"
#include "actors/countdown.hpp"
#include "actors/wait_set.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace troupe::detail {

class domain;

class client final : public caf::monitorable_actor {
public:
  using clock = std::chrono::steady_clock;
  explicit client(caf::actor_config& cfg) : monitorable_actor(cfg) {}
  // The calling thread's.
  static client& mine(domain& d);

  countdown arrivals;
  standing_set standing;  // what the thread's last wait for some of many has left
  // Until `arrivals` is due. False: the time was up first. Spins for some microseconds, then
  // sleeps.
  bool block(const clock::time_point* until);

  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override;

private:
  std::mutex mutex_;
  std::condition_variable bell_;
};

}  // namespace troupe::detail
