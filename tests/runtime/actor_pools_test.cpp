// SPDX-License-Identifier: MIT
// Pools of actors, and actors by their names.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using troupe::actor;
using troupe::here;
using troupe::ref;
using troupe::stream;

namespace {
#define CHECK_SAYS(expression, type, words)                                         \
  try {                                                                             \
    (void)(expression);                                                             \
    FAIL_CHECK("it throws");                                                        \
  } catch (const type& e) {                                                         \
    CHECK_MESSAGE(std::string_view{e.what()}.find(words) != std::string_view::npos, \
                  std::string(e.what()));                                           \
  }

class parser {
public:
  explicit parser(int n = 0) : n_(n) {}
  int parse(int x) {
    ++calls_;
    if (x < 0) throw std::invalid_argument("negative");
    return x + n_;
  }
  std::size_t size(std::unique_ptr<std::string> text) { return text->size(); }
  int calls() const { return calls_; }
  int waits(ref<int> until) { return here().get(until); }

private:
  int n_, calls_ = 0;
};
class other {};

std::atomic<int> given{0};
stream<int> numbers(int n) {
  for (int i = 0; i < n; ++i) {
    ++given;
    co_yield i;
  }
}
stream<int> breaks_at(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
  throw std::runtime_error("no more");
}
stream<int> negative_at(int n) {
  for (int i = 0;; ++i) co_yield i == n ? -1 : i;
}
}  // namespace

TEST_CASE("a call of a pool goes to the one that has the fewest calls") {
  troupe::runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<parser>(3, 10);
  CHECK(pool.size() == 3);
  test::gate gate{rt};
  auto held = pool[0].call<&parser::waits>(gate.closed),
       also = pool[2].call<&parser::waits>(gate.closed);
  for (int i = 0; i < 20; ++i) CHECK(rt.get(pool.call<&parser::parse>(i)) == i + 10);
  CHECK(rt.get(pool[1].call<&parser::calls>()) == 20);
  gate.open();
  rt.get(std::vector{held, also});
  // of equals, one after the other
  rt.drain();
  for (int i = 0; i < 30; ++i) rt.get(pool.call<&parser::parse>(i));
  int most = 0;
  for (auto& p : pool) most = std::max(most, rt.get(p.call<&parser::calls>()));
  CHECK(most < 20 + 30);
}

TEST_CASE(
    "map calls a method for each element of a range: of values, of refs, of what can only be "
    "moved") {
  troupe::runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<parser>(4, rt.put(1));
  std::vector<int> xs{5, 6, 7};
  CHECK(rt.get(pool.map<&parser::parse>(xs))[2] == 8);
  CHECK(xs.size() == 3);
  std::vector<ref<int>> refs;
  test::gate gate{rt};
  for (int i = 0; i < 100; ++i)
    refs.push_back(i % 2 ? rt.put(i) : rt.submit([i](int) { return i; }, gate.closed));
  auto results = pool.map<&parser::parse>(refs);
  gate.open();
  for (int i = 0; i < 100; ++i) CHECK(rt.get(results[static_cast<std::size_t>(i)]) == i + 1);
  std::vector<std::unique_ptr<std::string>> texts;
  for (int i = 0; i < 5; ++i) texts.push_back(std::make_unique<std::string>(i, 'x'));
  auto sizes = pool.map<&parser::size>(std::move(texts));
  for (std::size_t i = 0; i < 5; ++i) CHECK(rt.get(sizes[i]) == i);
}

TEST_CASE("map over a stream gives the results in its order, and is never far ahead") {
  troupe::runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<parser>(3, 100);
  for (std::size_t ahead : {0, 1, 2, 50}) {
    int n = 0;
    for (const int& x : pool.map<&parser::parse>(rt.submit<numbers>(500), ahead))
      CHECK(x == 100 + n++);
    CHECK(n == 500);
  }
  CHECK_FALSE(pool.map<&parser::parse>(rt.submit<numbers>(0)).next());
  given = 0;
  {
    auto few =
        pool.map<&parser::parse>(rt.with({.stream_buffer = 1}).submit<numbers>(1'000'000), 4);
    for (int i = 0; i < 10; ++i) CHECK(few.next() == 100 + i);
  }  // left early: all end
  rt.drain();
  CHECK(given < 10'000);
}

// The results of those that were under way were lost.
TEST_CASE(
    "what came before a stream's error comes before it, and a call that fails ends the map with "
    "its error") {
  troupe::runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<parser>(3, 0);
  auto ends = pool.map<&parser::parse>(rt.submit<breaks_at>(5), 3);
  for (int i = 0; i < 5; ++i) CHECK(ends.next() == i);
  CHECK_SAYS(ends.next(), troupe::task_error, "no more");
  auto fails = pool.map<&parser::parse>(rt.submit<negative_at>(7), 3);
  for (int i = 0; i < 7; ++i) CHECK(fails.next() == i);
  CHECK_SAYS(fails.next(), troupe::task_error, "negative");
}

TEST_CASE("a pool is stopped as one, and has at least one actor") {
  troupe::runtime rt{{.workers = 2}};
  auto pool = rt.actor_pool<parser>(2);
  pool.stop();
  CHECK_THROWS_AS(rt.get(pool.call<&parser::parse>(1)), troupe::cancelled);
  CHECK_SAYS(rt.actor_pool<parser>(0), troupe::error, "1 to 65536");
  CHECK_SAYS(troupe::actor_pool<parser>{}.call<&parser::parse>(1), troupe::error, "no actors");
}

// ---- names --------------------------------------------------------------------------------------

TEST_CASE("an actor is found by its name, by its class only, and the error lists near names") {
  troupe::runtime rt{{.workers = 2}};
  CHECK_SAYS(rt.find_actor<parser>("x"), troupe::error, "no actor of this runtime has a name");
  auto a = rt.with({.name = "tally"}).actor<parser>(1);
  auto pool = rt.with({.name = "worker"}).actor_pool<parser>(3, 1);
  CHECK(rt.find_actor<parser>("tally") == a);
  CHECK(rt.find_actor<parser>("worker-2") == pool[2]);
  CHECK(rt.get(rt.submit([] { return here().find_actor<parser>("tally").name(); })) == "tally");
  CHECK_SAYS(rt.find_actor<parser>("taly"), troupe::error, "did you mean 'tally'?");
  CHECK_SAYS(rt.find_actor<parser>("something else"), troupe::error,
             "there are 'tally', 'worker-0'");
  CHECK_SAYS(rt.find_actor<other>("tally"), troupe::error, "parser, not a");
  CHECK_SAYS(rt.with({.name = "tally"}).actor<other>(), troupe::error, "lives already");
  CHECK_SAYS(rt.with({.name = "tally", .detached = true}).actor<parser>(), troupe::error,
             "find_actor");
}

TEST_CASE("a name is free again once its actor is over, and not before") {
  troupe::runtime rt{{.workers = 2}};
  auto make = [&](int n) { return rt.with({.name = "one"}).actor<parser>(n); };
  auto made_at_last = [&](int n) {
    actor<parser> a;
    CHECK(test::soon([&] {
      try {
        a = make(n);
        return true;
      } catch (const troupe::error&) { return false; }
    }));
    return a;
  };
  for (int i = 0; i < 50; ++i) {
    auto a = made_at_last(i);
    test::gate gate{rt};
    auto held = a.call<&parser::waits>(gate.closed);
    a = {};
    CHECK_SAYS(make(1), troupe::error, "lives already");
    CHECK_THROWS_AS(rt.find_actor<parser>("one"), troupe::error);
    gate.open();
    rt.get(held);
    auto b = made_at_last(7);
    CHECK(rt.get(b.call<&parser::parse>(1)) == 8);
    b.stop();
  }
}
