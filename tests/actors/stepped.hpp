// SPDX-License-Identifier: MIT
// A runtime on CAF's deterministic scheduler: every message and every task's turn is one job in a
// queue that the test steps.
#pragma once
#include <troupe/caf.hpp>
#include <troupe/troupe.hpp>

#include <caf/atom.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <random>

struct stepped {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::scheduler::test_coordinator* scheduler;
  std::unique_ptr<troupe::runtime> rt;

  stepped() {
    config.set("scheduler.policy", caf::atom("testing"));
    system = std::make_unique<caf::actor_system>(config);
    scheduler = &dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
    rt = std::make_unique<troupe::runtime>(*system);
  }

  bool step() { return scheduler->try_run_once(); }
  void run() {
    while (step()) {}
  }
  // Any job may be the next one: a seed is an interleaving.
  void run_shuffled(std::mt19937& random) {
    auto& jobs = scheduler->jobs;
    while (!jobs.empty()) {
      std::swap(jobs.front(), jobs[random() % jobs.size()]);
      step();
    }
  }
};
