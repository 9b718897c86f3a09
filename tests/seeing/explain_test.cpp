// SPDX-License-Identifier: MIT
// Each reason for which a task has not settled, and what explain says of it.
#include <troupe/actor.hpp>
#include <troupe/caf.hpp>
#include <troupe/troupe.hpp>

#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>
#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace {
struct counter {
  int slow(std::shared_ptr<std::atomic<bool>> open) {
    while (!*open) here().sleep_for(1ms);
    return 1;
  }
  int quick() { return 2; }
};
stream<int> many() {
  for (int i = 0; i < 100; ++i) co_yield i;
}
stream<int> late(std::shared_ptr<std::atomic<bool>> open) {
  while (!*open) here().sleep_for(1ms);
  co_yield 1;
}
using flag = std::shared_ptr<std::atomic<bool>>;
int nap(const flag& open) {
  while (!*open) here().sleep_for(1ms);
  return 1;
}
int spin(const flag& open) {
  while (!*open) std::this_thread::yield();
  return 1;
}

// A task that waits, and what is to be said of it, in one line.
struct situation {
  const char* what;
  runtime_options options;
  std::function<ref<int>(runtime&, const flag&)> make;
  task_state state;
  std::vector<std::string> says;
};

std::vector<situation> situations() {
  std::vector<situation> all;
  all.push_back({"a missing argument",
                 {},
                 [](runtime& rt, const flag& open) {
                   auto source = rt.with({.name = "source"}).submit(nap, open);
                   return rt.with({.name = "it"}).submit([](int x) { return x; }, source);
                 },
                 task_state::pending,
                 {"waiting for its arguments", "the value of 'source'"}});
  all.push_back({"several missing arguments",
                 {},
                 [](runtime& rt, const flag& open) {
                   auto a = rt.with({.name = "a"}).submit(nap, open),
                        b = rt.with({.name = "b"}).submit(nap, open);
                   return rt.with({.name = "it"}).submit([](int x, int y) { return x + y; }, a, b);
                 },
                 task_state::pending,
                 {"'a'", "'b'"}});
  all.push_back(
      {"a resource",
       {.resources = {{"gpu", 1}}},
       [](runtime& rt, const flag& open) {
         (void)rt.with({.name = "holder", .resources = {{"gpu", 1}}}).submit(nap, open);
         return rt.with({.name = "it", .resources = {{"gpu", 1}}}).submit([] { return 1; });
       },
       task_state::admitting,
       {"1 of the resource 'gpu', of which 0 of 1 is free", "'holder' holds 1"}});
  all.push_back({"the bound",
                 {.max_unsettled_tasks = 2},
                 [](runtime& rt, const flag& open) {
                   auto it = rt.with({.name = "it"}).submit([open] {
                     (void)here().submit([] { return 1; });
                     return 1;
                   });
                   (void)rt.with({.name = "other"}).submit(nap, open);
                   return it;
                 },
                 task_state::waiting,
                 {"room for a task: 2 may be unsettled"}});
  all.push_back({"a worker, with a priority",
                 {.workers = 1},
                 [](runtime& rt, const flag& open) {
                   (void)rt.with({.name = "busy"}).submit(spin, open);
                   return rt.with({.name = "it", .priority = -5}).submit([] { return 1; });
                 },
                 task_state::queued,
                 {"one of 1 workers", "its priority is -5"}});
  all.push_back({"its own back-off",
                 {},
                 [](runtime& rt, const flag& open) {
                   return rt
                       .with({.name = "it", .retries = 3, .backoff = {.first = 1h, .most = 2h}})
                       .submit([open]() -> int {
                         if (*open) return 1;
                         throw std::runtime_error("no");
                       });
                 },
                 task_state::backing_off,
                 {"try 2, in 35"}});
  all.push_back(
      {"its deadline, too",
       {},
       [](runtime& rt, const flag& open) {
         auto source = rt.with({.name = "source"}).submit(nap, open);
         return rt.with({.name = "it", .deadline = 2h}).submit([](int x) { return x; }, source);
       },
       task_state::pending,
       {"'source'", "its deadline is in 71"}});
  all.push_back({"a value in a stream",
                 {},
                 [](runtime& rt, const flag& open) {
                   return rt.with({.name = "it"}).submit([open] {
                     int n = 0;
                     for (int x : here().with({.name = "writer"}).submit(late, open)) n += x;
                     return n;
                   });
                 },
                 task_state::waiting,
                 {"the next value of the stream of 'writer'"}});
  all.push_back({"its actor",
                 {},
                 [](runtime& rt, const flag& open) {
                   auto a = rt.with({.name = "desk", .detached = true}).actor<counter>();
                   (void)a.call<&counter::slow>(open);
                   return rt.with({}).submit([](ref<int> r) { return r; },
                                             a.call<&counter::quick>());
                 },
                 task_state::forwarding,
                 {"the value of 'counter::quick'"}});
  all.push_back(
      {"a get",
       {},
       [](runtime& rt, const flag& open) {
         auto source = rt.with({.name = "source"}).submit(nap, open);
         return rt.with({.name = "it"}).submit([](ref<int> r) { return here().get(r); }, source);
       },
       task_state::waiting,
       {"the value of 'source'", "explain_test.cpp:"}});
  all.push_back({"one of several",
                 {},
                 [](runtime& rt, const flag& open) {
                   auto a = rt.with({.name = "a"}).submit(nap, open),
                        b = rt.with({.name = "b"}).submit(nap, open);
                   return rt.with({.name = "it"})
                       .submit(
                           [](std::vector<ref<int>> some) {
                             return here().get(here().wait(some, 1).ready.at(0));
                           },
                           std::vector{a, b});
                 },
                 task_state::waiting,
                 {"1 more of several values, the value of 'a'", "'b'"}});
  all.push_back({"a sleep",
                 {},
                 [](runtime& rt, const flag& open) {
                   return rt.with({.name = "it"}).submit([open] {
                     if (!*open) here().sleep_for(1h);
                     return 1;
                   });
                 },
                 task_state::sleeping,
                 {"another 35"}});
  all.push_back(
      {"its own end",
       {},
       [](runtime& rt, const flag& open) { return rt.with({.name = "it"}).submit(spin, open); },
       task_state::running,
       {"'it' is running"}});
  all.push_back({"its body, since it was cancelled",
                 {},
                 [](runtime& rt, const flag& open) {
                   const auto begun = std::make_shared<std::atomic<bool>>(false);
                   auto it = rt.with({.name = "it"}).submit([=] {
                     *begun = true;
                     return spin(open);
                   });
                   CHECK(test::soon([&] { return begun->load(); }));
                   CHECK(test::soon([&] { return rt.cancel(it) == cancel_result::requested; }));
                   return it;
                 },
                 task_state::ending,
                 {"was asked to end", "its body"}});
  all.push_back({"its body, since its parent was cancelled",
                 {},
                 [](runtime& rt, const flag& open) {
                   auto child = std::make_shared<ref<int>>();
                   auto begun = std::make_shared<std::atomic<bool>>(false);
                   auto parent = rt.with({.name = "parent"}).submit([=] {
                     *child = here().with({.name = "it"}).submit([=] {
                       *begun = true;
                       return spin(open);
                     });
                     here().sleep_for(1h);
                     return 1;
                   });
                   CHECK(test::soon([&] { return begun->load(); }));
                   (void)rt.cancel(parent);
                   return *child;
                 },
                 task_state::ending,
                 {"a task that it descends from was asked to end"}});
  all.push_back({"a ref that it has returned",
                 {},
                 [](runtime& rt, const flag& open) {
                   return rt.with({.name = "it"}).submit([open] {
                     return here().with({.name = "other"}).submit(nap, open);
                   });
                 },
                 task_state::forwarding,
                 {"has returned a ref", "the value of 'other'"}});
  all.push_back({"a value that no task makes",
                 {},
                 [](runtime& rt, const flag& open) {
                   auto slow =
                       rt.system().spawn<caf::detached>([open](caf::event_based_actor* self) {
                         self->become([open](int) { return spin(open); });
                       });
                   auto asked = rt.with({.name = "asks", .deadline = 60s}).from<int>(slow, 1);
                   return rt.with({.name = "it"}).submit([](int x) { return x; }, asked);
                 },
                 task_state::pending,
                 {"the value of 'asks'"}});
  return all;
}
}  // namespace

TEST_CASE("explain names the state of a task and what it waits for") {
  test::deadline over{120s};
  for (auto& s : situations()) {
    CAPTURE(std::string(s.what));
    const auto open = std::make_shared<std::atomic<bool>>(false);
    auto options = s.options;
    if (options.workers == 0) options.workers = 2;
    runtime rt{options};
    auto it = s.make(rt, open);
    std::string text;
    const bool said = test::soon(
        [&] {
          const auto why = rt.explain(it);
          text = why.text();
          return !why.tasks().empty() && why.tasks()[0].state == s.state &&
                 std::all_of(s.says.begin(), s.says.end(),
                             [&](auto& part) { return text.find(part) != text.npos; });
        },
        5s);
    CAPTURE(text);
    CHECK(said);
    const auto j = nlohmann::json::parse(rt.explain(it).json());
    CHECK(j.at(0).at("state") == std::string(name_of(s.state)));
    CHECK(test::soon([&] { return rt.explain(it).tasks()[0].since.has_value(); }, 5s));
    *open = true;
    rt.stop();
  }
}

TEST_CASE("explain says since when, from where the wait began or was first seen") {
  test::deadline over;
  runtime rt{{.workers = 2, .resources = {{"gpu", 1}}}};
  const auto open = std::make_shared<std::atomic<bool>>(false);
  auto holds = rt.with({.name = "holds", .resources = {{"gpu", 1}}}).submit(nap, open);
  auto wants = rt.with({.resources = {{"gpu", 1}}}).submit([] { return 1; });
  auto waits = rt.submit([](int x) { return x; }, holds);
  CHECK(test::soon([&] { return rt.explain(wants).tasks()[0].state == task_state::admitting; }));
  test::linger(20ms);
  const auto w = rt.explain(wants).tasks()[0];
  REQUIRE(w.since);
  CHECK(*w.since >= 15ms);
  CHECK(!w.at_least);
  (void)rt.explain(waits);
  test::linger(20ms);
  const auto p = rt.explain(waits).tasks()[0];
  REQUIRE(p.since);
  CHECK(p.at_least);
  CHECK(*p.since >= 15ms);
  CHECK(p.text().find(" or more: the value of 'holds'") != std::string::npos);
  *open = true;
}

TEST_CASE("a producer whose stream is full, and a call whose actor is busy") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  auto s = rt.with({.name = "writer", .stream_buffer = 2}).submit<many>();
  CHECK(test::soon([&] {
    const auto all = rt.tasks({.name = "writer"});
    return all.size() == 1 &&
           all[0].text().find("room in its stream, whose values nobody takes") != std::string::npos;
  }));
  const auto open = std::make_shared<std::atomic<bool>>(false);
  auto a = rt.with({.name = "desk"}).actor<counter>();
  auto slow = a.call<&counter::slow>(open);
  auto quick = a.call<&counter::quick>();
  std::string text;
  CHECK(test::soon([&] {
    text = rt.explain(quick).text();
    return text.find("its turn at the actor 'desk', after 'counter::slow'") != text.npos;
  }));
  CHECK(rt.explain(quick).tasks()[0].state == task_state::in_line);
  *open = true;
  CHECK(rt.get(quick) == 2);
}

TEST_CASE("a blocking body that has no thread says so") {
  test::deadline over;
  runtime rt{{.workers = 1}};
  const auto open = std::make_shared<std::atomic<bool>>(false);
  std::atomic<int> begun{0};
  std::vector<ref<int>> all;
  for (int i = 0; i < 512; ++i)
    all.push_back(rt.with({.blocking = true}).submit([&begun, open] {
      ++begun;
      open->wait(false);
      return 1;
    }));
  CHECK(test::soon([&] { return begun == 512; }));
  auto it = rt.with({.name = "it", .blocking = true}).submit([] { return 1; });
  const auto why = rt.explain(it);
  CHECK(why.tasks()[0].state == task_state::queued);
  CHECK(why.text().find("the pool for blocking bodies, of which there are 512") !=
        std::string::npos);
  *open = true;
  open->notify_all();
  (void)rt.get(all);
  CHECK(rt.get(it) == 1);
}

TEST_CASE("explain follows what the awaited tasks wait for, each once") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  const auto open = std::make_shared<std::atomic<bool>>(false);
  auto a = rt.with({.name = "a"}).submit(nap, open);
  auto b = rt.with({.name = "b"}).submit([](int x) { return x; }, a);
  auto c = rt.with({.name = "c"}).submit([](int x) { return x; }, a);
  auto d = rt.with({.name = "d"}).submit([](int x, int y) { return x + y; }, b, c);
  const auto why = rt.explain(d);
  REQUIRE(why.tasks().size() == 4);
  CHECK(why.tasks()[0].name == "d");
  CHECK(why.tasks()[3].name == "a");
  CHECK(why.tasks()[1].causes.at(0).on == why.tasks()[3].id);
  CHECK(why.text().find("\n    'a'") != std::string::npos);  // two steps away
  CHECK(rt.tasks().size() == 4);
  CHECK(rt.tasks({.state = task_state::pending}).size() == 3);
  CHECK(rt.tasks({.name = "b"}).size() == 1);
  CHECK(rt.tasks({.most = 2}).size() == 2);
  *open = true;
  CHECK(rt.get(d) == 2);
  CHECK(rt.explain(d).tasks()[0].state == task_state::settled);
  CHECK(rt.tasks().empty());
}

TEST_CASE("many tasks and threads may ask for explanations at once") {
  test::deadline over;
  runtime rt{{.workers = 2}};
  const auto open = std::make_shared<std::atomic<bool>>(false);
  auto source = rt.submit(nap, open);
  std::vector<ref<int>> all;
  for (int i = 0; i < 300; ++i) all.push_back(rt.submit([](int x) { return x; }, source));
  std::vector<ref<std::size_t>> asked;
  for (int i = 0; i < 300; ++i)
    asked.push_back(rt.submit([](ref<ref<int>>) { return here().tasks().size(); },
                              rt.put(all[static_cast<std::size_t>(i)])));
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) (void)rt.explain(all[7]);
  });
  for (auto& n : asked) CHECK(rt.get(n) >= 300);
  other.join();
  *open = true;
  CHECK(rt.get(all).size() == 300);
}
