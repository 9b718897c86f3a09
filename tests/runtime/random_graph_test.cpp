// SPDX-License-Identifier: MIT
// Random graphs against an oracle that knows beforehand what each task must give. TROUPE_SEED and
// TROUPE_ROUNDS choose others.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using troupe::here;
using troupe::ref;

namespace {
using number = std::uint64_t;

// What a node must give: a number, or the error of the node that failed first.
struct expected {
  number value = 0;
  int failed = -1;
};
// One call of the plan; the whole plan is a pure function of the seed.
struct node {
  enum kind {
    put,
    plain,
    view,
    flatten,
    nested,
    waits,
    in_place,
    thrower,
    catcher,
    tree,
    kinds
  } what;
  number own;
  std::vector<int> inputs;
  expected gives;
};
struct bad : std::runtime_error {
  using runtime_error::runtime_error;
};

number mix(number a, number b) {
  return (a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccd;
}
number fold(number own, const std::vector<number>& v) {
  for (number x : v) own = mix(own, x);
  return own;
}
number tree_sum(number n) { return n == 0 ? 1 : mix(n, tree_sum(n - 1)) + tree_sum(n / 2); }

std::vector<node> make_plan(unsigned seed) {
  std::mt19937 random{seed};
  std::vector<node> plan(1 + random() % 60);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    node& n = plan[i];
    n.what = i == 0 ? node::put : static_cast<node::kind>(random() % node::kinds);
    if (n.what == node::thrower && random() % 2) n.what = node::plain;
    n.own = random();
    if (n.what == node::put) {
      n.gives.value = n.own;
      continue;
    }
    if (n.what == node::tree) {
      n.gives.value = tree_sum(n.own % 8);
      continue;
    }
    const std::size_t most = n.what == node::flatten || n.what == node::catcher ? 1 : 12;
    for (std::size_t k = 1 + random() % most; k > 0; --k)
      n.inputs.push_back(static_cast<int>(i - 1 - random() % std::min<std::size_t>(i, 20)));
    std::vector<number> values;
    for (int in : n.inputs) {
      const expected& e = plan[static_cast<std::size_t>(in)].gives;
      values.push_back(e.value);
      if (e.failed >= 0 && n.gives.failed < 0) n.gives.failed = e.failed;
    }
    if (n.what == node::catcher)
      n.gives = n.gives.failed >= 0 ? expected{static_cast<number>(n.gives.failed), -1}
                                    : expected{values[0], -1};
    else if (n.gives.failed >= 0) continue;
    else if (n.what == node::thrower) n.gives.failed = static_cast<int>(i);
    else if (n.what == node::flatten) n.gives.value = values[0];
    else n.gives.value = fold(n.own, values);
  }
  return plan;
}

void dawdle(number n) {
  if (n % 5 == 0) here().sleep_for(std::chrono::microseconds(n % 97));
}
number tree(number n) {
  return n == 0 ? 1
                : mix(n, here().get(here().submit<tree>(n - 1))) +
                      here().get(here().submit<tree>(n / 2));
}
number plain(number own, const std::vector<number>& v) {
  dawdle(own);
  return fold(own, v);
}
number view(number own, troupe::values<number> v) {
  for (number x : v) own = mix(own, x);
  return own;
}
number direct(number own, number a, const number& b) { return mix(mix(own, a), b); }
number nested(number own, std::vector<ref<number>> refs) {
  dawdle(own);
  if (own % 3 == 0)
    for (auto& r : refs) own = mix(own, own % 2 ? here().get(r) : here().get(ref<number>(r)));
  else own = here().get(here().submit<plain>(own, refs));
  return own;
}
number gives_back(number own, number x) {
  dawdle(own);
  return x;
}
ref<number> flatten(number own, ref<number> r) {
  dawdle(own);
  if (own % 3 == 0) return r;
  if (own % 3 == 1) return here().submit<gives_back>(own, r);
  return here().submit<flatten>(own / 3, r);
}
// Takes them as they come, in pieces, with and without patience; folds in the order of the refs.
number waits(number own, std::vector<ref<number>> refs) {
  auto pending = refs;
  std::minstd_rand random{static_cast<unsigned>(own)};
  while (!pending.empty()) {
    const std::size_t n = 1 + random() % pending.size();
    troupe::wait_result<number> w;
    if (random() % 3) {
      w = here().wait(pending, n, std::chrono::microseconds(random() % 60));
      if (w.ready.size() > n) throw std::logic_error("more ready than asked for");
    } else {
      w = here().wait(pending, n);
      if (w.ready.size() != n) throw std::logic_error("another number ready than asked for");
    }
    if (w.ready.size() + w.pending.size() != pending.size())
      throw std::logic_error("wait has lost refs");
    for (auto& r : w.ready)
      if (!r.settled()) throw std::logic_error("ready and not settled");
    pending = std::move(w.pending);
    if (!pending.empty() && random() % 3 == 0) {
      try {
        (void)here().get(pending.back(), std::chrono::microseconds(random() % 40));
      } catch (const troupe::timed_out&) {
      } catch (const troupe::task_error&) {  // told in the order of the refs, below
      }
    }
  }
  for (auto& r : refs) own = mix(own, r.value());
  return own;
}
number throws(int index, const std::vector<number>&) { throw bad(std::to_string(index)); }
number catches(ref<number> r) {
  try {
    return here().get(r);
  } catch (const troupe::task_error& e) { return static_cast<number>(std::stoi(e.text())); }
}

ref<number> submit(const troupe::runtime& rt, const std::vector<node>& plan, std::size_t i,
                   const std::vector<ref<number>>& made) {
  const node& n = plan[i];
  std::vector<ref<number>> in;
  for (int k : n.inputs) in.push_back(made[static_cast<std::size_t>(k)]);
  troupe::task_options options{.name = "node " + std::to_string(i)};
  if (n.own % 23 == 0) options.blocking = true;
  if (n.own % 29 == 0) options.stack_size = 300 * 1024;
  auto with = rt.with(options);
  switch (n.what) {
    case node::put: return rt.put(n.own);
    case node::view: return with.submit<view>(n.own, in);
    case node::flatten: return with.submit<flatten>(n.own, in[0]);
    case node::nested: return with.submit<nested>(n.own, in);
    case node::waits: return with.submit<waits>(n.own, in);
    case node::thrower: return with.submit<throws>(static_cast<int>(i), in);
    case node::catcher: return with.submit<catches>(in[0]);
    case node::tree: return with.submit<tree>(n.own % 8);
    case node::in_place:
      if (in.size() == 2) return with.submit<direct>(n.own, in[0], in[1]);
      [[fallthrough]];
    default: return with.submit<plain>(n.own, in);
  }
}

// Empty: all is as the plan says.
std::string run(const troupe::runtime& rt, unsigned seed) {
  const auto plan = make_plan(seed);
  std::mt19937 random{seed ^ 0x5bd1e995};
  std::vector<ref<number>> made, kept(plan.size());
  for (std::size_t i = 0; i < plan.size(); ++i) {
    made.push_back(submit(rt, plan, i, made));
    if (random() % 16 == 0) std::this_thread::yield();
  }
  for (std::size_t i = 0; i < plan.size(); ++i)
    if (random() % 3) kept[i] = made[i];
  made.clear();  // what nobody keeps goes on all the same
  std::vector<ref<number>> asked;
  for (auto& r : kept)
    if (r) asked.push_back(r);
  if (!asked.empty() && random() % 2) {
    const std::size_t n = random() % asked.size();
    auto w = random() % 2 ? rt.wait(asked, n)
                          : rt.wait(asked, n, std::chrono::microseconds(random() % 200));
    if (w.ready.size() + w.pending.size() != asked.size()) return "wait has lost refs";
  }
  asked.clear();
  for (std::size_t i = plan.size(); i-- > 0;) {
    if (!kept[i]) continue;
    const std::string which = "node " + std::to_string(i);
    const expected& e = plan[i].gives;
    try {
      const number got = random() % 2 ? rt.get(kept[i]) : rt.get(std::move(kept[i]));
      if (e.failed >= 0)
        return which + " gave a value, and should fail with " + std::to_string(e.failed);
      if (got != e.value) return which + " gave another value";
    } catch (const troupe::task_error& error) {
      if (e.failed < 0) return which + " failed: " + error.what();
      if (!error.is<bad>() || error.text() != std::to_string(e.failed))
        return which + " failed with another error: " + error.what();
    }
    kept[i] = {};
  }
  rt.drain();
  const auto s = rt.stats();
  if (s.tasks_unsettled != 0 || s.tasks_unended != 0) return "after drain() tasks are left";
  if (s.inputs_awaited != s.readiness_messages) return "waits without an answer";
  if (s.objects != 0 &&
      !test::soon([&] { return rt.stats().objects == 0; }, std::chrono::seconds(5)))
    return std::to_string(rt.stats().objects) + " objects are left";
  return {};
}

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}
}  // namespace

TEST_CASE("random graphs give what their plans say, whatever the number of workers") {
  const unsigned first = number_from("TROUPE_SEED", 1),
                 rounds = number_from("TROUPE_ROUNDS", static_cast<unsigned>(test::size(300, 40)));
  for (const unsigned workers : {1u, 2u, 4u, 6u}) {
    troupe::runtime rt{{.workers = workers}};
    for (unsigned seed = first; seed < first + rounds; ++seed) {
      test::deadline limit;
      const auto wrong = run(rt, seed);
      if (!wrong.empty()) {
        FAIL_CHECK(wrong << " (TROUPE_SEED=" << seed << ", " << workers << " workers)");
        break;
      }
    }
  }
}

TEST_CASE("a runtime that ends in the middle of a random graph settles all of it") {
  const unsigned first = number_from("TROUPE_SEED", 1),
                 rounds = number_from("TROUPE_ROUNDS", static_cast<unsigned>(test::size(200, 30)));
  for (unsigned seed = first; seed < first + rounds; ++seed) {
    test::deadline limit;
    std::vector<ref<number>> made;
    const auto plan = make_plan(seed);
    {
      troupe::runtime rt{{.workers = 1 + seed % 4}};
      for (std::size_t i = 0; i < plan.size(); ++i) made.push_back(submit(rt, plan, i, made));
      if (seed % 3) std::this_thread::sleep_for(std::chrono::microseconds(seed * 7 % 500));
    }
    for (std::size_t i = 0; i < plan.size(); ++i) {
      REQUIRE(made[i].settled());
      try {
        const number got = made[i].value();
        if (plan[i].gives.failed >= 0 || got != plan[i].gives.value)
          FAIL("node " << i << " gave another value (TROUPE_SEED=" << seed << ")");
      } catch (const troupe::error&) {}
    }
  }
}
