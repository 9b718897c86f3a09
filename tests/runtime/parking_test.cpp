// SPDX-License-Identifier: MIT
// Bodies that wait: many, deep, on one worker; and bodies that block, or need large stacks.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <barrier>
#include <cstdint>
#include <vector>

using namespace std::chrono_literals;
using troupe::here;
using troupe::ref;

namespace {
constexpr std::size_t need = 2 << 20;
long fib(int n) {
  if (n < 2) return n;
  auto a = here().submit<fib>(n - 1), b = here().submit<fib>(n - 2);
  return here().get(a) + here().get(b);
}
int down(int n) { return n == 0 ? 0 : 1 + here().get(here().submit<down>(n - 1)); }
[[gnu::noinline]] std::size_t use_stack(std::size_t bytes) {
  auto p = static_cast<volatile char*>(__builtin_alloca(bytes));
  for (std::size_t i = 0; i < bytes; i += 1024) p[i] = 1;
  return bytes;
}
}  // namespace

TEST_CASE("fib with a get in every call ends on one worker") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 1}};
  CHECK(rt.get(rt.submit<fib>(test::size(25, 16))) == test::size(75025, 987));
  rt.drain();
  const auto s = rt.stats();
  CHECK(s.inputs_awaited == s.readiness_messages);
  CHECK(s.objects == 0);
}

TEST_CASE("as many bodies as you like have begun and wait for a gate") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 2}};
  const int n = test::size(20'000, 1'000);
  std::atomic<int> begun{0};
  test::gate gate{rt};
  std::vector<ref<int>> all;
  for (int i = 0; i < n; ++i)
    all.push_back(rt.submit(
        [&begun](ref<int> g, int x) {
          ++begun;
          return here().get(g) + x;
        },
        gate.closed, i));
  CHECK(test::soon([&] { return begun == n; }, 100s));
  gate.open();
  auto values = rt.get(all);
  for (int i = 0; i < n; ++i) REQUIRE(values[static_cast<std::size_t>(i)] == i + 1);
}

TEST_CASE("a chain of tasks that each wait for the next ends, whoever begins first") {
  test::deadline limit{120s};
  troupe::runtime rt{{.workers = 1}};
  const int n = test::size(50'000, 2'000);
  CHECK(rt.get(rt.submit<down>(n)) == n);
  // Each has begun before the one that waits for it: none can run on the stack of its getter.
  test::gate gate{rt};
  std::atomic<int> begun{0};
  ref<int> last = gate.closed;
  for (int i = 0; i < n; ++i) {
    last = rt.submit(
        [&begun](ref<int> r) {
          ++begun;
          return here().get(r) + 1;
        },
        last);
    if (i % 500 == 0) REQUIRE(test::soon([&] { return begun > i; }, 60s));
  }
  REQUIRE(test::soon([&] { return begun == n; }, 100s));
  gate.open();
  CHECK(rt.get(last) == n + 1);
}

TEST_CASE("a hundred blocking bodies that wait for each other run at once beside one worker") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  std::barrier all{100};
  std::vector<ref<int>> refs;
  for (int i = 0; i < 100; ++i)
    refs.push_back(rt.with({.blocking = true})
                       .submit(
                           [&all](int x) {
                             all.arrive_and_wait();
                             here().sleep_for(1ms);  // and they may park
                             all.arrive_and_wait();
                             return x + here().get(here().submit([] { return 1; }));
                           },
                           i));
  auto values = rt.get(refs);
  for (int i = 0; i < 100; ++i) CHECK(values[static_cast<std::size_t>(i)] == i + 1);
  auto next = rt.with({.blocking = true}).submit([] { return 1; });
  CHECK(rt.get(rt.submit([](int x) { return x; }, next)) == 1);
}

TEST_CASE("two bodies that need two workers get them") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  for (int i = 0; i < test::size(2000, 300); ++i) {
    std::atomic<int> begun{0};
    auto body = [&begun] {
      ++begun;
      return test::soon([&begun] { return begun == 2; }, 3s);
    };
    auto a = rt.submit(body), b = rt.submit(body);
    const bool both = rt.get(a, 30s) && rt.get(b, 30s);
    REQUIRE(both);
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 50));
  }
}

TEST_CASE("a body that needs 2 MiB gets them where it asks for them") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  CHECK(rt.get(rt.with({.stack_size = need + 64 * 1024}).submit(use_stack, need)) == need);
  auto inside = rt.submit([] {
    return here().get(here().with({.stack_size = need + 64 * 1024}).submit(use_stack, need));
  });
  CHECK(rt.get(inside) == need);
  CHECK_THROWS_WITH_AS(rt.with({.stack_size = 100}).submit(use_stack, need),
                       doctest::Contains("stack_size"), troupe::error);
  CHECK_THROWS_AS(rt.with({.stack_size = std::size_t{2} << 30}).submit(use_stack, need),
                  troupe::error);
  troupe::runtime large{{.workers = 1, .stack_size = need + 64 * 1024}};
  CHECK(large.get(large.submit(use_stack, need)) == need);
  CHECK(large.options().stack_size == need + 64 * 1024);
}

TEST_CASE("every body finds its whole stack free, however deep it was submitted") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  struct step {
    static std::size_t run(int n) {
      const std::size_t mine = use_stack(200 * 1024);
      return n == 0 ? mine : here().get(here().submit(run, n - 1)) + mine;
    }
  };
  CHECK(rt.get(rt.submit(&step::run, 50)) == 51 * 200 * 1024);
}
