// SPDX-License-Identifier: MIT
#include "tests/simulation/kinds.hpp"

#include <algorithm>

namespace simulated {

number mix(number a, number b) {
  return (a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccd;
}

plan make_plan(number seed, std::size_t most_nodes, int depth) {
  static const unsigned all_weights = [] {
    unsigned sum = 0;
    for (const kind& k : kinds()) sum += k.weight;
    return sum;
  }();
  random_numbers random{mix(seed, static_cast<number>(depth))};
  plan p(1 + random.below(most_nodes));
  for (std::size_t i = 0; i < p.size(); ++i) {
    node& n = p[i];
    auto drawn = static_cast<unsigned>(random.below(all_weights));
    n.what = &kinds().front();
    while (i > 0 && drawn >= n.what->weight) drawn -= n.what++->weight;
    n.own = random.next() >> 1;
    n.depth = depth;
    if (i > 0 && n.what->most_inputs > 0)
      for (std::size_t k = 1 + random.below(n.what->most_inputs); k > 0; --k)
        n.inputs.push_back(i - 1 - random.below(std::min<std::size_t>(i, 12)));
    std::vector<expected> in;
    for (auto k : n.inputs) in.push_back(p[k].gives);
    n.gives = n.what->gives(n, in);
    n.gives.may_expire |= has_short_deadline(n);
    for (const auto& e : in) n.gives.may_expire |= e.may_expire;
  }
  return p;
}

}  // namespace simulated
