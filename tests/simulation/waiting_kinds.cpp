// SPDX-License-Identifier: MIT
// Results in the order in which they come, continued, and in parts; submits that may be refused.
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

#include <algorithm>

namespace simulated {

namespace {
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;
using on = const troupe::scope&;

// Some leave the loop early.
value completes(number own, refs in) {
  std::size_t seen = 0, enough = own % 3 == 0 ? 1 + own % in.size() : in.size();
  for (auto& r : here().as_completed(in)) {
    must(r.settled(), "completed, and not settled");
    if (own % 2) r = {};
    if (++seen == enough) break;
  }
  must(seen == enough, "as_completed gave another number of refs");
  const auto v = here().get(in);
  for (const value& x : v) own = mix(own, x.n);
  return own;
}

std::tuple<value, value, value> splits(number own, const std::vector<value>& v) {
  dawdle(own);
  const number all = fold(own, v);
  return {value{all}, value{mix(all, 1)}, value{mix(all, 2)}};
}
expected part(const node& n, const values& in) {
  expected e = folded(n, in);
  if (!e.failed && n.own % 3 != 2) e.gives = mix(e.gives, n.own % 3 + 1);
  return e;
}
value joins(number own, value a, const value& b, value c) {
  return mix(mix(mix(own, a.n), b.n), c.n);
}

value links(number own, value_ref r) {  // a chain inside of a task
  for (number k = 0; k < 1 + own % 3; ++k)
    r = std::move(r).then([k](const value& x) { return value{mix(k, x.n)}; });
  return here().get(r);
}

// What is refused is done at once.
value tries_to(number own, const std::vector<value>& v) {
  std::vector<std::optional<value_ref>> made;
  for (number k = 0; k < 2 + own % 6; ++k)
    made.push_back(own % 2 ? here().try_submit<plain>(own + k, v)
                           : here().with({.name = "tried"}).try_submit<plain>(own + k, v));
  number all = own;
  for (number k = 0; k < made.size(); ++k)
    all = mix(all, made[k] ? here().get(*made[k]).n : fold(own + k, v));
  must(mood.bounded || std::ranges::all_of(made, [](auto& r) { return r.has_value(); }),
       "refused, and there is no bound");
  return all;
}
expected tried(const node& n, const values& in) {
  node each = n;
  expected all{n.own};
  for (number k = 0; k < 2 + n.own % 6; ++k) {
    each.own = n.own + k;
    const expected e = folded(each, in);
    if (e.failed) return e;
    all.gives = mix(all.gives, e.gives);
  }
  return all;
}

// More than a bound allows, without looking.
value swarms(number own, const std::vector<value>& v) {
  refs all;
  for (number k = 0; k < 3 + own % 30; ++k) all.push_back(here().submit<plain>(own + k, v));
  while (all.size() > 1) {
    auto w = here().wait(std::move(all), 1);
    all = std::move(w.pending);
  }
  (void)here().get(all[0]);
  return fold(own, v);
}
}  // namespace

std::vector<kind> waiting_kinds() {
  return {
      {"completes", 4, 8, folded, with_all<completes>},
      {"splits", 4, 4, part,  // one part is used
       [](on s, const node& n, const refs& in) {
         auto [a, b, c] = s.with(leaf_options(n)).submit<splits>(n.own, in);
         return n.own % 3 == 2 ? a : n.own % 3 == 0 ? b : c;
       }},
      {"joins", 3, 3,
       [](const node& n, const values& in) {
         expected e = folded(n, in);
         const number all = e.gives;
         e.gives = mix(mix(mix(n.own, mix(all, 2)), all), mix(all, 1));
         return e;
       },
       [](on s, const node& n, const refs& in) {
         auto [a, b, c] = s.with(leaf_options(n)).submit<splits>(n.own, in);
         return s.with(options(n)).submit<joins>(n.own, std::move(c), a, b);
       }},
      {"then", 4, 1,
       [](const node& n, const values& in) {
         expected e = in[0];
         e.gives = mix(n.own, mix(n.own, e.gives));
         return e;
       },
       [](on, const node& n, const refs& in) {
         auto step = [own = n.own](const value& x) { return value{mix(own, x.n)}; };
         return in[0].then(step).then(step);
       }},
      {"links", 3, 1,
       [](const node& n, const values& in) {
         expected e = in[0];
         for (number k = 0; k < 1 + n.own % 3; ++k) e.gives = mix(k, e.gives);
         return e;
       },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<links>(n.own, in[0]);
       }},
      {"tries_to", 3, 3, tried, with_all<tries_to>},
      {"swarms", 2, 2, folded, with_all<swarms>},
  };
}

}  // namespace simulated
