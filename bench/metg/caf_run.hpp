// SPDX-License-Identifier: MIT
// What the two drivers for plain CAF share.
#pragma once
#include "graph.hpp"

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <cstddef>
#include <vector>

namespace metg {
struct all_done {};
}  // namespace metg

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(metg::output)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(metg::all_done)

namespace metg {

struct caf_config : caf::actor_system_config {
  explicit caf_config(unsigned workers) {
    set("scheduler.max-threads", workers);
    set("scheduler.policy", caf::atom("sharing"));
  }
};

// One run of a graph, of which a scoped actor waits for the end.
class caf_run {
public:
  caf_run(caf::actor_system& system, const graph& g)
      : of(g),
        left_(g.shape.tasks()),
        self_(system) {}

  const graph& of;

  // A task has ended. The last touch of this by the last of them.
  void one_less() {
    if (left_.fetch_sub(1) != 1) return;
    const auto waits = caf::actor_cast<caf::actor>(self_);
    caf::anon_send(waits, all_done{});
  }
  void wait() {
    self_->receive([](all_done) {});
  }

private:
  std::atomic<long> left_;
  caf::scoped_actor self_;
};

// Outputs in the order of their points, in whatever order they came.
class arrived {
public:
  void add(output o) {
    const auto later = [](const output& a, const output& b) { return a.x < b.x; };
    all_.insert(std::upper_bound(all_.begin(), all_.end(), o, later), o);
  }
  void clear() { all_.clear(); }
  std::size_t size() const { return all_.size(); }
  auto begin() const { return all_.begin(); }

private:
  std::vector<output> all_;
};

}  // namespace metg
