// SPDX-License-Identifier: MIT
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;

namespace {
std::atomic<int> told{0}, ended{0};

int later(int x) {
  here().sleep_for(1ms);
  return x;
}
int broken() { throw std::runtime_error("broke"); }

troupe::task<int> sum_of_two(ref<int> a, ref<int> b) { co_return co_await a + co_await b; }
troupe::task<int> twice(ref<int> r) { co_return 2 * co_await r; }
troupe::task<int> four_times(ref<int> r) {
  const int a = co_await twice(r);
  auto again = twice(r);
  co_return a + co_await std::move(again);
}
troupe::task<void> sets(std::shared_ptr<int> to, ref<int> r) { *to = co_await r; }
troupe::task<int> deep(int n, ref<int> r) {
  if (n == 0) co_return co_await r;
  co_return 1 + co_await deep(n - 1, r);
}
troupe::task<int> adds(int n) {
  auto one = []() -> troupe::task<int> { co_return 1; };
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await one();
  co_return sum;
}
troupe::task<int> catches(ref<int> r) {
  try {
    co_return co_await r;
  } catch (const troupe::task_error& e) { co_return static_cast<int>(e.text().size()); }
}
troupe::task<int> watched(ref<int> r) {
  struct at_end {
    ~at_end() { ++ended; }
  } e;
  try {
    co_return co_await twice(r);
  } catch (const troupe::cancelled&) {
    ++told;
    throw;
  }
}
troupe::task<ref<int>> gives_a_ref(ref<int> r) { co_return here().submit<later>(co_await r + 1); }
troupe::task<std::size_t> size_of(const std::vector<int>& v, ref<int> r) {
  const int x = co_await r;
  co_return v.size() + static_cast<std::size_t>(x);
}
}  // namespace

TEST_CASE("a coroutine waits for refs and goes on with their values") {
  test::deadline limit;
  for (unsigned workers : {1u, 2u, 4u}) {
    troupe::runtime rt{{.workers = workers}};
    CHECK(rt.get(rt.submit<sum_of_two>(rt.submit<later>(3), rt.submit<later>(4))) == 7);
    CHECK(rt.get(rt.submit<sum_of_two>(rt.put(1), rt.put(2))) == 3);
    CHECK(rt.get(rt.submit<four_times>(rt.submit<later>(5))) == 20);
    auto to = std::make_shared<int>(0);
    rt.get(rt.submit<sets>(to, rt.submit<later>(6)));
    CHECK(*to == 6);
    CHECK(rt.get(rt.submit([](int x, ref<int> r) -> troupe::task<int> { co_return x + co_await r; },
                           rt.submit<later>(1), rt.submit<later>(2))) == 3);
    CHECK(rt.get(rt.with({.blocking = true}).submit<twice>(rt.submit<later>(2))) == 4);
    CHECK(rt.get(rt.with({.stack_size = 1 << 20}).submit<twice>(rt.submit<later>(2))) == 4);
    // dependants, nested gets and coroutines of coroutines
    CHECK(rt.get(rt.submit<later>(rt.submit<twice>(rt.submit<later>(2)))) == 4);
    CHECK(rt.get(rt.submit(
              [] { return here().get(here().submit<twice>(here().submit<later>(2))); })) == 4);
    rt.drain();
    CHECK(rt.stats().objects == 0);
  }
}

TEST_CASE(
    "co_await gives what get gives: a reference to what stays, the value of what is given up") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  {
    auto kept = rt.put(std::string(100, 'x'));
    CHECK(rt.get(rt.submit(
        [](ref<std::string> r) -> troupe::task<bool> {
          const std::string& a = co_await r;
          const std::string& b = here().get(r);
          co_return &a == &b;
        },
        kept)));
    counted::reset();
    auto moved = rt.submit(
        [](ref<counted> r) -> troupe::task<int> {
          counted c = co_await std::move(r);
          co_return c.value;
        },
        rt.submit([] {
          here().sleep_for(1ms);
          return counted{8};
        }));
    CHECK(rt.get(moved) == 8);
    CHECK(counted::copies == 0);
    auto owner = rt.submit(
        [](int x) -> troupe::task<std::unique_ptr<int>> {
          auto p = co_await here().submit([x] { return std::make_unique<int>(x); });
          co_await here().submit([] { here().sleep_for(1ms); });
          co_return p;
        },
        9);
    CHECK(*rt.get(std::move(owner)) == 9);
  }
  rt.drain();
  CHECK(counted::alive == 0);
}

TEST_CASE("an input that failed throws its error at the co_await") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  auto bad = rt.with({.name = "first"}).submit<broken>();
  CHECK(rt.get(rt.submit<catches>(bad)) == 5);
  try {
    rt.get(rt.with({.name = "last"}).submit<four_times>(bad));
    CHECK(false);
  } catch (const troupe::task_error& e) {
    CHECK(e.task() == "first");
    CHECK(e.via() == std::vector<std::string>{"last"});
  }
  CHECK_THROWS_AS(rt.get(rt.submit(
                      [](ref<int> r) -> troupe::task<int> {
                        const int x = co_await r;
                        throw std::logic_error("own");
                        co_return x;
                      },
                      rt.submit<later>(1))),
                  troupe::task_error);
  CHECK_THROWS_AS(rt.get(rt.submit([]() -> troupe::task<int> { co_return co_await ref<int>{}; })),
                  troupe::task_error);
  CHECK_THROWS_AS(rt.get(rt.submit<twice>(bad)), troupe::task_error);
}

TEST_CASE("a coroutine that gives a ref settles with what it names; the verbs of here() work") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  ref<int> flat = rt.submit<gives_a_ref>(rt.submit<later>(1));
  CHECK(rt.get(flat) == 2);
  CHECK(rt.get(rt.submit(
            [](ref<int> r) -> troupe::task<int> {
              here().sleep_for(1ms);
              const int a = co_await r;
              here().sleep_for(1ms);
              const int b = here().get(here().submit<later>(a));
              co_return b + co_await here().submit<later>(b);
            },
            rt.submit<later>(4))) == 8);
}

TEST_CASE("arguments live as long as the body, those that had to be converted too") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::vector<ref<int>> refs;
  for (int i = 0; i < 100; ++i) refs.push_back(rt.submit<later>(i));
  CHECK(rt.get(rt.submit<size_of>(refs, rt.submit<later>(5))) == 105);
  CHECK(rt.get(rt.submit<size_of>(rt.put(std::vector<int>(7)), rt.submit<later>(5))) == 12);
  const std::string text(50, 'x');
  CHECK(rt.get(rt.submit(
            [text](ref<int> r) -> troupe::task<std::string> {
              co_await r;
              co_return text;
            },
            rt.submit<later>(1))) == text);
}

TEST_CASE("coroutines call each other without using up the stack") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  CHECK(rt.get(rt.submit<adds>(100'000)) == 100'000);
  CHECK(rt.get(rt.submit<deep>(1000, rt.submit<later>(1))) == 1001);
}

TEST_CASE("100,000 coroutines that wait have no stacks") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  const int n = test::size(100'000, 20'000);
  std::atomic<int> begun{0};
  test::gate gate{rt};
  auto waits = [&begun](ref<int> r) -> troupe::task<int> {
    ++begun;
    co_return co_await r;
  };
  std::vector<ref<int>> all;
  all.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) all.push_back(rt.submit(waits, gate.closed));
  CHECK(test::soon([&] { return begun == n; }));
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  int lines = 0;
  for (int c; (c = std::fgetc(maps)) != EOF;) lines += c == '\n';
  std::fclose(maps);
  CHECK(lines < 1000);  // a stack costs at least one of them
  gate.open();
  long sum = 0;
  for (const int& x : rt.get(all)) sum += x;
  CHECK(sum == n);
}

TEST_CASE("a runtime that ends wakes its coroutines with cancelled, and their frames go") {
  test::deadline limit;
  told = ended = 0;
  std::vector<ref<int>> all;
  std::atomic<int> begun{0};
  {
    troupe::runtime rt{{.workers = 2}};
    auto never = rt.submit([] {
      here().sleep_for(1h);
      return 1;
    });
    for (int i = 0; i < 1000; ++i) all.push_back(rt.submit<watched>(never));
    all.push_back(rt.submit(
        [&begun](ref<int> r) -> troupe::task<int> {
          ++begun;
          for (int i = 0; i < 3; ++i) {
            try {
              co_await r;
            } catch (const troupe::cancelled&) { ++begun; }
          }
          co_return 1;
        },
        never));
    CHECK(test::soon([&] { return begun == 1; }));
    rt.get(rt.submit([] {}));
  }
  for (std::size_t i = 0; i < 1000; ++i) CHECK_THROWS_AS((void)all[i].value(), troupe::cancelled);
  CHECK(told == ended);
  CHECK(begun == 4);
}

TEST_CASE("a runtime ends at any moment, with coroutines in all states") {
  test::deadline limit;
  std::mt19937 random{5};
  for (int round = 0; round < test::size(300, 80); ++round) {
    std::vector<ref<int>> all;
    {
      troupe::runtime rt{{.workers = 1 + static_cast<unsigned>(random() % 3)}};
      for (int i = 0; i < 30; ++i) {
        auto in =
            random() % 3 == 0 || all.empty() ? rt.submit<later>(i) : all[random() % all.size()];
        all.push_back(random() % 2 ? rt.submit<four_times>(in)
                                   : rt.submit([](ref<int> r) { return here().get(r); }, in));
      }
      test::linger(std::chrono::microseconds(random() % 1000));
    }
    for (auto& r : all) CHECK(r.settled());
  }
}
