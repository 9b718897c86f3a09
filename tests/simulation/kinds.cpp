// SPDX-License-Identifier: MIT
// The features that random programs are made of. The first kind has no inputs.
#include "tests/simulation/plan.hpp"

#include <troupe/testing.hpp>

#include <map>

namespace simulated {

namespace {
using std::chrono::microseconds;
using std::chrono::milliseconds;
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;

// ---- what a serial program gives ----------------------------------------------------------------
number fold(number own, const std::vector<value>& v) {
  for (const value& x : v) own = mix(own, x.n);
  return own;
}
std::optional<number> first_failed(const values& in) {
  for (const auto& e : in)
    if (e.failed) return e.failed;
  return {};
}
expected own_number(const node& n, const values&) { return {n.own}; }
expected folded(const node& n, const values& in) {
  if (auto f = first_failed(in)) return {0, f};
  number all = n.own;
  for (const auto& e : in) all = mix(all, e.gives);
  return {all};
}
constexpr std::size_t crowd = 300;
expected crowded(const node& n, const values& in) { return folded(n, values(crowd, in[0])); }
expected passed_on(const node&, const values& in) { return in[0]; }

troupe::task_options options(const node& n) {
  troupe::task_options o{.name = n.what->name};
  if (n.own % 23 == 0) o.blocking = true;
  if (n.own % 29 == 0) o.stack_size = 300 * 1024;
  return o;
}

// ---- bodies -------------------------------------------------------------------------------------
void dawdle(number own) {
  if (own % 5 == 0) here().sleep_for(microseconds(own % 97));
}
value plain(number own, const std::vector<value>& v) {
  dawdle(own);
  return fold(own, v);
}
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
    if (w.ready.size() > n || (patient && w.ready.size() != n))
      throw std::logic_error("wait gave another number than was asked for");
    if (w.ready.size() + w.pending.size() != pending.size())
      throw std::logic_error("wait has lost refs");
    for (auto& r : w.ready)
      if (!r.settled()) throw std::logic_error("ready and not settled");
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
    if (!may_be_slow) throw std::logic_error("an hour was awaited, and not half a millisecond");
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
  number all = n.own;
  for (const node& inner : inner_plan(n)) {
    if (inner.gives.failed) return inner.gives;
    all = mix(all, inner.gives.gives);
  }
  return {all};
}

using on = const troupe::scope&;
template <auto F> value_ref with_all(on s, const node& n, const refs& in) {
  return s.with(options(n)).submit<F>(n.own, in);
}
}  // namespace

const std::vector<kind>& kinds() {
  static const std::vector<kind> all = {
      {"put", 6, 0, own_number,
       [](on s, const node& n, const refs&) { return s.put(value{n.own}); }},
      {"plain", 8, 6, folded, with_all<plain>},
      {"view", 4, 6, folded, with_all<view>},
      {"direct", 4, 1,
       [](const node& n, const values& in) {
         return folded(n, {in[0], in[0]});
       },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<direct>(n.own, in[0], in[0]);
       }},
      {"by_key", 3, 5, folded,
       [](on s, const node& n, const refs& in) {
         std::map<std::size_t, value_ref> m;
         for (auto& r : in) m.emplace(m.size(), r);
         return s.with(options(n)).submit<by_key>(n.own, std::move(m));
       }},
      {"naps", 5, 4, folded, with_all<naps>},
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
         auto f = first_failed(in);
         return expected{0, f ? f : n.own};
       },
       with_all<throws>},
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
      {"at_a_point", 3, 3, folded, with_all<at_a_point>},
      {"grows", 4, 0, grown,
       [](on s, const node& n, const refs&) {
         if (n.depth >= 2) return s.put(value{n.own});
         return s.with(options(n)).submit<grows>(n.own, n.depth + 1);
       }},
  };
  return all;
}

}  // namespace simulated
