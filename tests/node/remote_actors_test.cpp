// SPDX-License-Identifier: MIT
// Actors whose instance lives on another node: runtimes of one process, over loopback.
#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace afar {
// Counts what there is of it.
class counter {
public:
  static inline std::atomic<int> alive{0}, made{0};
  explicit counter(int start) : n_(start) { ++alive, ++made; }
  counter(const counter&) = delete;
  ~counter() { --alive; }
  int add(int x) { return n_ += x; }
  int get() const { return n_; }
  int fails(int x) {
    n_ += x;
    throw std::runtime_error("no " + std::to_string(x));
  }
  int breaks() { throw actor_broken("at " + std::to_string(n_)); }
  int waits_for_ever() {
    here().sleep_for(1h);
    return 0;
  }

private:
  int n_;
};

struct pair {
  pair() {
    counter::made = 0;
    export_actor<counter(int), &counter::add, &counter::get, &counter::fails, &counter::breaks,
                 &counter::waits_for_ever>();
    REQUIRE(there.wait_for(1, 10s));
    REQUIRE(home.wait_for(1, 10s));
  }
  bool is_empty() const { return status(there, "of_others", 0) && status(home, "elsewhere", 0); }
  static bool status(const node& n, const char* name, int value) {
    return n.status().find("\"" + std::string(name) + "\": " + std::to_string(value)) !=
           std::string::npos;
  }
  runtime a{{.workers = 1, .name = "a"}}, b{{.workers = 2, .labels = {"gpu"}, .name = "b"}};
  node there = b.join({.listen = "127.0.0.1:0", .name = "b"});
  node home = a.join({.join = {there.address()}, .name = "a", .serves = false});
};
}  // namespace afar
using afar::counter;

TEST_CASE("an actor that needs what its own runtime lacks lives on the node that has it") {
  test::deadline over;
  afar::pair p;
  {
    auto c = p.a.with({.labels = {"gpu"}}).actor<counter>(3);
    CHECK(p.a.get(c.call<&counter::add>(4)) == 7);
    CHECK(p.a.get(c.call<&counter::add>(p.a.put(1))) == 8);
    CHECK(p.a.get(c.call<&counter::get>()) == 8);
    CHECK(p.b.stats().tasks_settled == 4);
    CHECK(counter::alive == 1);
    CHECK(p.status(p.there, "of_others", 1));
  }
  CHECK(test::soon([&] { return p.is_empty() && counter::alive == 0; }));
}

TEST_CASE("an actor whose needs its own runtime meets stays there") {
  test::deadline over;
  afar::pair p;
  auto c = p.b.with({.labels = {"gpu"}}).actor<counter>(3);
  CHECK(p.b.get(c.call<&counter::add>(4)) == 7);
  auto d = p.a.actor<counter>(1);
  CHECK(p.a.get(d.call<&counter::add>(4)) == 5);
  CHECK(p.is_empty());
}
