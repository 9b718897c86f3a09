// SPDX-License-Identifier: MIT
// Random programs in random interleavings on the deterministic scheduler, against what the same
// program computes serially.
#include "stepped.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <vector>

using troupe::here;
using troupe::ref;

namespace {
struct node {
  std::vector<int> inputs;
  bool nested = false, flat = false, fails = false;
};
using program = std::vector<node>;

program random_program(std::mt19937& random) {
  program p(5 + random() % 20);
  for (std::size_t i = 0; i < p.size(); ++i) {
    for (std::size_t k = random() % 4; i > 0 && k-- > 0;)
      p[i].inputs.push_back(static_cast<int>(random() % i));
    p[i].nested = random() % 3 == 0;
    p[i].flat = random() % 4 == 0;
    p[i].fails = random() % 12 == 0;
  }
  return p;
}

// nullopt: failed
std::vector<std::optional<long>> serially(const program& p) {
  std::vector<std::optional<long>> v;
  for (std::size_t i = 0; i < p.size(); ++i) {
    std::optional<long> sum = static_cast<long>(i) + 1;
    for (int in : p[i].inputs)
      sum = sum && v[static_cast<std::size_t>(in)]
                ? std::optional(*sum + *v[static_cast<std::size_t>(in)])
                : std::nullopt;
    if (p[i].fails) sum.reset();
    v.push_back(sum);
  }
  return v;
}

long body(const node& n, long start, const std::vector<long>& inputs) {
  for (long x : inputs) start += x;
  if (n.fails) throw std::runtime_error("as asked");
  if (!n.nested) return start;
  // through children and a sleep: the same sum
  auto half = here().submit(
      [](long x) {
        here().sleep_for(std::chrono::milliseconds(x % 7));
        return x / 2;
      },
      start);
  auto rest = here().submit([](long x) { return x - x / 2; }, start);
  here().sleep_for(std::chrono::milliseconds(3));
  return here().get(half) + here().get(rest);
}
ref<long> flat_body(const node& n, long start, std::vector<long> inputs) {
  return here().submit(
      [](const node& m, long s, const std::vector<long>& in) { return body(m, s, in); }, n, start,
      std::move(inputs));
}

void run(unsigned seed) {
  std::mt19937 random{seed};
  const program p = random_program(random);
  const auto expected = serially(p);
  stepped s;
  {
    std::vector<ref<long>> refs;
    for (std::size_t i = 0; i < p.size(); ++i) {
      std::vector<ref<long>> inputs;
      for (int in : p[i].inputs) inputs.push_back(refs[static_cast<std::size_t>(in)]);
      refs.push_back(p[i].flat ? s.rt->submit<flat_body>(p[i], static_cast<long>(i) + 1, inputs)
                               : s.rt->submit<body>(p[i], static_cast<long>(i) + 1, inputs));
      for (unsigned k = random() % 5; k-- > 0;) s.step();
    }
    for (int rounds = 0; rounds < 1000; ++rounds) {
      s.run_shuffled(random);
      const bool all = std::all_of(refs.begin(), refs.end(), [](auto& r) { return r.settled(); });
      if (all) break;
      (void)s.rt->wait(refs, 1 + random() % refs.size(),
                       std::chrono::milliseconds(1));  // lets the virtual clock go on
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      REQUIRE(refs[i].settled());
      if (expected[i]) CHECK(refs[i].value() == *expected[i]);
      else CHECK_THROWS_AS(refs[i].value(), troupe::task_error);
    }
  }
  s.rt->drain();
  s.run();
  const auto n = s.rt->stats();
  CHECK(n.objects == 0);
  CHECK(n.tasks_unsettled == 0);
  CHECK(n.inputs_awaited == n.readiness_messages);
}
}  // namespace

TEST_CASE(
    "random programs give what they give serially, in whatever order messages and tasks have their "
    "turns") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    run(seed);
  }
}

TEST_CASE("a runtime that ends at any step settles all that is pending as cancelled") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const program p = random_program(random);
    std::vector<ref<long>> refs;
    {
      stepped s;
      for (std::size_t i = 0; i < p.size(); ++i) {
        std::vector<ref<long>> inputs;
        for (int in : p[i].inputs) inputs.push_back(refs[static_cast<std::size_t>(in)]);
        refs.push_back(s.rt->submit<body>(p[i], static_cast<long>(i) + 1, inputs));
      }
      for (unsigned k = random() % 100; k-- > 0;) s.step();
      s.rt.reset();
    }
    const auto expected = serially(p);
    for (std::size_t i = 0; i < refs.size(); ++i) {
      REQUIRE(refs[i].settled());
      try {
        const long value = refs[i].value();
        REQUIRE(expected[i]);
        CHECK(value == *expected[i]);
      } catch (const troupe::cancelled&) {
      } catch (const troupe::task_error&) { CHECK_FALSE(expected[i]); }
    }
  }
}
