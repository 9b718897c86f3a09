// SPDX-License-Identifier: MIT
// Streams: read to the end, in part, by another task, and failed in the middle.
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

#include <utility>

namespace simulated {

namespace {
using std::chrono::microseconds;
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;
using on = const troupe::scope&;
using numbers = troupe::stream<value>;

// ---- producers ----------------------------------------------------------------------------------
number length(number own) { return own % 17; }
numbers gives(number own, std::vector<value> v) {
  const number all = fold(own, v);
  for (number k = 0; k < length(own); ++k) {
    if ((own >> k) % 8 == 0) here().sleep_for(microseconds(own % 30));
    if (k % 2) co_yield value{mix(all, k)};
    else {
      const value x = mix(all, k);
      co_yield x;
    }
  }
}
numbers as_they_are(refs in) {
  for (const auto& r : in) co_yield co_await r;
}
numbers breaks(number own, std::vector<value>) {
  for (number k = 0; k < length(own); ++k) co_yield value{k};
  throw bad(std::to_string(own));
}
numbers doubles(number own, numbers from) {
  for (const value& x : from) co_yield value{mix(own, x.n)};
}
numbers another(number own, std::vector<value> v) { return gives(own, std::move(v)); }

// ---- consumers ----------------------------------------------------------------------------------
value reads_all(number own, numbers s) {
  number n = 0;
  if (own % 2) {
    for (const value& x : s) own = mix(own, x.n), ++n;
  } else {
    while (auto x = s.next()) {
      own = mix(own, x->n);
      if (++n % 3 == 0) dawdle(x->n);
    }
  }
  return own;
}
value reads_some(number own, number enough, numbers s) {
  for (number k = 0; k < enough; ++k) {
    auto x = s.next();
    must(x.has_value(), "a stream has ended too early");
    own = mix(own, x->n);
  }
  return own;
}
value passes_on(number own, numbers s) {
  dawdle(own);
  return here().get(here().submit<reads_all>(own, std::move(s)));
}
value counts_to_the_error(number own, numbers s) {
  number n = 0;
  try {
    while (auto x = s.next()) must(x->n == n++, "a stream's values are out of order");
  } catch (const troupe::task_error& e) {
    must(e.text() != std::to_string(own) || n == length(own),
         "an error came before the values before it");
    throw;
  }
  must(false, "a stream whose body threw has ended without an error");
  return own;
}
value reads_here(number own, const std::vector<value>& v) {  // the consumer is the parent
  auto s = here().with({.stream_buffer = 1 + own % 5}).submit<another>(own, v);
  auto twice = here().with({.stream_buffer = 1 + own % 3}).submit<doubles>(own, std::move(s));
  number all = own;
  for (const value& x : twice) all = mix(all, x.n);
  return all;
}

// ---- what a serial program gives ----------------------------------------------------------------
expected read(const node& n, const values& in, number enough, bool doubled = false) {
  expected e = folded(n, in);
  if (e.failed) return e;
  const number all = e.gives;
  e.gives = n.own;
  for (number k = 0; k < enough; ++k)
    e.gives = mix(e.gives, doubled ? mix(n.own, mix(all, k)) : mix(all, k));
  return e;
}
number some(number own) { return length(own) == 0 ? 0 : own / 17 % (1 + length(own)); }
expected read_all(const node& n, const values& in) { return read(n, in, length(n.own)); }

template <auto F, class... As> numbers produce(on s, const node& n, As... as) {
  auto o = options(n);
  o.stream_buffer = 1 + n.own % 6;
  return s.with(o).submit<F>(std::move(as)...);
}
}  // namespace

std::vector<kind> streaming_kinds() {
  return {
      {"reads_all", 4, 3, read_all,
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<reads_all>(n.own, produce<gives>(s, n, n.own, in));
       }},
      {"reads_some", 3, 3,
       [](const node& n, const values& in) {
         const expected all = folded(n, in);  // of a stream that failed nothing may be asked
         return all.failed && some(n.own) == 0 ? expected{n.own} : read(n, in, some(n.own));
       },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n))
             .submit<reads_some>(n.own, some(n.own), produce<gives>(s, n, n.own, in));
       }},
      {"passes_on", 3, 3, read_all,
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<passes_on>(n.own, produce<gives>(s, n, n.own, in));
       }},
      {"as_they_are", 3, 6, folded,
       [](on s, const node& n, const refs& in) {
         return s.with(options(n)).submit<reads_all>(n.own, produce<as_they_are>(s, n, in));
       }},
      {"to_the_error", 2, 2,
       [](const node& n, const values& in) {
         expected e = folded(n, in);
         if (!e.failed) e.failed = n.own;
         return e;
       },
       [](on s, const node& n, const refs& in) {
         return s.with(options(n))
             .submit<counts_to_the_error>(n.own, produce<breaks>(s, n, n.own, in));
       }},
      {"reads_here", 3, 3,
       [](const node& n, const values& in) { return read(n, in, length(n.own), true); },
       with_all<reads_here>},
  };
}

}  // namespace simulated
