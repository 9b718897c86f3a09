// SPDX-License-Identifier: MIT
// What every program does: put, submit, get, wait, sleep, fail.
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

#include <map>

namespace simulated {

namespace {
using std::chrono::microseconds;
using std::chrono::milliseconds;
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;
using on = const troupe::scope&;

expected own_number(const node& n, const values&) { return {n.own}; }
constexpr std::size_t crowd = 300;
expected crowded(const node& n, const values& in) { return folded(n, values(crowd, in[0])); }
expected passed_on(const node&, const values& in) { return in[0]; }

// ---- bodies -------------------------------------------------------------------------------------
value view(number own, troupe::values<value> v) {
  for (const value& x : v) own = mix(own, x.n);
  return own;
}
value direct(number own, value a, const value& b) { return mix(mix(own, a.n), b.n); }
value by_key(number own, const std::map<std::size_t, value>& m) {
  for (const auto& [key, x] : m) own = mix(own, x.n);
  return own;
}
value naps(number own, const std::vector<value>& v) {
  here().sleep_for(milliseconds(own % 7));
  if (own % 2) here().sleep_for(microseconds(own % 1000));
  return fold(own, v);
}
value nested(number own, refs in) {
  dawdle(own);
  if (own % 3) return here().get(here().submit<plain>(own, in));
  for (auto& r : in) own = mix(own, (own % 2 ? here().get(r) : here().get(value_ref(r))).n);
  return own;
}
value all_at_once(number own, refs in) {
  const auto v = here().get(in);
  for (const value& x : v) own = mix(own, x.n);
  return own;
}
value gives_back(number own, value x) {
  dawdle(own);
  return x;
}
value_ref flatten(number own, value_ref r) {
  dawdle(own);
  if (own % 3 == 0) return r;
  if (own % 3 == 1) return here().submit<gives_back>(own, r);
  return here().submit<flatten>(own / 3, r);
}
troupe::ref<value_ref> deep(number own, value_ref r) {  // a ref to a ref
  dawdle(own);
  return here().put(r);
}
// Takes them as they come, with and without patience; folds in the order of the refs.
value waits(number own, refs in) {
  random_numbers random{own};
  for (auto pending = in; !pending.empty();) {
    const std::size_t n = 1 + random.below(pending.size());
    const bool patient = random.below(3) == 0;
    auto w = patient ? here().wait(pending, n)
                     : here().wait(pending, n, microseconds(random.below(2000)));
    must(patient ? w.ready.size() == n : w.ready.size() <= n,
         "wait gave another number than was asked for");
    must(w.ready.size() + w.pending.size() == pending.size(), "wait has lost refs");
    for (auto& r : w.ready) must(r.settled(), "ready and not settled");
    pending = std::move(w.pending);
  }
  for (auto& r : in) own = mix(own, r.value().n);
  return own;
}
value timed_get(number own, value_ref r) {
  for (auto patience = microseconds(own % 500); patience < std::chrono::hours(24);
       patience = 2 * patience + microseconds(1)) {
    try {
      return mix(own, here().get(r, patience).n);
    } catch (const troupe::timed_out&) {}
  }
  return mix(own, here().get(r).n);
}
// Somebody else is an hour late: patience must end.
value late(number own) {
  here().sleep_for(std::chrono::hours(1));
  return own;
}
value impatient(number own, const std::vector<value>& v) {
  auto r = here().submit<late>(own);
  try {
    if (own % 2) (void)here().get(r, microseconds(own % 500));
    else if (here().wait(std::vector{r}, 1, microseconds(own % 500)).ready.empty())
      return fold(own, v);
    (void)r.value();  // it may have failed at once
    must(mood.slow, "an hour was awaited, and not half a millisecond");
  } catch (const troupe::timed_out&) {}
  return fold(own, v);
}
value throws(number own, const std::vector<value>&) {
  dawdle(own);
  throw bad(std::to_string(own));
}
value catches(value_ref r) {
  try {
    return here().get(r);
  } catch (const troupe::task_error& e) {
    if (!e.is<bad>()) throw;  // an injected fault
    return std::stoull(e.text());
  }
}
number tree_sum(number n) { return n == 0 ? 1 : mix(n, tree_sum(n - 1)) + tree_sum(n / 2); }
value tree(number n) {
  if (n == 0) return 1;
  auto left = here().submit<tree>(n - 1), right = here().submit<tree>(n / 2);
  return mix(n, here().get(std::move(left)).n) + here().get(right).n;
}
value drops_children(number own, const std::vector<value>& v) {
  for (number k = 0; k < own % 4; ++k)
    (void)here().submit<plain>(own + k, std::vector<value_ref>{here().put(value{k})});
  return fold(own, v);
}
value at_a_point(number own, const std::vector<value>& v) {
  troupe::testing::point("program");
  return fold(own, v);
}

// ---- a plan inside a task -----------------------------------------------------------------------
plan inner_plan(const node& n) { return make_plan(n.own, 6, n.depth + 1); }
value grows(number seed, int depth) {
  const plan p = make_plan(seed, 6, depth);
  refs made;
  for (const node& n : p) {
    refs in;
    for (auto k : n.inputs) in.push_back(made[k]);
    made.push_back(n.what->make(here(), n, in));
  }
  number all = seed;
  for (auto& r : made) all = mix(all, here().get(r).n);
  return all;
}
expected grown(const node& n, const values&) {
  if (n.depth >= 2) return {n.own};
  expected e{n.own};
  for (const node& inner : inner_plan(n)) {
    e.may_expire |= inner.gives.may_expire;
    if (e.failed) continue;
    e.failed = inner.gives.failed;
    e.gives = mix(e.gives, inner.gives.gives);
  }
  return e;
}

}  // namespace

std::vector<kind> basic_kinds() {
  return {
      {"put", 6, 0, own_number,
       [](on s, const node& n, const refs&) { return s.put(value{n.own}); }},
      {"plain", 8, 6, folded, leaf_with_all<plain>},
      {"view", 4, 6, folded, leaf_with_all<view>},
      {"direct", 4, 1,
       [](const node& n, const values& in) {
         return folded(n, {in[0], in[0]});
       },
       [](on s, const node& n, const refs& in) {
         return s.with(leaf_options(n)).submit<direct>(n.own, in[0], in[0]);
       }},
      {"by_key", 3, 5, folded,
       [](on s, const node& n, const refs& in) {
         std::map<std::size_t, value_ref> m;
         for (auto& r : in) m.emplace(m.size(), r);
         return s.with(leaf_options(n)).submit<by_key>(n.own, std::move(m));
       }},
      {"naps", 5, 4, folded, leaf_with_all<naps>},
      {"nested", 8, 5, folded, with_all<nested>},
      {"all_at_once", 4, 8, folded, with_all<all_at_once>},
      {"flatten", 6, 1, passed_on,
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<flatten>(n.own, in[0]);
       }},
      {"deep", 3, 1, passed_on,
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<deep>(n.own, in[0]);
       }},
      {"waits", 6, 8, folded, with_all<waits>},
      {"timed_get", 4, 1, folded,
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<timed_get>(n.own, in[0]);
       }},
      {"impatient", 2, 3, folded, with_all<impatient>},
      {"throws", 3, 4,
       [](const node& n, const values& in) {
         expected e = folded(n, in);
         if (!e.failed) e.failed = n.own;
         return e;
       },
       leaf_with_all<throws>},
      {"crowd", 1, 1, crowded,  // more waits of one object than one turn of its resolver answers
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<plain>(n.own, refs(crowd, in[0]));
       }},
      {"catches", 6, 1,
       [](const node&, const values& in) { return in[0].failed ? expected{*in[0].failed} : in[0]; },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<catches>(in[0]);
       }},
      {"tree", 3, 0, [](const node& n, const values&) { return expected{tree_sum(n.own % 6)}; },
       [](on s, const node& n, const refs&) { return s.with(options(n)).submit<tree>(n.own % 6); }},
      {"drops_children", 3, 3, folded, with_all<drops_children>},
      {"at_a_point", 3, 3, folded, leaf_with_all<at_a_point>},
      {"grows", 4, 0, grown,
       [](on s, const node& n, const refs&) {
         if (n.depth >= 2) return s.put(value{n.own});
         return s.with(options(n)).submit<grows>(n.own, n.depth + 1);
       }},
  };
}

}  // namespace simulated
