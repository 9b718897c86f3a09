// SPDX-License-Identifier: MIT
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::here;
using troupe::ref;
using troupe::stream;

namespace {
std::atomic<int> produced{0}, told{0}, ended{0};

stream<int> count(int n) {
  for (int i = 0; i < n; ++i) {
    ++produced;
    co_yield i;
  }
}
// Says how it ended.
stream<int> watched(int n) {
  struct at_end {
    ~at_end() { ++ended; }
  } e;
  try {
    for (int i = 0; i < n; ++i) co_yield i;
  } catch (const troupe::cancelled&) {
    ++told;
    throw;
  }
}
stream<int> breaks(int at) {
  for (int i = 0;; ++i) {
    if (i == at) throw std::runtime_error("broke");
    co_yield i;
  }
}
stream<int> each(const std::vector<int>& v) {
  for (int x : v) co_yield x;
}
stream<int> doubled(stream<int> s) {
  for (const int& x : s) co_yield 2 * x;
}
stream<int> another(int n) { return here().submit<count>(n); }
long total(stream<int> s) {
  long t = 0;
  for (const int& x : s) t += x;
  return t;
}
long total_with_sleeps(stream<int> s, int every) {
  long t = 0;
  for (const int& x : s) {
    t += x;
    if (x % every == 0) here().sleep_for(10us);
  }
  return t;
}
stream<int> slow(int n, int every) {
  for (int i = 0; i < n; ++i) {
    if (i % every == 0) here().sleep_for(10us);
    co_yield i;
  }
}
stream<std::unique_ptr<int>> owners(int n) {
  for (int i = 0; i < n; ++i) co_yield std::make_unique<int>(i);
}
stream<counted> things(int n) {
  for (int i = 0; i < n; ++i) co_yield counted{i};
}
}  // namespace

TEST_CASE("a stream's values come in order, in a program's thread and in a task") {
  test::deadline limit;
  for (unsigned workers : {1u, 2u, 4u}) {
    troupe::runtime rt{{.workers = workers}};
    int seen = 0;
    for (const int& x : rt.submit<count>(5000)) REQUIRE(x == seen++);
    CHECK(seen == 5000);
    CHECK(rt.get(rt.submit<total>(rt.submit<count>(1000))) == 499'500);
    for (std::size_t buffer : {1, 2, 3, 7, 1000}) {
      CHECK(rt.get(rt.submit<total>(rt.with({.stream_buffer = buffer}).submit<count>(1000))) ==
            499'500);
    }
    for (int ignored : rt.submit<count>(0)) CHECK(ignored < 0);
    rt.drain();
    CHECK(rt.stats().objects == 0);
  }
}

TEST_CASE("a producer is never further ahead than its buffer, and goes on when there is room") {
  test::deadline limit;
  for (unsigned workers : {1u, 2u}) {
    troupe::runtime rt{{.workers = workers}};
    produced = 0;
    {
      auto s = rt.with({.stream_buffer = 16}).submit<count>(1'000'000);
      int seen = 0;
      for (const int& x : s) {
        REQUIRE(x == seen++);
        REQUIRE(produced <= seen + 17);
        if (seen == 100) break;
      }
      CHECK(test::soon([&] { return produced >= 100 + 8; }));  // goes on at half
      CHECK(s.next() == 100);
    }
    rt.drain();
    CHECK(produced <= 101 + 17);
  }
}

TEST_CASE("an error arrives at the point where it happened") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  int seen = 0;
  auto s = rt.with({.name = "breaks-at-5"}).submit<breaks>(5);
  try {
    for (const int& x : s) seen = x + 1;
    CHECK(false);
  } catch (const troupe::task_error& e) {
    CHECK(e.task() == "breaks-at-5");
    CHECK(e.text() == "broke");
    CHECK(e.is<std::runtime_error>());
  }
  CHECK(seen == 5);
  CHECK_THROWS_AS(s.next(), troupe::task_error);  // and stays
  try {
    rt.get(rt.with({.name = "sums"}).submit<total>(rt.with({.name = "source"}).submit<breaks>(3)));
    CHECK(false);
  } catch (const troupe::task_error& e) {
    CHECK(e.task() == "source");
    CHECK(e.via() == std::vector<std::string>{"sums"});
  }
  auto bad = rt.submit([]() -> std::vector<int> { throw std::logic_error("no input"); });
  CHECK_THROWS_AS(rt.submit<each>(bad).next(), troupe::task_error);
}

TEST_CASE("arguments live as long as the body, those that had to be converted too") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  CHECK(rt.get(rt.submit<total>(rt.submit<each>(std::vector<int>(100, 3)))) == 300);
  CHECK(rt.get(rt.submit<total>(rt.submit<each>(rt.put(std::vector<int>(100, 3))))) == 300);
  std::vector<ref<int>> refs;
  for (int i = 0; i < 200; ++i) refs.push_back(rt.submit([i] { return i; }));
  CHECK(rt.get(rt.submit<total>(rt.submit<each>(refs))) == 19'900);
  auto words = [](const std::string& text, std::string_view end) -> stream<std::string> {
    for (char c : text) co_yield c + std::string(end);
  };
  std::string all;
  for (const auto& w : rt.submit(words, "abc", std::string(30, '!'))) all += w;
  CHECK(all.size() == 93);
  const std::string prefix(40, 'x');
  auto with_capture = [prefix](int n) -> stream<std::string> {
    for (int i = 0; i < n; ++i) co_yield prefix;
  };
  for (const auto& w : rt.submit(with_capture, 100)) REQUIRE(w == prefix);
}

TEST_CASE("streams pass through streams, and a function may return another stream") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  CHECK(rt.get(rt.submit<total>(rt.submit<doubled>(rt.submit<doubled>(rt.submit<count>(1000))))) ==
        4 * 499'500);
  CHECK(rt.get(rt.submit<total>(rt.submit<another>(1000))) == 499'500);
  auto handed_on =
      rt.submit([](stream<int> s) { return here().get(here().submit<total>(std::move(s))); },
                rt.submit<count>(100));
  CHECK(rt.get(handed_on) == 4950);
  struct box {
    stream<int> s;
  } b{rt.submit<count>(3)};
  CHECK(b.s.next() == 0);
  std::thread{[b = std::move(b)]() mutable { CHECK(b.s.next() == 1); }}.join();
}

TEST_CASE("values may be move-only, and each dies once") {
  test::deadline limit;
  {
    troupe::runtime rt{{.workers = 2}};
    int seen = 0;
    auto s = rt.submit<owners>(100);
    while (auto p = s.next()) CHECK(**p == seen++);
    CHECK(seen == 100);
    CHECK_FALSE(s.next());
    for (int taken : {0, 1, 10, 63, 64, 65, 1000}) {
      auto t = rt.submit<things>(1000);
      for (int i = 0; i < taken; ++i) {
        if (i % 2 == 0) CHECK(t.next()->value == i);
        else CHECK(t.begin()->value == i);
      }
    }
    auto kept = rt.submit<things>(10);
    kept = rt.submit<things>(20);  // moved over: the first is cancelled
    CHECK(kept.next()->value == 0);
    rt.drain();
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a producer whose consumer leaves is cancelled: parked, running, or not begun") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  told = ended = 0;
  {
    auto parked = rt.with({.stream_buffer = 4}).submit<watched>(1000);
    CHECK(parked.next() == 0);
    rt.get(rt.submit([] {}));
  }
  rt.drain();
  CHECK(told == 1);
  CHECK(ended == 1);

  test::gate gate{rt};
  std::atomic<bool> left{false}, runs{false};
  {
    auto running = rt.with({.blocking = true})
                       .submit(
                           [&left, &runs](int n) -> stream<int> {
                             runs = true;
                             while (!left) std::this_thread::yield();
                             try {
                               for (int i = 0; i < n; ++i) co_yield i;
                             } catch (const troupe::cancelled&) {
                               ++told;
                               throw;
                             }
                           },
                           1000);
    CHECK(test::soon([&] { return runs.load(); }));
  }
  left = true;
  CHECK(test::soon([&] { return told == 2; }));

  auto input = std::make_shared<int>(1);
  const std::weak_ptr<int> argument = input;
  {
    auto never = rt.submit(
        [](std::shared_ptr<int>, int) -> stream<int> {
          ++told;
          co_yield 1;
        },
        std::move(input), gate.closed);
  }
  gate.open();
  rt.drain();
  CHECK(told == 2);
  CHECK(argument.expired());
}

TEST_CASE("a body that swallows its cancellation meets it again at the next wait") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  std::atomic<int> met{0};
  {
    auto s = rt.with({.stream_buffer = 1}).submit([&met]() -> stream<int> {
      for (int i = 0; i < 100 && met < 3; ++i) {
        try {
          co_yield i;
        } catch (const troupe::cancelled&) { ++met; }
      }
      try {
        here().sleep_for(1h);
      } catch (const troupe::cancelled&) { ++met; }
    });
    CHECK(s.next() == 0);
  }
  rt.drain();
  CHECK(met == 4);
}

TEST_CASE("a fast producer and a slow consumer, and the reverse, on 1, 2 and 4 workers") {
  test::deadline limit;
  for (unsigned workers : {1u, 2u, 4u}) {
    troupe::runtime rt{{.workers = workers}};
    const int n = test::size(5000, 1000);
    const long expected = static_cast<long>(n) * (n - 1) / 2;
    for (std::size_t buffer : {1, 16, 64}) {
      auto a =
          rt.submit<total_with_sleeps>(rt.with({.stream_buffer = buffer}).submit<count>(n), 100);
      auto b = rt.submit<total>(rt.with({.stream_buffer = buffer}).submit<slow>(n, 100));
      CHECK(rt.get(a) == expected);
      CHECK(rt.get(b) == expected);
    }
  }
}

TEST_CASE("a stream's body may co_await refs, and use here()") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto body = [](ref<int> a, std::vector<ref<int>> more) -> stream<int> {
    co_yield co_await a;
    for (auto& r : more) co_yield co_await std::move(r);
    co_yield here().get(here().submit([] { return 7; }));
  };
  auto later = [](int x) {
    here().sleep_for(1ms);
    return x;
  };
  std::vector<int> seen;
  for (const int& x :
       rt.submit(body, rt.submit(later, 1), std::vector{rt.submit(later, 2), rt.submit(later, 3)}))
    seen.push_back(x);
  CHECK(seen == std::vector{1, 2, 3, 7});
  auto bad = rt.submit([]() -> int { throw std::runtime_error("broke"); });
  CHECK_THROWS_AS(rt.submit(body, bad, std::vector<ref<int>>{}).next(), troupe::task_error);
}

TEST_CASE("called directly, a stream function is a lazy generator") {
  produced = 0;
  auto s = count(5);
  CHECK(produced == 0);
  CHECK(s.next() == 0);
  CHECK(produced == 1);
  std::vector<int> rest;
  for (const int& x : s) rest.push_back(x);
  CHECK(rest == std::vector{1, 2, 3, 4});
  CHECK_FALSE(s.next());
  auto b = breaks(1);
  CHECK(b.next() == 0);
  CHECK_THROWS_AS(b.next(), std::runtime_error);
  CHECK_FALSE(b.next());
  stream<int> empty;
  CHECK_THROWS_AS(empty.next(), troupe::error);
  CHECK(*owners(1).next().value() == 0);
}

TEST_CASE("options that mean nothing are refused") {
  troupe::runtime rt{{.workers = 1}};
  CHECK_THROWS_WITH_AS(rt.with({.stream_buffer = 3}).submit([] { return 1; }),
                       doctest::Contains("gives no stream"), troupe::error);
  CHECK_THROWS_WITH_AS((void)rt.with({.retries = 3}).submit<count>(1),
                       doctest::Contains("not tried again"), troupe::error);
  CHECK_THROWS_WITH_AS((void)rt.with({.stream_buffer = std::size_t{1} << 40}).submit<count>(1),
                       doctest::Contains("1 GiB"), troupe::error);
  rt.stop();
  CHECK_THROWS_AS((void)rt.submit<count>(1), troupe::cancelled);
}

TEST_CASE("what is in the buffer outlives the runtime; then the stream is cancelled, or ends") {
  test::deadline limit;
  stream<counted> cut, whole, unbegun;
  {
    troupe::runtime rt{{.workers = 2}};
    cut = rt.with({.stream_buffer = 8}).submit<things>(1000);
    whole = rt.submit<things>(20);
    CHECK(cut.next()->value == 0);
    CHECK(whole.next()->value == 0);
    unbegun = rt.submit([](int) -> stream<counted> { co_yield counted{1}; }, rt.submit([] {
      here().sleep_for(1h);
      return 1;
    }));
    CHECK(test::soon([&] { return rt.stats().tasks_settled == 1; }));  // whole
  }
  for (int i = 1; i < 20; ++i) CHECK(whole.next()->value == i);
  CHECK_FALSE(whole.next());
  int n = 1;
  CHECK_THROWS_AS(
      for (const counted& c
           : cut) { CHECK(c.value == n++); },
      troupe::cancelled);
  CHECK(n <= 1 + 8 + 1);
  CHECK_THROWS_AS(unbegun.next(), troupe::cancelled);
  cut = {};
  whole = {};
  unbegun = {};
  CHECK(counted::alive == 0);
}

TEST_CASE("a runtime ends at any moment, with streams in all states") {
  test::deadline limit;
  std::mt19937 random{7};
  for (int round = 0; round < test::size(200, 60); ++round) {
    std::vector<stream<counted>> kept;
    std::vector<ref<long>> sums;
    troupe::runtime other{{.workers = 1}};
    {
      troupe::runtime rt{{.workers = 1 + static_cast<unsigned>(random() % 3)}};
      auto sum = [](stream<counted> s, unsigned sleep_at) {
        long t = 0;
        for (const counted& c : s) {
          t += c.value;
          if (static_cast<unsigned>(c.value) == sleep_at) here().sleep_for(1h);
        }
        return t;
      };
      auto sleepy = [](int n) -> stream<counted> {
        for (int i = 0; i < n; ++i) co_yield counted{i};
        here().sleep_for(1h);
      };
      for (int i = 0; i < 20; ++i) {
        auto s = random() % 3 == 0
                     ? rt.submit(sleepy, 1 + static_cast<int>(random() % 100))
                     : rt.with({.stream_buffer = 1 + random() % 20}).submit<things>(500);
        switch (random() % 4) {
          case 0: kept.push_back(std::move(s)); break;
          case 1:
            sums.push_back(rt.submit(sum, std::move(s), static_cast<unsigned>(random() % 1000)));
            break;
          case 2: sums.push_back(other.submit(sum, std::move(s), ~0u)); break;
          default: break;
        }
      }
      for (auto& s : kept)
        if (random() % 2) (void)s.next();
      test::linger(std::chrono::microseconds(random() % 1000));
    }
    for (auto& s : kept) {
      int last = -1;
      try {
        for (const counted& c : s) {
          CHECK(c.value > last);
          last = c.value;
        }
      } catch (const troupe::cancelled&) {}
    }
    kept.clear();
    for (auto& r : sums) {
      try {
        const long sum_of_all = other.get(r);
        CHECK(sum_of_all == 124'750);
      } catch (const troupe::cancelled&) {}
    }
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a task of one runtime that waits for another's stream is cancelled with its own") {
  test::deadline limit;
  troupe::runtime a{{.workers = 1}};
  test::gate gate{a};
  for (int round = 0; round < test::size(50, 20); ++round) {
    ref<long> r;
    {
      troupe::runtime b{{.workers = 1}};
      r = b.submit<total>(
          a.submit([](ref<int> g) -> stream<int> { co_yield here().get(g); }, gate.closed));
      test::linger(std::chrono::microseconds(10 * round));
    }
    CHECK_THROWS_AS(r.value(), troupe::cancelled);
  }
}
