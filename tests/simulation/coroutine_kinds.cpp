// SPDX-License-Identifier: MIT
// Bodies that wait without a stack.
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

namespace simulated {

namespace {
using std::chrono::microseconds;
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;
using on = const troupe::scope&;

troupe::task<value> awaits(number own, refs in) {
  for (auto& r : in) {
    if (own % 2) own = mix(own, (co_await r).n);
    else own = mix(own, (co_await std::move(r)).n);
    if (own % 7 == 0) here().sleep_for(microseconds(own % 50));
  }
  co_return own;
}
troupe::task<number> one(number own, const value_ref& r) { co_return mix(own, (co_await r).n); }
troupe::task<number> from(number own, const refs& in, std::size_t at) {
  if (at == in.size()) co_return own;
  const number next = co_await one(own, in[at]);
  co_return co_await from(next, in, at + 1);
}
troupe::task<value> calls(number own, refs in) { co_return co_await from(own, in, 0); }
troupe::task<value> spawns(number own, std::vector<value> v) {
  auto a = here().submit<plain>(own, v);
  auto b = here().submit<awaits>(own, refs(1, a));
  const number x = (co_await b).n;
  co_return mix(x, (co_await a).n);
}
troupe::task<value> recovers(number own, value_ref r) {
  try {
    co_return mix(own, (co_await r).n);
  } catch (const troupe::task_error& e) {
    if (!e.is<bad>()) throw;  // an injected fault
    own = mix(own, std::stoull(e.text()));
  }
  auto p = here().put(value{own});
  co_return (co_await p).n;
}
troupe::task<value_ref> leads_on(number own, value_ref r) {
  refs in(2, r);
  in.push_back(here().put(co_await r));
  co_return here().submit<awaits>(own, in);
}
troupe::task<value> is_begun_again(number own, refs in) {
  number all = own;
  for (auto& r : in) all = mix(all, (co_await r).n);
  if (here().attempt() <= own % 3) throw again("not yet");
  co_return all;
}
}  // namespace

std::vector<kind> coroutine_kinds() {
  return {
      {"awaits", 4, 6, folded, with_all<awaits>},
      {"calls", 4, 6, folded, with_all<calls>},
      {"spawns", 3, 3,
       [](const node& n, const values& in) {
         expected e = folded(n, in);
         e.gives = mix(mix(n.own, e.gives), e.gives);
         return e;
       },
       with_all<spawns>},
      {"recovers", 3, 1,
       [](const node& n, const values& in) {
         return expected{mix(n.own, in[0].failed ? *in[0].failed : in[0].gives)};
       },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<recovers>(n.own, in[0]);
       }},
      {"leads_on", 2, 1,
       [](const node& n, const values& in) {
         return folded(n, {in[0], in[0], in[0]});
       },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<leads_on>(n.own, in[0]);
       }},
      {"is_begun_again", 3, 4, folded,
       [](on s, const node& n, const refs& in) {
         auto o = options(n);
         o.retries = mood.faulty ? 60 : static_cast<unsigned>(n.own % 3);
         o.backoff = {.first = microseconds(n.own % 100), .most = microseconds(500)};
         return s.with(o).submit<is_begun_again>(n.own, in);
       }},
  };
}

}  // namespace simulated
