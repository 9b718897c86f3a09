// SPDX-License-Identifier: MIT
// Which task a node has died of: the suspects, the accused, and what becomes of them.
#include "graph/placement.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

bool placement::node::has_suspect(time now) const {
  if (waiting >= ours.size()) return false;
  return std::any_of(ours.begin(), ours.end(), [now](auto& e) {
    return !e.second->killed.empty() && e.second->sent_at > now - alone_for;
  });
}

placings placement::killed(const attempt& a, time now) {
  placings out;
  record* r = current(a);
  if (!r) return out;
  node& n = nodes_.at(a.node);
  n.ours.erase(r->order);
  r->killed.emplace_back(a.node, n.facts.name);
  if (r->killed.size() >= most_kills) {
    r->is = state::accused;
    r->verdict = now + verdict_after;
    verdicts_.emplace(std::pair{r->verdict, r->order}, r);
  } else place(*r, out, now);
  pump(out, now);
  return out;
}

placings placement::acquit(time now) {
  placings out;
  while (!verdicts_.empty()) {
    record& r = *verdicts_.begin()->second;
    discharge(r);
    r.killed.pop_back();
    place(r, out, now);
  }
  pump(out, now);
  return out;
}

placings placement::tick(time now) {
  placings out;
  while (!verdicts_.empty() && verdicts_.begin()->first.first <= now) {
    record& r = *verdicts_.begin()->second;
    poisoned_task p{r.what.task, {}};
    for (auto& k : r.killed) p.nodes.push_back(std::move(k.second));
    out.push_back(std::move(p));
    erase(r);
  }
  pump(out, now);
  return out;
}

void placement::discharge(record& r) {
  verdicts_.erase({r.verdict, r.order});
  r.is = state::here;
}

}  // namespace troupe::detail
