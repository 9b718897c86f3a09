// SPDX-License-Identifier: MIT
// How tasks end before their time, and begin again: cancel, deadlines, stop tokens, retries.
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

#include <memory>

namespace simulated {

namespace {
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using troupe::cancel_result;
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;
using on = const troupe::scope&;

// Else a task may fail anywhere, and what it has spawned goes on alone.
bool orderly() { return !mood.faulty && !mood.stopped; }
// For a running body: and nobody has asked it to end.
bool undisturbed() { return orderly() && !here().stop_token().stop_requested(); }

// ---- cancel -------------------------------------------------------------------------------------
// Always a descendant of a task that is cancelled meanwhile.
value for_ever(number own) {
  struct awake {  // a sleep that was too long may still throw
    troupe::duration since = virtual_time();
    ~awake() {
      must(!orderly() || virtual_time() - since < hours(1000),
           "a descendant of a task that was cancelled slept a thousand hours");
    }
  } until_the_end;
  here().sleep_for(hours(1000));
  return own;
}
troupe::stream<value> nothing_yet(number own) { co_yield for_ever(own); }
troupe::task<value> awaits_it(value_ref r) { co_return co_await r; }
value_ref leads_to(value_ref r) { return r; }
std::tuple<value, number> with_number(value x) { return {x, 1}; }
value in_vain(number own) {
  must(here().attempt() == 1 || !orderly(), "tried again after a thousand hours");
  throw bad(std::to_string(own));
}

// Each way to wait for what does not come.
value holds_up(number own) {
  const auto& h = here();
  auto late = [&] { return h.submit<for_ever>(own); };
  switch (own % 13) {
    case 0: return h.get(late());
    case 1: return h.wait(refs{late(), late()}, 1).ready[0].value();
    case 2: return h.get(h.submit<plain>(own, refs{late(), h.put(value{1}), late()}));
    case 3: return h.get(h.submit<awaits_it>(late()));
    case 4: return *h.submit<nothing_yet>(own).next();
    case 5: {
      const troupe::retry_backoff rarely{.first = hours(1000), .most = hours(1000)};
      return h.get(h.with({.retries = 2, .backoff = rarely}).submit<in_vain>(own));
    }
    case 6: return h.get(h.submit<leads_to>(late()));
    case 7: {
      troupe::task_options all;
      if (mood.disks > 0) all.resources["disk"] = mood.disks;
      auto one = h.with(all).submit<for_ever>(own), other = h.with(all).submit<for_ever>(own);
      return h.get(own % 2 ? one : other);
    }
    case 8:
      for (auto& r : h.as_completed(refs{late(), late()})) return r.value();
      return own;
    case 9: {
      auto [x, n] = h.submit<with_number>(late());
      return h.get(own % 2 ? n : h.submit([](value v) { return v.n; }, x));
    }
    case 10: return h.get(late().then([own](const value& x) { return value{mix(own, x.n)}; }));
    case 11: return h.get(h.submit<holds_up>(own / 13));
    default: return for_ever(own);
  }
}

value cancels(number own, const std::vector<value>& v) {
  auto r = here().submit<holds_up>(own);
  if (own % 4) here().sleep_for(microseconds(own % 50));
  const auto result = here().cancel(r);
  must(result != cancel_result::already_settled || !undisturbed(), "who is held up has settled");
  try {
    (void)here().get(r);
    must(!orderly(), "who was cancelled gave a value");
  } catch (const troupe::cancelled&) {
  } catch (const troupe::task_error&) {
    must(!orderly(), "who was cancelled failed with an error");
  }
  must(!r.settled() || here().cancel(r) == cancel_result::already_settled,
       "what has settled was cancelled");
  return fold(own, v);
}

// What was cancelled before it began gives its arguments back, whatever it waits for.
value gives_up(number own, const std::vector<value>& v) {
  auto late = here().submit<holds_up>(own);
  auto mine = std::make_shared<number>(own);
  auto pending = here().try_submit([](std::shared_ptr<number> p, value, value) { return *p; }, mine,
                                   late, late);
  if (!pending) {  // it would wait at the bound as long as the other sleeps
    (void)here().cancel(late);
    return fold(own, v);
  }
  if (own % 2) here().sleep_for(microseconds(own % 50));
  const auto result = here().cancel(*pending);
  if (undisturbed()) {
    must(result == cancel_result::before_start, "it was cancelled, and its input is not there");
    here().sleep_for(milliseconds(1));
    must(mood.slow || mine.use_count() == 1, "what was cancelled keeps its arguments");
  }
  (void)here().cancel(late);
  return fold(own, v);
}

// A body that computes is told by its token.
value is_told(number own, const std::vector<value>& v) {
  const auto token = here().stop_token();
  try {
    for (number k = 0; k < own % 5; ++k) here().sleep_for(microseconds(own % 300));
  } catch (const troupe::cancelled&) {
    must(token.stop_requested(), "a body met `cancelled`, and its token does not know");
    throw;
  }
  return fold(own, v);
}
value stops_by_token(number own) {
  const auto token = here().stop_token();
  while (!token.stop_requested()) {
    try {
      here().sleep_for(microseconds(20));
    } catch (const troupe::cancelled&) {}
  }
  return own;
}
value tells(number own, const std::vector<value>& v) {
  auto r = here().submit<stops_by_token>(own);
  try {
    here().sleep_for(microseconds(own % 100));
  } catch (const troupe::cancelled&) {
    (void)here().cancel(r);
    throw;
  }
  (void)here().cancel(r);
  try {
    (void)here().get(r);
    must(mood.stopped, "a task that was cancelled gave a value");
  } catch (const troupe::error&) {}
  return fold(own, v);
}

// ---- deadlines ----------------------------------------------------------------------------------
value passes_by(number own, const std::vector<value>& v) {
  auto r = here().with({.deadline = milliseconds(1 + own % 50)}).submit<holds_up>(own);
  try {
    (void)here().get(r);
    must(!orderly() || mood.slow, "a task gave a value after its deadline");
  } catch (const troupe::deadline_exceeded&) {
  } catch (const troupe::cancelled&) {
    must(!orderly() || here().stop_token().stop_requested(), "a deadline was told as a cancel");
    (void)here().cancel(r);
    throw;
  } catch (const troupe::task_error&) {
    must(!orderly(), "a task with a deadline failed with an error");
  }
  return fold(own, v);
}

// ---- retries ------------------------------------------------------------------------------------
using count = std::shared_ptr<unsigned>;

unsigned tries(number own) { return 1 + static_cast<unsigned>(own % 4); }
unsigned begins(const count& n) {
  ++*n;
  must(*n == here().attempt() || (mood.faulty && *n < here().attempt()), "as many tries as begins");
  return here().attempt();
}
value at_last(number own, count n, const std::vector<value>& v) {
  const unsigned attempt = begins(n);
  if (own % 3 == 0) here().sleep_for(microseconds(own % 200));
  if (*n < tries(own)) throw again("not yet: " + std::to_string(attempt));
  must(*n == tries(own), "begun once more than it threw");
  return fold(own, v);
}
value never(number own, count n, const std::vector<value>&) {
  throw bad(std::to_string(own + begins(n)));
}
value filtered(number own, count n, const std::vector<value>&) {
  const unsigned attempt = begins(n);
  must(*n <= tries(own), "tried again after what the filter does not name");
  if (*n < tries(own)) throw again("again");
  throw bad(std::to_string(own + (mood.faulty ? tries(own) : attempt)));
}
troupe::task_options tried(const node& n, unsigned retries) {
  auto o = leaf_options(n);
  o.retries = retries;
  o.backoff = {.first = microseconds(n.own % 500), .factor = 1.5, .most = milliseconds(1)};
  return o;
}
expected fails_late(const node& n, const values& in) {
  expected e = folded(n, in);
  if (!e.failed) e.failed = n.own + tries(n.own);
  return e;
}
count none() { return std::make_shared<unsigned>(0); }
}  // namespace

std::vector<kind> ending_kinds() {
  return {
      {"cancels", 2, 3, folded, with_all<cancels>},
      {"gives_up", 2, 3, folded, with_all<gives_up>},
      {"is_told", 3, 3, folded, with_all<is_told>},
      {"tells", 2, 3, folded, with_all<tells>},
      {"passes_by", 2, 3, folded, with_all<passes_by>},
      {"at_last", 4, 3, folded,
       [](on s, const node& n, const refs& in) {
         const unsigned enough = mood.faulty ? 60 : tries(n.own) - 1;  // faults use some up
         return s.with(tried(n, enough)).submit<at_last>(n.own, none(), in);
       }},
      {"never", 2, 2, fails_late,
       [](on s, const node& n, const refs& in) {
         return s.with(tried(n, tries(n.own) - 1)).submit<never>(n.own, none(), in);
       }},
      {"filtered", 2, 2, fails_late,
       [](on s, const node& n, const refs& in) {
         auto o = tried(n, 60);
         o.retry_on = troupe::errors<again>();
         return s.with(o).submit<filtered>(n.own, none(), in);
       }},
  };
}

}  // namespace simulated
