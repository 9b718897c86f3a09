// SPDX-License-Identifier: MIT
// Stateful actors: called in order, by several, broken, stopped, cancelled, handed on. That one body
// is in at a time, and each caller's order, they check themselves.
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

#include <map>

namespace simulated {

namespace {
using std::chrono::hours;
using std::chrono::microseconds;
using troupe::actor;
using troupe::here;
using values = std::vector<expected>;
using refs = std::vector<value_ref>;
using on = const troupe::scope&;

bool orderly() { return !mood.faulty && !mood.stopped; }
bool undisturbed() { return orderly() && !here().stop_token().stop_requested(); }

class clerk {
public:
  explicit clerk(value start = {}, bool alone = true) : n_(start), alone_(alone) { dawdle(n_.n); }
  clerk(const clerk&) = delete;
  ~clerk() { must(inside_ == 0, "an actor was destroyed while a method of it ran"); }

  value add(number x) {
    const visit v{*this};
    return n_ = mix(n_.n, x);
  }
  value add_all(number own, const std::vector<value>& all) {
    const visit v{*this};
    return n_ = mix(n_.n, fold(own, all));
  }
  value naps(number x) {
    {
      const visit v{*this};
      n_ = mix(n_.n, x);
    }
    const number mine = n_.n;
    here().sleep_for(microseconds(x % 100));
    must(!alone_ || n_.n == mine, "somebody was in while a method was parked");
    const visit v{*this};
    return mine;
  }
  troupe::task<value> awaits(number x, value_ref r) {
    {
      const visit v{*this};
      n_ = mix(n_.n, x);
    }
    const number mine = n_.n;
    (void)co_await r;
    must(!alone_ || n_.n == mine, "somebody was in while a method awaited");
    co_return mine;
  }
  troupe::stream<value> counts(number n) {
    for (number k = 0; k < n; ++k) co_yield mix(n_.n, k);
  }
  value comes(number caller, number which) {
    const visit v{*this};
    must(last_[caller] < which, "the calls of one caller are out of order");
    last_[caller] = which;
    return n_ = n_.n + 1;
  }
  value looks(number x) const {
    if (x % 3 == 0) here().sleep_for(microseconds(x % 50));
    return mix(n_.n, x);
  }
  value mixes(value x) const { return looks(x.n); }
  value breaks(number x) {
    n_ = 0;
    throw troupe::actor_broken(std::to_string(x));
  }
  value breaks_at_first(number x, std::shared_ptr<number> tries) {
    if ((*tries)-- > 0) return breaks(x);
    return add(x);
  }
  value snapshot() const { return n_; }
  void restore(const value& v) { n_ = v; }

private:
  struct visit {
    clerk& in;
    explicit visit(clerk& c) : in(c) { must(in.inside_++ == 0, "two bodies are in one actor"); }
    ~visit() { --in.inside_; }
  };
  value n_;
  std::map<number, number> last_;
  int inside_ = 0;
  const bool alone_;
};
struct stillborn {
  explicit stillborn(number own) { throw bad(std::to_string(own)); }
  value gives() const { return 1; }
};

troupe::task_options of_actor(number own) {
  troupe::task_options o;
  o.reentrant = own % 5 == 0;
  if (own % 7 == 0) o.concurrency = 1 + static_cast<unsigned>(own % 4);
  if (own % 19 == 0) o.blocking = true;
  if (own % 11 == 0) o.priority = 1;
  return o;
}
actor<clerk> make(number own) {
  const auto o = of_actor(own);
  return here().with(o).actor<clerk>(value{own}, !o.reentrant);
}
value late(number own) {
  here().sleep_for(hours(1));
  return own;
}
// Whether it gave a value. (What the task itself gives once it is to end does not count.)
bool gave(const value_ref& r) {
  try {
    (void)here().get(r);
    return true;
  } catch (const troupe::error&) { return false; }
}

// ---- bodies -------------------------------------------------------------------------------------
// In order, whatever each waits for: so the last one knows them all.
value in_order(number own, refs in) {
  auto a = make(own);
  refs all;
  for (std::size_t i = 0; i < in.size(); ++i) switch ((own + i) % 4) {
      case 0: all.push_back(a.call<&clerk::naps>(own % 100 + i)); break;
      case 1: all.push_back(a.call<&clerk::awaits>(own % 100 + i, in[i])); break;
      case 2: all.push_back(a.call<&clerk::add>(own % 100 + i)); break;
      default: all.push_back(a.call<&clerk::add_all>(own, refs(2, in[i])));
    }
  if (own % 3) a = {};
  (void)here().get(all);  // one that met a fault is missing in the last
  return here().get(all.back());
}
expected in_order_gives(const node& n, const values& in) {
  number all = n.own;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto how = (n.own + i) % 4;
    if (how % 2 && in[i].failed) return {0, in[i].failed};
    all = mix(all, how == 3 ? mix(mix(n.own, in[i].gives), in[i].gives) : n.own % 100 + i);
  }
  return {all};
}

value comes_often(actor<clerk> a, number caller, number times) {
  refs all;
  for (number k = 1; k <= times; ++k)
    all.push_back(k % 3 == 0 ? a.call<&clerk::looks>(k) : a.call<&clerk::comes>(caller, k));
  if (caller % 2) a = {};
  return here().get(all).size();
}
value several(number own, const std::vector<value>& v) {
  auto a = make(own);
  refs callers;
  for (number c = 0; c < 2 + own % 3; ++c)
    callers.push_back(here().submit<comes_often>(a, c, 2 + own % 5));
  if (own % 2) (void)here().get(callers);
  else a = {};
  (void)here().get(std::move(callers));
  return fold(own, v);
}

value breaks(number own, const std::vector<value>& v) {
  auto o = of_actor(own);
  o.restarts = 2 + static_cast<unsigned>(own % 3);
  o.retry_calls = 2;
  o.snapshot_every = 1;
  o.backoff = {.first = microseconds(own % 200), .most = microseconds(500)};
  auto a = here().with(o).actor<clerk>(value{own}, false);
  auto tries = std::make_shared<number>(own % 3);
  auto first = a.call<&clerk::add>(1);
  auto second = a.call<&clerk::breaks_at_first>(2, tries);
  auto third = a.call<&clerk::add>(3);
  if (own % 4 == 0) a = {};
  const number last = here().get(third).n;
  must(!undisturbed() || last == mix(mix(mix(own, 1), 2), 3),
       "a call was lost or out of order while its actor was made again");
  (void)here().get(first);
  (void)here().get(second);
  return fold(own, v);
}
value dies(number own, const std::vector<value>& v) {
  auto o = of_actor(own);
  o.restarts = static_cast<unsigned>(own % 2);
  o.backoff = {.first = microseconds(own % 200)};
  auto a = here().with(o).actor<clerk>(value{own}, false);
  for (number k = 0; k <= own % 2; ++k) (void)a.call<&clerk::breaks>(own + k);
  auto after = a.call<&clerk::add>(1);
  if (own % 3 == 0) a = {};
  try {
    (void)here().get(after);
    must(!undisturbed(), "an actor that broke too often gave a value");
  } catch (const troupe::actor_died& e) {
    must(!orderly() || std::string{e.what()}.find(std::to_string(own)) != std::string::npos,
         "an actor died without its story");
  }
  return fold(own, v);
}
value is_stillborn(number own, const std::vector<value>& v) {
  auto a = here()
               .with({.backoff = {.first = {}}, .restarts = static_cast<unsigned>(own % 3)})
               .actor<stillborn>(own);
  try {
    (void)here().get(a.call<&stillborn::gives>());
    must(false, "what was never made gave a value");
  } catch (const troupe::actor_died&) {}
  return fold(own, v);
}
value stops(number own, const std::vector<value>& v) {
  auto a = make(own);
  auto never = here().submit<late>(own);
  refs all{a.call<&clerk::naps>(own), a.call<&clerk::add>(1), a.call<&clerk::awaits>(2, never),
           a.call<&clerk::add_all>(3, refs{never}), a.call<&clerk::add>(4)};
  if (own % 2) here().sleep_for(microseconds(own % 200));
  a.stop();
  if (own % 3 == 0) a = {};
  (void)gave(all[0]);
  const bool last = gave(all[4]);
  must(!last || mood.slow || mood.bounded || !undisturbed() || own % 5 == 0,
       "a call began after the stop of its actor");
  (void)here().cancel(never);
  if (a) must(!gave(a.call<&clerk::add>(1)), "an actor that was stopped gave a value");
  return fold(own, v);
}
value takes_calls_back(number own, const std::vector<value>& v) {
  auto a = make(own | 1);  // not by fives alone
  auto never = here().submit<late>(own);
  auto first = a.call<&clerk::naps>(own), second = a.call<&clerk::add_all>(own, refs{never}),
       third = a.with({.deadline = microseconds(own % 300)}).call<&clerk::add>(1),
       fourth = a.call<&clerk::add>(2), fifth = a.call<&clerk::looks>(5);
  if (own % 2) here().sleep_for(microseconds(own % 50));
  value_ref all[] = {first, second, third, fourth};
  (void)here().cancel(all[own % 4]);
  (void)here().cancel(second);
  (void)here().get(fifth);
  for (auto& r : all) (void)gave(r);
  must(second.settled(), "who was cancelled has not settled");
  (void)here().cancel(never);
  return fold(own, v);
}
value hands_on(number own, const std::vector<value>& v) {
  auto keeps = [](actor<clerk> a, number x) { return here().get(a.call<&clerk::add>(x)); };
  auto a = make(own);
  auto r = here().submit(keeps, a, own);
  auto s = here().submit([](actor<clerk> b, const value&) { return b; }, std::move(a), r);
  auto back = here().get(std::move(s));
  const number now = here().get(back.call<&clerk::looks>(1)).n;
  must(!undisturbed() || now == mix(mix(own, own), 1), "an actor that was handed on has changed");
  return fold(own, v);
}
value reads(number own, const std::vector<value>& v) {
  auto a = make(own);
  number n = 0;
  for (const value& x : a.call<&clerk::counts>(own % 9)) must(x.n == mix(own, n++), "out of order");
  must(n == own % 9, "a method's stream has another length");
  return fold(own, v);
}
troupe::stream<value> some(number n) {
  for (number k = 0; k < n; ++k) co_yield value{3 * k + 1};
}
value maps(number own, const std::vector<value>& v) {
  auto pool = here().actor_pool<clerk>(1 + own % 3, value{7}, true);
  number k = 0;
  auto results = pool.map<&clerk::mixes>(here().submit<some>(own % 12), own % 4);
  for (const value& x : results) {
    must(x.n == mix(7, 3 * k++ + 1), "a pool's results are out of order");
    if (own % 3 == 0 && k == 5) break;
  }
  return fold(own, v);
}
}  // namespace

std::vector<kind> actor_kinds() {
  return {
      {"in_order", 5, 6, in_order_gives, with_all<in_order>},
      {"one_call", 3, 3,
       [](const node& n, const values& in) {
         expected e = folded(n, in);
         e.gives = mix(n.own, e.gives);
         return e;
       },
       [](on s, const node& n, const refs& in) {
         return s.actor<clerk>(value{n.own}, true)
             .with(options(n))
             .call<&clerk::add_all>(n.own, in);
       }},
      {"several", 4, 3, folded, with_all<several>},
      {"breaks", 4, 3, folded, with_all<breaks>},
      {"dies", 3, 3, folded, with_all<dies>},
      {"is_stillborn", 1, 3, folded, with_all<is_stillborn>},
      {"stops", 3, 3, folded, with_all<stops>},
      {"takes_calls_back", 3, 3, folded, with_all<takes_calls_back>},
      {"hands_on", 2, 3, folded, with_all<hands_on>},
      {"reads", 2, 3, folded, with_all<reads>},
      {"maps", 2, 3, folded, with_all<maps>},
  };
}

}  // namespace simulated
