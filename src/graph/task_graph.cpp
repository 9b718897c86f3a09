// SPDX-License-Identifier: MIT
#include "graph/task_graph.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

bool task_graph::withdraw(edge& e) {
  if (!e.link) return false;
  unlink(e);
  return true;
}

bool task_graph::keep(graph_node& node) {
  if (!node.watched || node.sealed || node.kept) return false;
  node.kept = 1;
  return true;
}

bool task_graph::let_go(graph_node& node) {
  const bool kept = node.kept;
  node.kept = 0;
  return kept;
}

task_graph::answer task_graph::await_elsewhere(graph_node& node, edge& e) {
  if (e.follows) {
    ++counts_.answered;
    return answer::ready;
  }
  push(node.waiting, e, &edge::next, &edge::link);
  push(all_, e, &edge::next_of_all, &edge::link_of_all);
  const bool watched = node.watched, wanted = node.wanted;
  node.watched = node.wanted = 1;
  return !wanted ? answer::fetch : watched ? answer::none : answer::watch;
}

task_graph::followers task_graph::elsewhere(graph_node& node) {
  if (node.sealed || node.elsewhere) return {nullptr, false};
  node.elsewhere = 1;
  edge* chain = nullptr;
  for (edge *e = node.waiting, *after; e; e = after) {
    after = e->next;
    if (!e->follows) continue;
    unlink(*e);
    e->next = chain;
    chain = e;
  }
  node.wanted = node.waiting != nullptr;
  return {chain, node.wanted != 0};
}

edge* task_graph::close(std::uint64_t party) {
  if (!is_closed(party)) closed_.push_back(party);
  edge* chain = nullptr;
  for (edge *e = all_, *after; e; e = after) {
    after = e->next_of_all;
    if (e->party != party) continue;
    unlink(*e);
    e->next = chain;
    chain = e;
  }
  return chain;
}

bool task_graph::is_closed(std::uint64_t party) const {
  return std::find(closed_.begin(), closed_.end(), party) != closed_.end();
}

void task_graph::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::size_t waiting = 0;
  for (auto link = &all_; *link; link = &(*link)->next_of_all) {
    const edge& e = **link;
    ++waiting;
    hold(e.link_of_all == link, "a wait's place in the list of all");
    hold(e.link && *e.link == &e, "a wait's place in its object's list");
    hold(e.what && e.what->waiting, "an object that is waited for has waits");
    hold(e.what->watched, "an object that is waited for is watched");
    hold(!is_closed(e.party), "nothing waits after its end");
    hold(!e.what->elsewhere || (e.what->wanted && !e.follows),
         "what is elsewhere is waited for by those only who want it here");
  }
  hold(waiting == counts_.open(), "waits = awaited - answered");
}

}  // namespace troupe::detail
