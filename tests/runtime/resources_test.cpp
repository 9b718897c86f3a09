// SPDX-License-Identifier: MIT
// Tasks that ask for resources and labels.
#include "tests/actors/stepped.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using troupe::here;
using troupe::ref;

namespace {
// How many run at once, and the most that ever did.
struct crowd {
  std::atomic<int> now{0}, most{0}, sum{0};
  void enter(int n = 1) {
    const int have = now.fetch_add(n) + n;
    for (int m = most; have > m && !most.compare_exchange_weak(m, have);) {}
    sum += n;
  }
  void leave(int n = 1) { now -= n; }
};
int nothing() { return 0; }
}  // namespace

TEST_CASE("no more is in use than there is, whoever runs, parks, fails or gets") {
  test::deadline limit;
  crowd gpus;
  troupe::runtime rt{{.workers = 3, .resources = {{"gpu", 2}, {"disk", 1}}}};
  std::vector<ref<int>> all;
  for (int i = 0; i < test::size(3000, 300); ++i) {
    const int quarters = 1 + i % 8;
    troupe::task_options asks{.resources = {{"gpu", quarters * 0.25}}};
    if (i % 5 == 0) asks.resources["disk"] = 1;
    if (i % 7 == 0) asks.priority = i % 3 - 1;
    if (i % 11 == 0) asks.blocking = true;
    all.push_back(rt.with(asks).submit(
        [&](int me) {
          struct guard {
            crowd& c;
            int n;
            ~guard() { c.leave(n); }
          } inside{gpus, 1 + me % 8};
          gpus.enter(1 + me % 8);
          if (me % 3 == 0) here().sleep_for(10us);
          if (me % 3 == 1) CHECK(here().get(here().submit([] { return 2; })) == 2);
          if (me % 13 == 0) throw std::runtime_error("no");
          return me;
        },
        i));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 13 == 0) CHECK_THROWS_AS(rt.get(all[i]), troupe::task_error);
    else CHECK(rt.get(all[i]) == static_cast<int>(i));
  }
  rt.drain();
  CHECK(gpus.now == 0);
  CHECK(gpus.most <= 8);
  CHECK(gpus.most > 2);
}

TEST_CASE("what a task asked for is given back when its body ends, and not while it is parked") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .resources = {{"gpu", 1}}}};
  test::gate gate{rt};
  std::atomic<bool> second_began{false};
  auto first = rt.with({.resources = {{"gpu", 1}}}).submit([r = gate.closed] {
    return here().get(r);  // parks
  });
  auto second = rt.with({.resources = {{"gpu", 0.0001}}}).submit([&] {
    second_began = true;
    return 2;
  });
  for (int i = 0; i < 100; ++i) rt.get(rt.submit(nothing));
  CHECK_FALSE(second_began);
  CHECK_FALSE(rt.get(rt.submit([] { return 0; })) != 0);
  gate.open();
  CHECK(rt.get(second) == 2);
  CHECK(rt.get(first) == 1);
}

TEST_CASE("a task waits for its inputs first, and only then takes what it asks for") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .resources = {{"gpu", 1}}}};
  test::gate gate{rt};
  auto later =
      rt.with({.resources = {{"gpu", 1}}}).submit([](int x) { return x + 1; }, gate.closed);
  CHECK(rt.get(rt.with({.resources = {{"gpu", 1}}}).submit(nothing)) == 0);
  gate.open();
  CHECK(rt.get(later) == 2);
}

TEST_CASE(
    "of those that wait the higher priority goes first, and of equal ones the first to come") {
  test::deadline limit;
  std::vector<int> order;  // the one gpu guards it
  troupe::runtime rt{{.workers = 2, .resources = {{"gpu", 1}}}};
  test::gate gate{rt};
  auto holder =
      rt.with({.resources = {{"gpu", 1}}}).submit([r = gate.closed] { return here().get(r); });
  for (int i = 0; i < 6; ++i)
    rt.with({.priority = i % 2 == 0 ? -100 : 100, .resources = {{"gpu", 1}}}).submit([&, i] {
      order.push_back(i);
    });
  gate.open();
  rt.drain();
  CHECK(order == std::vector{1, 3, 5, 0, 2, 4});
}

TEST_CASE("what can never be given is refused at once, by name") {
  troupe::runtime rt{{.workers = 1,
                      .resources = {{"gpu", 2}, {"memory", 0.5}},
                      .labels = {"arm", "fast-disk"},
                      .name = "lab"}};
  auto says = [&](const troupe::task_options& o, const char* part) {
    CHECK_THROWS_WITH_AS(rt.with(o).submit(nothing), doctest::Contains(part), troupe::error);
  };
  says({.resources = {{"tpu", 1}}}, "'tpu' 1 can never be given by the runtime 'lab'");
  says({.resources = {{"cores", 1}}}, "it has gpu, memory");
  says({.resources = {{"gpus", 1}}}, "did you mean gpu?");
  says({.resources = {{"gpu", 2.5}}},
       "'gpu' 2.5 can never be given by the runtime 'lab'; it has 2");
  says({.resources = {{"gpu", -1}}}, "zero or more");
  says({.resources = {{"gpu", std::numeric_limits<double>::quiet_NaN()}}}, "zero or more");
  says({.resources = {{"gpu", std::numeric_limits<double>::infinity()}}}, "at most");
  says({.resources = {{"gpu", 0.00001}}}, "ten-thousandths");
  says({.labels = {"arm", "x86"}},
       "'x86' is not a label of the runtime 'lab'; it has arm, fast-disk");
  says({.labels = {"fastdisk"}}, "did you mean fast-disk?");
  CHECK(rt.get(rt.with({.resources = {{"gpu", 0}}, .labels = {"arm"}}).submit(nothing)) == 0);
  CHECK(rt.get(rt.with({.resources = {{"gpu", 0.1 + 0.2}}}).submit(nothing)) == 0);
  troupe::runtime bare{{.workers = 1}};
  CHECK_THROWS_WITH_AS(bare.with({.resources = {{"gpu", 1}}}).submit(nothing),
                       doctest::Contains("it has no resources"), troupe::error);
  CHECK_THROWS_WITH_AS((troupe::runtime{{.resources = {{"gpu", -1}}}}),
                       doctest::Contains("runtime_options.resources"), troupe::error);
  CHECK_THROWS_AS((troupe::runtime{{.labels = {""}}}), troupe::error);
  rt.drain();
  CHECK(rt.stats().tasks_unsettled == 0);
}

TEST_CASE("a hundred thousand tasks for one thing run through") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2, .resources = {{"gpu", 1}}}};
  int n = 0;  // guarded by the gpu
  const int all = test::size(100'000, 5'000);
  for (int i = 0; i < all; ++i) rt.with({.resources = {{"gpu", 1}}}).submit([&] { ++n; });
  rt.drain();
  CHECK(n == all);
}

TEST_CASE("a runtime that stops or ends cancels those that wait for resources") {
  test::deadline limit;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    std::vector<ref<int>> all;
    crowd gpus;
    {
      troupe::runtime rt{{.workers = 2, .resources = {{"gpu", 1}, {"disk", 2}}}};
      for (int i = 0; i < 50; ++i)
        all.push_back(
            rt.with({.resources = {{"gpu", i % 2}, {"disk", 0.5 + i % 3 * 0.5}}}).submit([&, i] {
              if (i % 2 == 1) gpus.enter();
              struct guard {
                crowd* c;
                ~guard() {
                  if (c) c->leave();
                }
              } inside{i % 2 == 1 ? &gpus : nullptr};
              if (i % 4 == 3) here().sleep_for(i > 20 ? duration_cast<troupe::duration>(1h) : 1us);
              return i;
            }));
      for (unsigned spin = random() % 50'000; spin > 0; --spin)
        std::atomic_signal_fence(std::memory_order_seq_cst);
      if (seed % 2 == 0) rt.stop();
    }
    CHECK(gpus.most <= 1);
    for (auto& r : all) CHECK(r.settled());
  }
}

TEST_CASE("in every order of turns those that ask for the same never run together") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    stepped s;
    s.rt = std::make_unique<troupe::runtime>(*s.system,
                                             troupe::runtime_options{.resources = {{"gpu", 1}}});
    int inside = 0, most = 0, done = 0;
    std::vector<ref<int>> all;
    for (int i = 0; i < 12; ++i) {
      auto body = [&](int x) {
        most = std::max(most, ++inside);
        here().sleep_for(1ms);
        --inside;
        return ++done, x;
      };
      auto asks = s.rt->with({.priority = i % 3, .resources = {{"gpu", i % 2 == 0 ? 1 : 0.6}}});
      if (i > 2) all.push_back(asks.submit(body, all[static_cast<std::size_t>(i) - 3]));
      else all.push_back(asks.submit(body, i));
    }
    s.run_shuffled(random);
    if (seed % 2 == 0) {
      for (auto& r : all) s.rt->get(r);
      CHECK(done == 12);
    }
    s.rt.reset();
    CHECK(most == 1);
  }
}
