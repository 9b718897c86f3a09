// SPDX-License-Identifier: MIT
// Actors whose instance lives on another node: runtimes of one process, over loopback.
#include <troupe/node.hpp>

#include "tests/node/far_actors.hpp"
#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace afar {
bool status(const node& n, const char* name, int value) {
  return n.status().find("\"" + std::string(name) + "\": " + std::to_string(value)) !=
         std::string::npos;
}
struct worker {
  explicit worker(const char* name, const node* to = nullptr)
      : rt({.workers = 2, .labels = {"gpu"}, .name = name}),
        here(rt.join({.listen = "127.0.0.1:0",
                      .join = to ? std::vector{to->address()} : std::vector<std::string>{},
                      .name = name})) {}
  runtime rt;
  node here;
};
struct pair {
  pair() {
    export_all();
    counter::made = kept::made = 0;
    REQUIRE(there.here.wait_for(1, 10s));
    REQUIRE(home.wait_for(1, 10s));
  }
  bool is_empty() const {
    return status(there.here, "of_others", 0) && status(home, "elsewhere", 0);
  }
  runtime a{{.workers = 1, .name = "a"}};
  node home = a.join({.listen = "127.0.0.1:0", .name = "a", .serves = false});
  worker there{"b", &home};
};
const task_options on_gpu{.labels = {"gpu"}};
task_options restarts(unsigned n, unsigned retry_calls = 0) {
  return {.backoff = {.first = {}}, .labels = {"gpu"}, .restarts = n, .retry_calls = retry_calls};
}
}  // namespace afar
using namespace afar;

TEST_CASE("an actor that needs what its own runtime lacks lives on the node that has it") {
  test::deadline over;
  afar::pair p;
  {
    auto c = p.a.with(on_gpu).actor<counter>(3);
    CHECK(p.a.get(c.call<&counter::add>(4)) == 7);
    CHECK(p.a.get(c.call<&counter::add>(p.a.put(1))) == 8);
    CHECK(p.a.get(c.call<&counter::get>()) == 8);
    CHECK(p.there.rt.stats().tasks_settled == 4);
    CHECK(counter::alive == 1);
    CHECK(status(p.there.here, "of_others", 1));
  }
  CHECK(test::soon([&] { return p.is_empty() && counter::alive == 0; }));
}

TEST_CASE("an actor whose needs its own runtime meets stays there") {
  test::deadline over;
  afar::pair p;
  auto c = p.there.rt.with(on_gpu).actor<counter>(3);
  CHECK(p.there.rt.get(c.call<&counter::add>(4)) == 7);
  auto d = p.a.actor<counter>(1);
  CHECK(p.a.get(d.call<&counter::add>(4)) == 5);
  CHECK(p.is_empty());
}

TEST_CASE("the calls of a caller have their turns in order, one at a time, also elsewhere") {
  test::deadline over;
  afar::pair p;
  auto c = p.a.with(on_gpu).actor<counter>(0);
  std::vector<ref<int>> all;
  test::gate gate{p.a};
  for (int i = 1; i <= 100; ++i) all.push_back(c.call<&counter::add>(1));
  all.push_back(c.call<&counter::adds_later>(gate.closed));
  for (int i = 1; i <= 100; ++i) all.push_back(c.call<&counter::add>(1));
  gate.open();
  int expected = 0;
  for (int x : p.a.get(all)) CHECK(x == ++expected);
  counter::most_inside = 0;
  all.clear();
  for (int i = 0; i < 4; ++i) all.push_back(c.call<&counter::adds_slowly>(1));
  p.a.get(all);
  CHECK(p.a.get(c.call<&counter::get>()) == 205);
  CHECK(counter::most_inside == 1);
}

TEST_CASE("const methods run side by side there if the actor has concurrency") {
  test::deadline over;
  afar::pair p;
  auto c = p.a.with({.labels = {"gpu"}, .concurrency = 4}).actor<counter>(0);
  counter::most_inside = 0;
  std::vector<ref<int>> all;
  for (int i = 0; i < 4; ++i) all.push_back(c.call<&counter::looks_slowly>());
  p.a.get(all);
  CHECK(counter::most_inside > 1);
}

TEST_CASE("arguments and results of all kinds come and go, big ones too") {
  test::deadline over;
  afar::pair p;
  {
    auto c = p.a.with(on_gpu).actor<counter>(p.a.submit<twice>(1));
    const std::size_t n = 1 << 18;
    CHECK(p.a.get(c.call<&counter::numbers>(n)).size() == n);
    CHECK(p.a.get(c.call<&counter::sum>(std::vector<double>(n, 1.0))) == n + 2.0);
    auto [number, text] = c.call<&counter::both>();
    CHECK(p.a.get(text) == std::to_string(p.a.get(number)));
    auto k = p.a.with(on_gpu).actor<kept>("kay", std::vector{p.a.put(1), p.a.put(2)});
    CHECK(p.a.get(k.call<&kept::name>()) == "kay 3");
    auto d = p.a.with(on_gpu).actor<derived>();
    CHECK(p.a.get(d.call<&derived::twice>(1)) == 102);
    CHECK(p.a.get(d.call<&counter::get>()) == 102);
  }
  CHECK(test::soon([&] { return p.is_empty() && p.a.stats().objects == 0; }));
}

// The call had its turn until the ref that it gave had settled, which waited for the next call.
TEST_CASE("a method that gives a ref leaves its turn when its body ends") {
  test::deadline over;
  afar::pair p;
  auto c = p.a.with(on_gpu).actor<counter>(0);
  test::gate gate{p.a};
  auto passed = c.call<&counter::passes_on>(gate.closed);
  CHECK(p.a.get(c.call<&counter::get>()) == 1);
  gate.open();
  CHECK(p.a.get(passed) == 1);
}

TEST_CASE("what a method throws settles its call, with its story, and the actor goes on") {
  test::deadline over;
  afar::pair p;
  auto c = p.a.with(on_gpu).actor<counter>(1);
  CHECK_SAYS(p.a.get(c.call<&counter::fails>(5)), task_error,
             "'afar::counter::fails' failed: no 5");
  CHECK(p.a.get(c.call<&counter::get>()) == 6);
  auto failed = p.a.submit([]() -> int { throw std::runtime_error("at home"); });
  CHECK_SAYS(p.a.get(c.call<&counter::add>(failed)), task_error, "at home");
  CHECK(p.a.get(c.call<&counter::get>()) == 6);
}

TEST_CASE(
    "a call that is there can be cancelled, has deadlines, and keeps its turn until it ends") {
  test::deadline over;
  afar::pair p;
  {
    auto c = p.a.with(on_gpu).actor<counter>(1);
    CHECK(p.a.get(c.call<&counter::get>()) == 1);
    auto r = c.call<&counter::waits_for_ever>();
    CHECK(test::soon([&] { return p.there.rt.stats().tasks_unsettled == 1; }));
    auto next = c.call<&counter::get>();
    CHECK(p.a.cancel(r) == cancel_result::requested);
    CHECK_THROWS_AS(p.a.get(r), cancelled);
    CHECK(p.a.get(next) == 1);
    CHECK_THROWS_AS(p.a.get(c.with({.deadline = 30ms}).call<&counter::waits_for_ever>()),
                    deadline_exceeded);
    auto last = c.call<&counter::waits_for_ever>();
    CHECK(test::soon([&] { return p.there.rt.stats().tasks_unsettled == 1; }));
    c.stop();
    CHECK_THROWS_AS(p.a.get(c.call<&counter::get>()), cancelled);
    CHECK(counter::alive == 1);
    (void)p.a.cancel(last);
  }
  CHECK(test::soon([&] { return p.is_empty() && counter::alive == 0; }));
}

// ---- breaks -------------------------------------------------------------------------------------

TEST_CASE("actor_broken breaks it there, and it is made again from its arguments") {
  test::deadline over;
  afar::pair p;
  {
    auto once = p.a.with(on_gpu).actor<counter>(1);
    CHECK_SAYS(p.a.get(once.call<&counter::breaks>()), task_error, "at 1");
    CHECK_SAYS(p.a.get(once.call<&counter::get>()), actor_died, "at 1");
    auto c = p.a.with(restarts(1)).actor<counter>(5);
    CHECK(p.a.get(c.call<&counter::add>(1)) == 6);
    CHECK_SAYS(p.a.get(c.call<&counter::breaks>()), task_error, "at 6");
    CHECK(p.a.get(c.call<&counter::get>()) == 5);
    CHECK(test::soon([] { return counter::alive == 1; }));
    CHECK_SAYS(p.a.get(c.call<&counter::breaks>()), task_error, "at 5");
    CHECK_SAYS(p.a.get(c.call<&counter::get>()), actor_died, "restarts = 1 are used up (1. ");
    auto again = p.a.with(restarts(5, 2)).actor<counter>(1);
    counter::breaks_left = 2;
    auto r = again.call<&counter::breaks_some_times>(1);
    auto next = again.call<&counter::add>(10);
    CHECK(p.a.get(r) == 2);
    CHECK(p.a.get(next) == 12);
  }
  CHECK(test::soon([&] { return p.is_empty() && counter::alive == 0; }));
}

TEST_CASE("an actor with a snapshot goes on from there when it is made again") {
  test::deadline over;
  for (const std::size_t much : {std::size_t{0}, std::size_t{1} << 17}) {
    afar::pair p;
    kept::much = much;
    {
      auto k = p.a.with(restarts(5)).actor<kept>("kay", std::vector{10});
      CHECK(p.a.get(k.call<&kept::add>(1)) == 11);
      CHECK(p.a.get(k.call<&kept::keeps>(p.a.put(7))) == 11);
      CHECK_THROWS_AS(p.a.get(k.call<&kept::breaks>()), task_error);
      CHECK(p.a.get(k.call<&kept::kept_value>()) == 7);
      CHECK(p.a.get(k.call<&kept::add>(1)) == 12);
      CHECK_THROWS_AS(p.a.get(k.call<&kept::breaks>()), task_error);
      CHECK(p.a.get(k.call<&kept::name>()) == "kay 12");
      CHECK(kept::made == 3);
    }
    CHECK(test::soon([&] { return p.is_empty() && p.a.stats().objects == 0; }));
  }
  kept::much = 0;
}

TEST_CASE("a snapshot that throws there breaks the actor after its call has given its value") {
  test::deadline over;
  afar::pair p;
  auto k = p.a.with(restarts(2)).actor<kept>("kay", std::vector{10});
  CHECK(p.a.get(k.call<&kept::add>(1)) == 11);
  kept::snapshots_that_throw = 1;
  CHECK(p.a.get(k.call<&kept::add>(1)) == 12);
  CHECK(p.a.get(k.call<&kept::name>()) == "kay 11");
  kept::restores_that_throw = 1;
  CHECK_THROWS_AS(p.a.get(k.call<&kept::breaks>()), task_error);
  CHECK_SAYS(p.a.get(k.call<&kept::name>()), actor_died, "kept::snapshot': no snapshot; 2. ");
}

TEST_CASE("snapshot_every counts there") {
  test::deadline over;
  afar::pair p;
  auto options = restarts(2);
  options.snapshot_every = 3;
  auto k = p.a.with(options).actor<kept>("kay", std::vector<int>{});
  for (int i = 0; i < 8; ++i) k.call<&kept::add>(1);
  CHECK_THROWS_AS(p.a.get(k.call<&kept::breaks>()), task_error);
  CHECK(p.a.get(k.call<&kept::name>()) == "kay 6");
}

// ---- nodes that go ------------------------------------------------------------------------------

TEST_CASE("without restarts an actor dies with its node, and the story names it") {
  test::deadline over;
  afar::pair p;
  auto gone = std::make_unique<worker>("c", &p.home);
  REQUIRE(p.home.wait_for(2, 10s));
  (void)p.there.here.drain(0ms);
  auto c = p.a.with(on_gpu).actor<counter>(1);
  CHECK(p.a.get(c.call<&counter::get>()) == 1);
  auto under_way = c.call<&counter::waits_for_ever>();
  CHECK(test::soon([&] { return gone->rt.stats().tasks_unsettled == 1; }));
  auto waits = c.call<&counter::get>();
  gone.reset();
  CHECK_SAYS(p.a.get(under_way), task_error, "node 'c', where it lived, is gone");
  CHECK_SAYS(p.a.get(waits), actor_died, "node 'c', where it lived, is ");
  CHECK_SAYS(p.a.get(c.call<&counter::get>()), actor_died, "node 'c'");
  CHECK(test::soon([&] { return p.is_empty(); }));
}

TEST_CASE("with a snapshot it goes on where another node can, and who waits does not notice") {
  test::deadline over;
  afar::pair p;
  auto k = p.a.with(restarts(1)).actor<kept>("kay", std::vector{10});
  CHECK(p.a.get(k.call<&kept::add>(1)) == 11);
  test::gate gate{p.a};
  auto before = k.call<&kept::waits>(gate.closed);
  CHECK(test::soon([&] { return p.there.rt.stats().tasks_unsettled == 1; }));
  auto after = k.call<&kept::add>(1);
  worker next{"c", &p.home};
  REQUIRE(p.home.wait_for(2, 10s));
  { const node leaves = std::move(p.there.here); }
  CHECK_SAYS(p.a.get(before), task_error, "is gone");
  CHECK(p.a.get(after) == 12);
  CHECK(status(next.here, "of_others", 1));
}

TEST_CASE("retry_calls runs a call again whose node went with it") {
  test::deadline over;
  afar::pair p;
  auto k = p.a.with(restarts(1, 1)).actor<kept>("kay", std::vector{10});
  CHECK(p.a.get(k.call<&kept::add>(1)) == 11);
  test::gate gate{p.a};
  auto before = k.call<&kept::waits>(gate.closed);
  CHECK(test::soon([&] { return p.there.rt.stats().tasks_unsettled == 1; }));
  auto after = k.call<&kept::add>(1);
  worker next{"c", &p.home};
  REQUIRE(p.home.wait_for(2, 10s));
  { const node leaves = std::move(p.there.here); }
  gate.open();
  CHECK(p.a.get(before) == 1);
  CHECK(p.a.get(after) == 1012);
}

TEST_CASE("a node that drains hands its actors on, which is no break where there are snapshots") {
  test::deadline over;
  afar::pair p;
  auto k = p.a.with(restarts(1)).actor<kept>("kay", std::vector{10});
  auto c = p.a.with(restarts(1)).actor<counter>(5);
  auto once = p.a.with(on_gpu).actor<counter>(5);
  CHECK(p.a.get(k.call<&kept::add>(1)) == 11);
  CHECK(p.a.get(c.call<&counter::add>(1)) == 6);
  CHECK(p.a.get(once.call<&counter::add>(1)) == 6);
  {
    worker next{"c", &p.home};
    REQUIRE(p.home.wait_for(2, 10s));
    CHECK(p.there.here.drain(10s));
    CHECK(status(p.there.here, "of_others", 0));
    CHECK(p.a.get(k.call<&kept::add>(1)) == 12);
    CHECK(p.a.get(c.call<&counter::get>()) == 5);
    CHECK_SAYS(p.a.get(once.call<&counter::get>()), actor_died, "is leaving");
    CHECK_THROWS_AS(p.a.get(k.call<&kept::breaks>()), task_error);
    CHECK(p.a.get(k.call<&kept::add>(1)) == 13);
  }
  CHECK_SAYS(p.a.get(c.call<&counter::get>()), actor_died,
             "1. node 'b', where it lived, is leaving");
}

TEST_CASE("an actor whose node is gone waits for one that takes its place") {
  test::deadline over;
  afar::pair p;
  auto k = p.a.with(restarts(1)).actor<kept>("kay", std::vector{10});
  CHECK(p.a.get(k.call<&kept::add>(1)) == 11);
  { const node leaves = std::move(p.there.here); }
  auto waits = k.call<&kept::add>(1);
  worker next{"c", &p.home};
  CHECK(p.a.get(waits) == 12);
}

TEST_CASE("an actor that waits for a node is over when nobody wants it any more") {
  test::deadline over;
  afar::pair p;
  { const node leaves = std::move(p.there.here); }
  auto stopped = p.a.with(restarts(1)).actor<counter>(1);
  auto waits = stopped.call<&counter::get>();
  CHECK_THROWS_AS(p.a.get(waits, 10ms), timed_out);
  stopped.stop();
  CHECK_THROWS_AS(p.a.get(waits), cancelled);
  { auto given_up = p.a.with(restarts(1)).actor<counter>(1); }
  p.a.drain();
  auto last = p.a.with(restarts(1)).actor<counter>(1);
  waits = last.call<&counter::get>();
  p.a.stop();
  CHECK_THROWS_AS(p.a.get(waits), cancelled);
  p.a.drain();
}

TEST_CASE("a call waits for room at a node that has none") {
  test::deadline over;
  export_all();
  runtime b{{.workers = 2, .labels = {"gpu"}, .max_unsettled_tasks = 1, .name = "b"}};
  node there = b.join({.listen = "127.0.0.1:0", .name = "b"});
  runtime a{{.workers = 1, .name = "a"}};
  node home = a.join({.join = {there.address()}, .name = "a", .serves = false});
  REQUIRE(home.wait_for(1, 10s));
  auto c = a.with(on_gpu).actor<counter>(1);
  CHECK(a.get(c.call<&counter::get>()) == 1);
  test::gate gate{b};
  auto waits = c.call<&counter::add>(1);
  auto given_up = c.call<&counter::add>(10);
  CHECK_THROWS_AS(a.get(waits, 100ms), timed_out);
  CHECK(a.cancel(given_up) == cancel_result::before_start);
  gate.open();
  CHECK(a.get(waits) == 2);
  CHECK(a.get(c.call<&counter::get>()) == 2);
}

TEST_CASE("when the owner ends nothing of its actors is left, whatever they do") {
  test::deadline over;
  export_all();
  worker there{"b"};
  for (int how = 0; how < 3; ++how) {
    runtime a{{.workers = 1, .name = "a"}};
    actor<counter> c;
    {
      node home = a.join({.join = {there.here.address()}, .name = "a", .serves = false});
      REQUIRE(home.wait_for(1, 10s));
      c = a.with(restarts(3)).actor<counter>(1);
      if (how > 0) CHECK(a.get(c.call<&counter::get>()) == 1);
      if (how > 1) (void)c.call<&counter::waits_for_ever>();
    }
    CHECK_SAYS(a.get(c.call<&counter::get>()), error, "");
  }
  for (int how = 0; how < 3; ++how) {
    runtime a{{.workers = 1, .name = "a"}};
    node home = a.join({.join = {there.here.address()}, .name = "a", .serves = false});
    REQUIRE(home.wait_for(1, 10s));
    auto c = a.with(restarts(3)).actor<counter>(1);
    CHECK(a.get(c.call<&counter::get>()) == 1);
    if (how > 0) (void)c.call<&counter::waits_for_ever>();
    if (how > 1) a.stop();
  }
  CHECK(test::soon([&] { return status(there.here, "of_others", 0) && counter::alive == 0; }));
  CHECK(test::soon([&] { return there.rt.stats().tasks_unsettled == 0; }));
}

// ---- what cannot be -----------------------------------------------------------------------------

TEST_CASE("what is not exported, or not of the same types, is an error that says so") {
  test::deadline over;
  afar::pair p;
  auto n = p.a.with(on_gpu).actor<nowhere>();
  CHECK_SAYS(p.a.get(n.call<&nowhere::nothing>()), actor_died,
             "node 'b' says: class 'afar::nowhere' is not here: export it");
  auto again = p.a.with(restarts(1000)).actor<nowhere>();
  CHECK_SAYS(p.a.get(again.call<&nowhere::nothing>()), actor_died, "is not here: export it");
  CHECK_SAYS(p.a.with(on_gpu).actor<other_types>(1), error,
             "class 'afar::other_types' is (i64) here, and (i32) where it was called");
  auto right = p.a.with(on_gpu).actor<other_types>(std::int64_t{1});
  CHECK(p.a.get(right.call<&other_types::get>()) == 1);
  auto c = p.a.with(on_gpu).actor<counter>(1);
  CHECK_SAYS(p.a.get(c.call<&counter::not_exported>()), task_error,
             "node 'b': method 'afar::counter::not_exported' is not here");
  CHECK(p.a.get(c.call<&counter::get>()) == 1);
  auto t = p.a.with(on_gpu).actor<throws_when_made>(4);
  CHECK_SAYS(p.a.get(t.call<&throws_when_made::nothing>()), actor_died, "made of 4");
  auto wrong = p.a.with({.labels = {"tpu"}}).actor<counter>(1);
  CHECK_SAYS(p.a.get(wrong.call<&counter::get>()), actor_died, "node 'b' has not the label 'tpu'");
}

TEST_CASE("what cannot go to another node is refused when it is asked for") {
  test::deadline over;
  afar::pair p;
  CHECK_SAYS(p.a.with({.labels = {"gpu"}, .reentrant = true}).actor<counter>(1), error,
             "cannot be reentrant there");
  CHECK_SAYS(p.a.with(restarts(1)).actor<not_to_be_saved>(), error,
             "what its snapshot() gives is not encodable");
  CHECK_SAYS(p.a.with({.resources = {{"gpu", 1}}, .labels = {"gpu"}}).actor<counter>(1), error,
             "cannot ask for resources");
  struct local {
    explicit local(std::shared_ptr<int>) {}
  };
  CHECK_SAYS(p.a.with(on_gpu).actor<local>(std::make_shared<int>(1)), error,
             "an argument of its constructor is not encodable");
  auto c = p.a.with(on_gpu).actor<counter>(1);
  CHECK_SAYS(c.call<&counter::streams>(), error, "the method gives a stream");
  CHECK_SAYS(c.call<&counter::stays>(std::make_shared<int>(1)), error, "is not encodable");
  runtime alone{{.workers = 1, .name = "alone"}};
  CHECK_SAYS(alone.with(on_gpu).actor<counter>(1), error, "not a label of the runtime 'alone'");
  auto d = p.a.actor<counter>(1);
  CHECK_SAYS(d.with(on_gpu).call<&counter::get>(), error, "not a label of the runtime 'a'");
}
