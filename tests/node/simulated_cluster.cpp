// SPDX-License-Identifier: MIT
#include "tests/node/simulated_cluster.hpp"

#include "runtime/domain.hpp"

#include <algorithm>

namespace simulated {

namespace {
struct access : troupe::runtime {
  static detail::domain& domain_of(const troupe::runtime& rt) {
    constexpr auto inside = &access::inside;
    return *(rt.*inside)();
  }
};
}  // namespace

cluster::cluster(std::uint64_t seed)
    : random_(seed),
      network_(~seed),
      hasty_(random_.below(2) == 0) {}

cluster::~cluster() {
  script_.clear();
  for (std::size_t i = nodes_.size(); i-- > 0;)
    if (lives(i)) leave(i);
}

std::size_t cluster::start(const std::string& address, const std::vector<std::string>& labels,
                           const std::vector<std::string>& join, bool serves) {
  auto n = std::make_unique<node>();
  n->simulation = std::make_unique<troupe::testing::simulation>(
      random_.next(),
      troupe::runtime_options{.resources = {{"gpu", 1}}, .labels = labels, .name = address});
  n->domain = &access::domain_of(n->simulation->runtime());
  (void)n->domain->clock().advance(now_);
  n->domain->step_with([this](time limit) { return step(limit); });
  const troupe::node_options options{.join = join, .name = address, .serves = serves};
  n->core = detail::node_core::simulate(
      *n->domain, options, {random_.next()},
      [&](const detail::greeting& me, detail::transport_events& events) {
        return network_.make(address, me, events);
      });
  nodes_.push_back(std::move(n));
  return nodes_.size() - 1;
}

// Others go on meanwhile.
void cluster::end(node& n) {
  const auto core = std::exchange(n.core, nullptr);
  core->leave();
  n.simulation->end();
  n.domain = nullptr;
}

void cluster::kill(std::size_t i) {
  network_.kill(i);
  end(*nodes_[i]);
}
void cluster::leave(std::size_t i) { end(*nodes_[i]); }

bool cluster::step(time limit) {
  ++steps_;
  const std::size_t net = network_.choices(now_);
  std::size_t choices = net;
  for (const auto& n : nodes_)
    choices += (n->domain && n->domain->runnable() > 0) + (n->core && n->core->has_turn());
  if (choices == 0 || (hasty_ && random_.below(64) == 0)) return go_on(limit) || choices > 0;
  std::size_t one = random_.below(choices);
  if (one < net) return network_.happen(now_, one), true;
  one -= net;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    node& n = *nodes_[i];
    if (n.domain && n.domain->runnable() > 0 && one-- == 0) return n.domain->step_alone(now_), true;
    if (n.core && n.core->has_turn() && one-- == 0) {
      const auto core = n.core;
      return core->step(), true;
    }
  }
  return true;
}

// To the next time at which anything is due: nobody's is left out.
bool cluster::go_on(time limit) {
  time next = network_.next_due();
  for (const auto& n : nodes_) {
    if (n->domain) next = std::min(next, n->domain->clock().actor().core().earliest());
    if (n->core) next = std::min(next, n->core->next_turn());
  }
  const bool goes_on = next <= limit && next != never;
  if (goes_on) now_ = std::max(now_, next);
  else if (limit != never) now_ = std::max(now_, limit);
  for (const auto& n : nodes_)
    if (n->domain) (void)n->domain->clock().advance(now_);
  return goes_on;
}

bool cluster::run_until(const std::function<bool()>& holds, time within) {
  for (const time end = within == never ? never : now_ + within; !holds();) {
    const time scripted = script_.empty() ? never : script_.begin()->first;
    if (scripted <= now_) {
      const auto what = std::move(script_.begin()->second);
      script_.erase(script_.begin());
      what();
    } else if (!step(std::min(end, scripted)) && now_ >= end) {
      return holds();
    }
  }
  return true;
}

}  // namespace simulated
