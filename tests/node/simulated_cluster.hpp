// SPDX-License-Identifier: MIT
// Nodes on one thread, each with a runtime that is simulated, in a network that is simulated: their
// interleaving, time and faults are a function of the seed.
#pragma once
#include "node/node_core.hpp"
#include "tests/node/simulated_network.hpp"

#include <troupe/testing.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace simulated {

class cluster {
public:
  explicit cluster(std::uint64_t seed);
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  // A new node at that address, which calls those. Gives its number.
  std::size_t start(const std::string& address, const std::vector<std::string>& labels,
                    const std::vector<std::string>& join, bool serves);
  void kill(std::size_t node);   // what it has is gone
  void leave(std::size_t node);  // it tells the others
  bool lives(std::size_t node) const { return nodes_[node]->core != nullptr; }
  std::size_t nodes() const { return nodes_.size(); }
  troupe::runtime& runtime(std::size_t node) { return nodes_[node]->simulation->runtime(); }
  detail::node_core& core(std::size_t node) { return *nodes_[node]->core; }
  // Throws troupe::error if an invariant of its runtime does not hold.
  void check(std::size_t node) { nodes_[node]->simulation->check(); }

  network& net() { return network_; }
  // The script goes on in run_until() only: whoever waits in a runtime meanwhile would be waiting in
  // two on one thread.
  void at(time when, std::function<void()> what) { script_.emplace(when, std::move(what)); }
  time now() const { return now_; }
  std::size_t steps() const { return steps_; }
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }

  // One turn of anybody, or the time until the next. False: that would be past the limit.
  bool step(time limit);
  // False: it did not come to be within that time.
  bool run_until(const std::function<bool()>& holds, time within);

private:
  struct node {
    std::unique_ptr<troupe::testing::simulation> simulation;
    detail::domain* domain = nullptr;  // null: it has ended
    std::shared_ptr<detail::node_core> core;
  };
  void end(node& n);
  bool go_on(time limit);

  troupe::testing::detail::random_numbers random_;
  network network_;
  std::vector<std::unique_ptr<node>> nodes_;
  std::multimap<time, std::function<void()>> script_;
  time now_ = 0;
  std::size_t steps_ = 0;
  const bool hasty_;  // the time goes on although somebody could run
};

}  // namespace simulated
