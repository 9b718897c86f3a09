// SPDX-License-Identifier: MIT
// A pool that maps a stream.
#include "support.hpp"

#include <troupe/troupe.hpp>

#include <doctest/doctest.h>

#include <semaphore>
#include <stdexcept>
#include <vector>

using troupe::runtime;
using troupe::stream;

namespace {
struct doubler {
  int twice(int x) const {
    if (x < 0) throw std::runtime_error("negative");
    return 2 * x;
  }
};
stream<int> up_to(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}
stream<int> one_by_one(int n, std::counting_semaphore<>* asked) {
  for (int i = 0; i < n; ++i) {
    asked->acquire();
    co_yield i;
  }
}
stream<int> torn() {
  co_yield 1;
  co_yield 2;
  throw std::runtime_error("torn");
}
}  // namespace

TEST_CASE("a pool maps a stream to a stream of results in the same order") {
  runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<doubler>(3);
  int next = 0;
  for (int x : pool.map<&doubler::twice>(rt.submit<up_to>(1000))) CHECK(x == 2 * next++);
  CHECK(next == 1000);
}

// map took values until as many calls were in flight as it may have, before it gave a result
TEST_CASE("a result of a mapped stream comes when it is there, however slow the stream is") {
  runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<doubler>(4);
  std::counting_semaphore<> asked{0};
  auto slow = rt.with({.blocking = true}).submit<one_by_one>(5, &asked);
  auto results = pool.map<&doubler::twice>(std::move(slow));
  for (int i = 0; i < 5; ++i) {
    asked.release();
    CHECK(results.next() == 2 * i);  // would wait for ever
  }
  CHECK(!results.next());
}

TEST_CASE("the error of a stream that a pool maps comes after the results before it") {
  runtime rt{{.workers = 2}};
  auto results = rt.actor_pool<doubler>(2).map<&doubler::twice>(rt.submit<torn>());
  CHECK(results.next() == 2);
  CHECK(results.next() == 4);
  CHECK_THROWS_WITH(results.next(), doctest::Contains("torn"));
}

TEST_CASE("a call that fails ends the stream of results") {
  runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<doubler>(2);
  auto results = pool.map<&doubler::twice>(rt.submit([]() -> stream<int> {
    co_yield 1;
    co_yield -1;
    for (int i = 0;; ++i) co_yield int{i};
  }));
  CHECK(results.next() == 2);
  CHECK_THROWS_WITH(results.next(), doctest::Contains("negative"));
}

TEST_CASE("a stream of results that is left ends the stream it came from") {
  runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<doubler>(2);
  {
    auto results = pool.map<&doubler::twice>(rt.submit([]() -> stream<int> {
      for (int i = 0;; ++i) co_yield int{i};
    }));
    CHECK(results.next() == 0);
  }
  rt.drain();
}
