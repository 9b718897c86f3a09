// SPDX-License-Identifier: MIT
// Troupe's scheduler on CAF's own hook: a policy whose workers take their jobs from a hub.
#pragma once
#include "actors/hub.hpp"
#include "actors/overflow.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"

#include <caf/policy/unprofiled.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace troupe::detail {

class lane_policy : public caf::policy::unprofiled {
public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}
    job_hub hub{job_hub::steady_time, &seat::tidy};
  };
  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
    worker_data(const worker_data&) {}
    job_hub::lane* lane = nullptr;
  };
  template <class C> void central_enqueue(C* self, caf::resumable* job) {
    d(self).hub.push_inbox(job);
  }
  template <class W> void external_enqueue(W* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }
  template <class W> void internal_enqueue(W* self, caf::resumable* job) {
    d(self->parent()).hub.push(*d(self).lane, job);
  }
  template <class W> void resume_job_later(W* self, caf::resumable* job) {
    external_enqueue(self, job);
  }
  template <class W> caf::resumable* dequeue(W* self) {
    auto& hub = d(self->parent()).hub;
    if (!d(self).lane) sit_down(self, hub);
    // Tasks run here: CAF's loop would look up each job's actor id for its log, and log nothing.
    for (;;) {
      caf::resumable* job = hub.wait(*d(self).lane);
      if (!is_task(*job)) {
        seat::mine().acting = job;
        return job;
      }
      resume_task(static_cast<task*>(job));
    }
  }
  template <class W, class F> void foreach_resumable(W*, F) {}  // all lanes are the hub's
  template <class C, class F> void foreach_central_resumable(C* self, F f) {
    d(self).hub.drain_all(f);
  }

private:
  template <class W> void sit_down(W* self, job_hub& hub) {
    auto& s = seat::mine();
    s.unit = self;
    s.home = &hub;
    s.lane = d(self).lane = &hub.enter();
    s.worker = s.lane->permanent = true;
    report_overflows();
  }
};

class lane_coordinator final : public caf::scheduler::coordinator<lane_policy> {
public:
  using coordinator::coordinator;
  job_hub& hub() { return data().hub; }
};

}  // namespace troupe::detail
