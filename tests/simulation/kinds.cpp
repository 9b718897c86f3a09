// SPDX-License-Identifier: MIT
#include "tests/simulation/kinds.hpp"

#include <algorithm>

namespace simulated {

using std::chrono::hours;
using std::chrono::microseconds;

number fold(number own, const std::vector<value>& v) {
  for (const value& x : v) own = mix(own, x.n);
  return own;
}
expected folded(const node& n, const std::vector<expected>& in) {
  for (const auto& e : in)
    if (e.failed) return {0, e.failed};
  number all = n.own;
  for (const auto& e : in) all = mix(all, e.gives);
  return {all};
}

bool has_short_deadline(const node& n) { return mood.short_deadlines && n.own % 13 == 0; }

troupe::task_options options(const node& n) {
  troupe::task_options o{.name = n.what->name};
  if (n.own % 23 == 0) o.blocking = true;
  if (n.own % 29 == 0) o.stack_size = 300 * 1024;
  if (n.own % 7 == 0) o.priority = static_cast<int>(n.own % 5) - 2;
  if (n.own % 11 == 0 && !mood.slow) o.deadline = hours(1'000'000);
  if (has_short_deadline(n)) o.deadline = microseconds(1 + n.own % 3000);
  return o;
}
troupe::task_options leaf_options(const node& n) {
  auto o = options(n);
  if (mood.disks > 0 && n.own % 3 != 0) {
    const double some[] = {0.25, 0.5, 1, mood.disks};
    o.resources["disk"] = some[n.own / 3 % 4];
    if (n.own % 4 == 0) o.resources["lamp"] = 0.5;
  }
  return o;
}

void dawdle(number own) {
  if (own % 5 == 0) troupe::here().sleep_for(microseconds(own % 97));
}
value plain(number own, const std::vector<value>& v) {
  dawdle(own);
  return fold(own, v);
}

const std::vector<kind>& kinds() {
  static const std::vector<kind> all = [] {
    auto table = basic_kinds();
    for (const auto& more :
         {ending_kinds(), waiting_kinds(), streaming_kinds(), coroutine_kinds(), actor_kinds()})
      table.insert(table.end(), more.begin(), more.end());
    return table;
  }();
  return all;
}

}  // namespace simulated
