// SPDX-License-Identifier: MIT
// A program's CAF actors and Troupe's objects, in both directions: on the deterministic scheduler and
// on real workers.
#include "stepped.hpp"

#include "tests/runtime/support.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using test::counted;
using troupe::any_value;
using troupe::failed_result;
using troupe::failure_kind;
using troupe::get_object;
using troupe::get_value;
using troupe::here;
using troupe::ref;

namespace interop {
struct point {  // any value: CAF knows nothing of it
  int x = 0, y = 0;
};
struct thrower {  // its copies throw once it has a value
  bool armed = false;
  thrower() = default;
  thrower(const thrower& o) : armed(o.armed) {
    if (armed) throw std::runtime_error("no copy today");
  }
  thrower(thrower&&) = default;
};
}  // namespace interop
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(interop::thrower)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(test::counted)

namespace {
using interop::point;
using interop::thrower;

// A program's own system on real workers.
struct program {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<troupe::runtime> rt;
  explicit program(unsigned workers = 2) {
    troupe::configure(config, workers);
    system = std::make_unique<caf::actor_system>(config);
    rt = std::make_unique<troupe::runtime>(*system);
  }
};

bool says(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }
// What a ref failed with.
template <class T> std::string story(const ref<T>& r) {
  try {
    (void)r.value();
    return "a value";
  } catch (const troupe::error& e) { return e.what(); }
}
template <class T> std::string outcome(const troupe::runtime& rt, const ref<T>& r) {
  try {
    (void)rt.get(r);
    return "a value";
  } catch (const troupe::error& e) { return e.what(); }
}
int fail() { throw std::invalid_argument("of no use"); }

struct doubler_state {
  static inline const char* name = "doubler";
};
caf::behavior doubler(caf::stateful_actor<doubler_state>*) {
  return {[](int x) { return 2 * x; },
          [](const std::string& s) { return s + s; },
          [](int x, int y) -> caf::result<int, std::string> {
            return {x + y, std::to_string(x) + '+' + std::to_string(y)};
          },
          [](int, const std::string&) {},
          [](double) -> caf::result<int> { return caf::sec::runtime_error; },
          [](const point& p) {
            return point{p.y, p.x};
          },
          [](caf::ok_atom) {},
          [](caf::tick_atom) {}};
}
// Keeps its promises in the actor itself: those who hear that it has ended hear it first, since what
// was attached first is told last. (A promise holds its actor, so they must go, or both stay.)
class keeper final : public caf::event_based_actor {
public:
  explicit keeper(caf::actor_config& cfg) : event_based_actor(cfg) {}
  caf::behavior make_behavior() override {
    attach_functor([this](const caf::error&) { kept.clear(); });
    return {[this](int) {
              kept.push_back(make_response_promise());
              return caf::delegated<int>{};
            },
            [this](caf::ok_atom) {
              for (auto& p : kept) p.deliver(7);
              kept.clear();
            },
            [this](caf::tick_atom) { kept.clear(); },
            [this](caf::get_atom) { return kept.size(); }};
  }
  const char* name() const override { return "keeper"; }

private:
  std::vector<caf::response_promise> kept;
};
}  // namespace
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(interop::point)

// ---- from objects to actors ---------------------------------------------------------------------

TEST_CASE("an actor asks the store for an object: settled, or not yet") {
  program p;
  caf::scoped_actor self{*p.system};
  auto store = p.rt->store_actor();
  CHECK(store);
  test::gate gate{*p.rt};
  auto later = p.rt->submit([](int x) { return point{x, 6}; }, gate.closed);
  auto now = p.rt->put(std::string("here"));
  int seen = 0;
  self->request(store, caf::infinite, get_object{now})
      .receive(
          [&](const any_value& v) {
            CHECK(v.is<std::string>());
            CHECK(v.as<std::string>() == "here");
            CHECK(v.is_of(now));
            ++seen;
          },
          [](const caf::error&) { FAIL("a value"); });
  auto pending = self->request(store, caf::infinite, get_object{later});
  gate.open();
  pending.receive(
      [&](const any_value& v) {
        CHECK(&v.as<point>() == &later.value());  // no copy
        CHECK_FALSE(v.is_of(now));
        ++seen;
        try {
          (void)v.as<std::string>();
          FAIL("another type");
        } catch (const troupe::error& e) {
          CHECK(says(e.what(), "interop::point"));
          CHECK(says(e.what(), "string"));
        }
      },
      [](const caf::error&) { FAIL("a value"); });
  CHECK(seen == 2);
}

TEST_CASE("then and await take the answer as any other, and a value outlives ref and runtime") {
  program p;
  std::atomic<int> sum{0};
  any_value kept{p.rt->put(std::string("kept"))};
  {
    test::gate gate{*p.rt};
    auto r = p.rt->submit([](int x) { return 10 * x; }, gate.closed);
    auto asks = [&](caf::event_based_actor* self) {
      self->request(p.rt->store_actor(), caf::infinite, get_object{r})
          .await([&](const any_value& v) { sum += v.as<int>(); });
      self->request(p.rt->store_actor(), caf::infinite, get_value{r}).then([&](int x) {
        sum += x;
      });
    };
    caf::actor a = p.system->spawn(asks), b = p.system->spawn(asks);
    gate.open();
    CHECK(test::soon([&] { return sum == 40; }));
  }
  p.rt.reset();
  CHECK(kept.as<std::string>() == "kept");
}

TEST_CASE("get_value: the reply is the value itself") {
  program p;
  caf::scoped_actor self{*p.system};
  auto ask = [&](auto r) { return self->request(p.rt->store_actor(), 20s, get_value{r}); };
  const auto no = [](const caf::error& e) { FAIL(troupe::text_of(e)); };
  int seen = 0;
  ask(p.rt->submit([] { return 42; })).receive([&](int x) { seen += x == 42; }, no);
  ask(p.rt->submit([] {
    return std::string("text");
  })).receive([&](const std::string& s) { seen += s == "text"; }, no);
  ask(p.rt->submit([] {})).receive([&] { ++seen; }, no);  // a ref<void>
  ask(p.rt->put(std::vector<int>{1, 2}))
      .receive([&](const std::vector<int>& v) { seen += v.size() == 2; }, no);
  ask(p.rt->put(point{1, 2})).receive([&](const point& q) { seen += q.y == 2; }, no);
  CHECK(seen == 5);
}

TEST_CASE("a failed object is answered with an error: its kind and the whole story") {
  program p;
  auto& rt = *p.rt;
  caf::scoped_actor self{*p.system};
  auto through = rt.with({.name = "user"}).submit([](int x) { return x; }, rt.submit<fail>());
  test::gate gate{rt};
  auto stuck = rt.with({.name = "stuck"}).submit([](int x) { return x; }, gate.closed);
  rt.cancel(stuck);
  auto late = rt.with({.deadline = 1ns}).submit([](int x) { return x; }, gate.closed);
  auto slow = rt.submit([&gate] { return here().get(gate.closed, 1ns); });
  ref<int> itself;
  std::atomic<bool> named{false};
  itself = rt.submit([&] {
    while (!named) here().sleep_for(1us);
    return itself;
  });
  named = true;
  auto expect = [&](const ref<int>& r, failure_kind kind, std::string_view part) {
    CAPTURE(part);
    bool seen = false;
    self->request(rt.store_actor(), caf::infinite, get_object{r})
        .receive([](const any_value&) { FAIL("no value"); },
                 [&](const caf::error& e) {
                   CHECK(e == kind);
                   CHECK(e != failure_kind::no_copy);
                   CHECK(troupe::text_of(e) == story(r));
                   CHECK(says(troupe::text_of(e), part));
                   CHECK(p.system->render(e) == story(r));
                   seen = true;
                 });
    CHECK(seen);
    seen = false;
    self->request(rt.store_actor(), caf::infinite, get_value{r})
        .receive([](int) { FAIL("no value"); }, [&](const caf::error& e) { seen = e == kind; });
    CHECK(seen);
  };
  expect(through, failure_kind::task_error, "of no use; it came here through 'user'");
  expect(stuck, failure_kind::cancelled, "task 'stuck' was cancelled");
  expect(late, failure_kind::deadline_exceeded, "had not settled by its deadline");
  expect(slow, failure_kind::timed_out, "not settled within");
  expect(itself, failure_kind::deadlock, "a ref to itself");
}

TEST_CASE("a value whose copy throws is answered with an error, and get_object copies nothing") {
  program p;
  caf::scoped_actor self{*p.system};
  auto r = p.rt->submit([] {
    thrower t;
    t.armed = true;
    return t;
  });
  bool told = false, seen = false;
  self->request(p.rt->store_actor(), caf::infinite, get_value{r})
      .receive([](const thrower&) { FAIL("no value"); },
               [&](const caf::error& e) {
                 told = e == failure_kind::no_copy && says(troupe::text_of(e), "no copy today");
               });
  self->request(p.rt->store_actor(), caf::infinite, get_object{r})
      .receive([&](const any_value& v) { seen = v.as<thrower>().armed; },
               [](const caf::error&) { FAIL("a value"); });
  CHECK(told);
  CHECK(seen);
}

TEST_CASE("send_when_settled: the result comes as an ordinary message") {
  program p;
  auto& rt = *p.rt;
  caf::scoped_actor self{*p.system};
  test::gate gate{rt};
  auto good = rt.submit([](int x) { return std::to_string(x); }, gate.closed);
  auto bad = rt.submit([](int) { return fail(); }, gate.closed);
  auto nothing = rt.submit([](int) {}, gate.closed);
  troupe::send_when_settled(self, good);
  troupe::send_when_settled(caf::actor{self}, get_object{good});
  troupe::send_when_settled(self.ptr(), bad);
  troupe::send_when_settled(self, nothing);
  gate.open();
  int values = 0, objects = 0, failures = 0, empty = 0, n = 0;
  self->receive_for(n, 4)([&](const std::string& s) { values += s == "1"; },
                          [&](const any_value& v) { objects += v.is_of(good); },
                          [&](const failed_result& f) {
                            CHECK(f.is_of(bad));
                            CHECK_FALSE(f.is_of(good));
                            CHECK(f.kind == failure_kind::task_error);
                            CHECK(f.text == story(bad));
                            CHECK_THROWS_AS(f.raise(), troupe::task_error);
                            ++failures;
                          },
                          [&] { ++empty; });
  CHECK(values == 1);
  CHECK(objects == 1);
  CHECK(failures == 1);
  CHECK(empty == 1);
  // The same by a message that is no request.
  self->send(rt.store_actor(), get_value{good});
  self->send(rt.store_actor(), get_object{bad});
  n = 0;
  self->receive_for(n, 2)([&](const std::string&) { ++values; },
                          [&](const failed_result&) { ++failures; });
  CHECK(values == 2);
  CHECK(failures == 2);
  CHECK_THROWS_AS(troupe::send_when_settled(caf::actor{}, good), troupe::error);
  CHECK_THROWS_AS(troupe::send_when_settled(self, ref<int>{}), troupe::error);
  CHECK_THROWS_AS(get_object{ref<int>{}}, troupe::error);
}

using typed_reader =
    caf::typed_actor<caf::reacts_to<int>, caf::reacts_to<any_value>, caf::reacts_to<failed_result>>;
TEST_CASE("a result may go to a statically typed actor that takes it") {
  program p;
  std::atomic<int> got{0};
  auto reader = p.system->spawn([&](typed_reader::pointer) -> typed_reader::behavior_type {
    return {[&](int x) { got += x; }, [&](const any_value& v) { got += v.as<int>(); },
            [&](const failed_result&) { got += 100; }};
  });
  auto r = p.rt->put(1);
  troupe::send_when_settled(reader, r);
  troupe::send_when_settled(reader, get_object{r});
  troupe::send_when_settled(reader, p.rt->submit<fail>());
  CHECK(test::soon([&] { return got == 102; }));
}

TEST_CASE("the store's door refuses what it does not know, and ends with its runtime") {
  program p;
  caf::scoped_actor self{*p.system};
  auto store = p.rt->store_actor();
  CHECK(store == p.rt->store_actor());
  self->monitor(store);
  self->send(store, 1, 2, 3);
  self->send_exit(store, caf::exit_reason::kill);
  caf::anon_send(store, get_object{p.rt->put(1)});  // nobody to answer
  bool refused = false;
  self->request(store, 20s, std::string("what?"))
      .receive([] {}, [&](const caf::error& e) { refused = e == caf::sec::unexpected_message; });
  CHECK(refused);
  auto r = p.rt->put(5);
  CHECK(p.rt->get(r) == 5);
  p.rt.reset();
  bool down = false;
  self->receive([&](const caf::down_msg& m) { down = m.source == store.address(); });
  CHECK(down);
  // Refs outlive their runtime, and so does the answer.
  self->request(store, 20s, get_object{r})
      .receive([](const any_value& v) { CHECK(v.as<int>() == 5); },
               [](const caf::error&) { FAIL("a value"); });
}

TEST_CASE("who has asked may die meanwhile, and all others may drop the object") {
  const long before = counted::alive;
  {
    program p;
    test::gate gate{*p.rt};
    caf::scoped_actor self{*p.system};
    auto r = p.rt->submit([](int x) { return counted{x}; }, gate.closed);
    auto dies = p.system->spawn([&](caf::event_based_actor* me) -> caf::behavior {
      me->request(p.rt->store_actor(), caf::infinite, get_object{r}).then([](const any_value&) {});
      me->request(p.rt->store_actor(), caf::infinite, get_value{r}).then([](const counted&) {});
      troupe::send_when_settled(me, r);
      return {[me](int) { me->quit(); }};
    });
    self->monitor(dies);
    self->send(dies, 1);
    self->receive([](const caf::down_msg&) {});
    auto pending = self->request(p.rt->store_actor(), caf::infinite, get_object{r});
    r = {};
    gate.open();
    pending.receive([](const any_value& v) { CHECK(v.as<counted>().value == 1); },
                    [](const caf::error&) { FAIL("a value"); });
    p.rt->drain();
  }
  CHECK(counted::alive == before);
}

TEST_CASE("a runtime that ends answers who waits for its objects: cancelled") {
  for (const bool on_workers : {true, false}) {
    std::unique_ptr<program> p;
    std::unique_ptr<stepped> s;
    if (on_workers) p = std::make_unique<program>();
    else s = std::make_unique<stepped>();
    auto& rt = on_workers ? p->rt : s->rt;
    caf::actor_system& system = on_workers ? *p->system : *s->system;
    caf::scoped_actor self{system};
    auto r = rt->submit([] {
      here().sleep_for(std::chrono::hours(1));
      return 1;
    });
    auto asked = self->request(rt->store_actor(), caf::infinite, get_object{r});
    troupe::send_when_settled(self, r);
    if (!on_workers) s->run();
    rt.reset();
    if (!on_workers) s->run();
    bool told = false, failed = false;
    asked.receive([](const any_value&) { FAIL("no value"); },
                  [&](const caf::error& e) { told = e == failure_kind::cancelled; });
    self->receive([&](const failed_result& f) {
      failed = f.kind == failure_kind::cancelled && f.is_of(r);
      CHECK_THROWS_AS(f.raise(), troupe::cancelled);
    });
    CHECK(told);
    CHECK(failed);
  }
}

// The only worker was the one that waited for the answers to go out.
TEST_CASE("a runtime may end in a handler, on the only worker, while actors wait for its objects") {
  program p{1};
  caf::scoped_actor self{*p.system};
  auto r = p.rt->submit([] {
    here().sleep_for(1h);
    return 1;
  });
  auto asked = self->request(p.rt->store_actor(), caf::infinite, get_object{r});
  auto ends = p.system->spawn(
      [&](caf::event_based_actor*) -> caf::behavior { return {[&](int) { p.rt.reset(); }}; });
  self->request(ends, caf::infinite, 1).receive([] {}, [](const caf::error&) { FAIL("it ends"); });
  bool told = false;
  asked.receive([](const any_value&) { FAIL("no value"); },
                [&](const caf::error& e) { told = e == failure_kind::cancelled; });
  CHECK(told);
}

TEST_CASE("any runtime's door answers for the objects of all") {
  program p;
  troupe::runtime other;
  caf::scoped_actor self{*p.system};
  test::gate gate{other};
  auto r = other.submit([](int x) { return x + 1; }, gate.closed);
  auto asked = self->request(p.rt->store_actor(), caf::infinite, get_value{r});
  p.rt.reset();  // this is not about its objects
  gate.open();
  int got = 0;
  asked.receive([&](int x) { got = x; }, [](const caf::error&) { FAIL("a value"); });
  CHECK(got == 2);
}

TEST_CASE("a thousand actors ask for ten objects each, before and after they settle") {
  program p;
  const int actors = test::size(1000, 200);
  std::atomic<long> sum{0};
  std::atomic<int> answers{0};
  {
    std::vector<ref<int>> refs;
    test::gate gate{*p.rt};
    for (int i = 0; i < 10; ++i) {
      if (i % 2 == 0) refs.push_back(p.rt->submit([i](int x) { return x + i; }, gate.closed));
      else refs.push_back(p.rt->put(1 + i));
    }
    for (int a = 0; a < actors; ++a)
      p.system->spawn([&](caf::event_based_actor* self) {
        for (auto& r : refs)
          self->request(p.rt->store_actor(), caf::infinite, get_value{r}).then([&](int x) {
            sum += x;
            ++answers;
          });
      });
    gate.open();
    CHECK(test::soon([&] { return answers == 10 * actors; }, 60s));
  }
  CHECK(sum == 55L * actors);
}

// ---- from actors to objects ---------------------------------------------------------------------

TEST_CASE("from: a ref that is settled by an actor's reply, of any shape") {
  program p;
  auto& rt = *p.rt;
  auto d = p.system->spawn(doubler);
  ref<int> one = rt.from<int>(d, 21);
  CHECK(rt.get(one) == 42);
  CHECK(rt.get(rt.from<std::string>(d, "ab")) == "abab");
  auto [sum, text] = rt.from<std::tuple<int, std::string>>(d, 1, 2);
  CHECK(rt.get(sum) == 3);
  CHECK(rt.get(text) == "1+2");
  rt.get(rt.from<void>(d, 1, "x"));
  CHECK(rt.get(rt.from<point>(d, point{1, 2})).x == 2);
  CHECK(rt.get(rt.from<caf::message>(d, 4)).get_as<int>(0) == 8);
  // an input in the message, and the result as an input
  auto chained = rt.submit([](int x) { return x + 1; }, rt.from<int>(d, one));
  CHECK(rt.get(chained) == 85);
  CHECK(rt.get(rt.submit([d] { return here().get(here().from<int>(d, 3)); })) == 6);
  CHECK(rt.get(rt.from<any_value>(rt.store_actor(), get_object{one})).as<int>() == 42);
  caf::anon_send_exit(d, caf::exit_reason::user_shutdown);
}

using typed_adder =
    caf::typed_actor<caf::replies_to<int, int>::with<int>, caf::replies_to<std::string>::with<void>,
                     caf::replies_to<int>::with<int, std::string>>;
TEST_CASE("from a statically typed actor") {
  program p;
  auto& rt = *p.rt;
  typed_adder adder = p.system->spawn([](typed_adder::pointer) -> typed_adder::behavior_type {
    return {[](int x, int y) { return x + y; }, [](const std::string&) {},
            [](int x) -> caf::result<int, std::string> {
              return {x, std::to_string(x)};
            }};
  });
  CHECK(rt.get(rt.from<int>(adder, 1, 2)) == 3);
  CHECK(rt.get(rt.from<int>(adder, 1, rt.from<int>(adder, 1, 1))) == 3);
  rt.get(rt.from<void>(adder, "x"));
  auto [x, text] = rt.from<std::tuple<int, std::string>>(adder, 5);
  CHECK(rt.get(x) == 5);
  CHECK(rt.get(text) == "5");
}

TEST_CASE("such a task has the actor's name, or the one that it is given") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  auto d = system.spawn(doubler);
  troupe::runtime rt{system, {.count_names = true}};
  rt.get(rt.from<int>(d, 1));
  rt.get(rt.with({.name = "twice"}).from<int>(d, 1));
  std::map<std::string, std::size_t> names;
  for (auto& n : rt.counts()) names[n.name] = n.settled;
  CHECK(names == std::map<std::string, std::size_t>{{"from doubler", 1}, {"twice", 1}});
  caf::anon_send_exit(d, caf::exit_reason::user_shutdown);
}

TEST_CASE("what goes wrong at the actor fails the task, and it says what") {
  program p;
  auto& rt = *p.rt;
  caf::scoped_actor self{*p.system};
  auto d = p.system->spawn(doubler);
  CHECK(outcome(rt, rt.from<int>(caf::actor{}, 1)) ==
        "task 'from no actor' failed: the handle names no actor");
  CHECK(says(outcome(rt, rt.from<std::string>(d, 1)),
             "'from doubler' failed: actor 'doubler' replied with (i32), not with "));
  CHECK(says(outcome(rt, rt.from<void>(d, 1)), "replied with (i32), not with void"));
  CHECK(says(outcome(rt, rt.from<int>(d, 1, "x")), "replied with nothing, not with int"));
  auto error = rt.from<int>(d, 1.5);
  CHECK(says(outcome(rt, error), "actor 'doubler' replied with an error: "));
  try {
    rt.get(error);
  } catch (const troupe::task_error& e) {
    CHECK(e.is<troupe::actor_error>());
    try {
      std::rethrow_exception(e.original());
    } catch (const troupe::actor_error& a) { CHECK(a.reason() == caf::sec::runtime_error); }
  }
  CHECK(says(outcome(rt, rt.from<int>(d, std::vector<int>{1})), "unexpected_message"));
  // Its own errors come back whole.
  CHECK(says(outcome(rt, rt.from<any_value>(rt.store_actor(), get_object{rt.submit<fail>()})),
             "replied with an error: task 'fail' failed: of no use"));
  CHECK(says(outcome(rt, rt.from<int>(rt.task_actor(rt.submit([] { here().sleep_for(1h); })), 1)),
             "went down"));
  self->monitor(d);
  caf::anon_send_exit(d, caf::exit_reason::user_shutdown);
  self->receive([](const caf::down_msg&) {});
  auto dead = rt.from<int>(d, 1);
  CHECK(says(outcome(rt, dead), "actor 'doubler' went down before it replied"));
  // An input that failed goes on as it does to any task.
  CHECK(says(outcome(rt, rt.from<int>(d, rt.submit<fail>())), "through 'from doubler'"));
}

TEST_CASE("an actor that goes down, or drops the request, before it replies") {
  program p;
  auto& rt = *p.rt;
  for (const bool dies : {true, false}) {
    auto k = p.system->spawn<keeper>();
    std::vector<ref<int>> refs;
    for (int i = 0; i < 10; ++i) refs.push_back(rt.from<int>(k, i));
    caf::scoped_actor self{*p.system};
    auto taken = [&] {
      std::size_t n = 0;
      self->request(k, 20s, caf::get_atom_v)
          .receive([&](std::size_t x) { n = x; }, [](const caf::error&) { FAIL("it lives"); });
      return n;
    };
    CHECK(test::soon([&] { return taken() == refs.size(); }));
    if (dies) caf::anon_send_exit(k, caf::exit_reason::kill);
    else caf::anon_send(k, caf::tick_atom_v);
    for (auto& r : refs)
      CHECK(says(outcome(rt, r), dies ? "actor 'keeper' went down before it replied"
                                      : "actor 'keeper' dropped the request, or went down"));
    if (!dies) caf::anon_send_exit(k, caf::exit_reason::kill);
  }
}

namespace {
struct forgetful_state {
  std::vector<caf::response_promise> kept;  // goes when the actor ends
};
}  // namespace
TEST_CASE("an actor that goes down with its promises has dropped the requests") {
  program p;
  std::atomic<bool> taken{false};
  auto a = p.system->spawn([&](caf::stateful_actor<forgetful_state>* self) -> caf::behavior {
    return {[&taken, self](int) {
      self->state.kept.push_back(self->make_response_promise());
      taken = true;
      return caf::delegated<int>{};
    }};
  });
  auto r = p.rt->from<int>(a, 1);
  CHECK(test::soon([&] { return taken.load(); }));
  caf::anon_send_exit(a, caf::exit_reason::kill);
  CHECK(says(outcome(*p.rt, r), "went down"));
}

TEST_CASE(
    "cancel, a deadline and the runtime's end end the wait for a reply; a late one is harmless") {
  program p;
  auto& rt = *p.rt;
  auto k = p.system->spawn<keeper>();
  auto cancelled = rt.from<int>(k, 1);
  auto late = rt.with({.deadline = 20ms}).from<int>(k, 1);
  auto answered = rt.from<int>(k, 1), pending = rt.from<int>(k, 1);
  CHECK_THROWS_AS(rt.get(late), troupe::deadline_exceeded);
  rt.cancel(cancelled);
  CHECK_THROWS_AS(rt.get(cancelled), troupe::cancelled);
  while (!answered.settled()) caf::anon_send(k, caf::ok_atom_v);  // the late ones among others
  CHECK(rt.get(answered) == 7);
  auto last = rt.from<int>(k, 1);
  p.rt.reset();
  CHECK(pending.settled());
  CHECK(last.settled());
  caf::anon_send(k, caf::ok_atom_v);  // replies to nobody
  caf::scoped_actor self{*p.system};
  self->monitor(k);
  self->send_exit(k, caf::exit_reason::user_shutdown);
  self->receive([](const caf::down_msg&) {});
}

TEST_CASE("a request may be tried again") {
  program p;
  std::atomic<int> asked{0};
  auto moody = p.system->spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](int x) -> caf::result<int> {
      if (++asked < 3) return caf::sec::runtime_error;
      return x;
    }};
  });
  auto r = p.rt->with({.retries = 5,
                       .backoff = {.first = 0s},
                       .retry_on = troupe::errors<troupe::actor_error>()})
               .from<int>(moody, 4);
  CHECK(p.rt->get(r) == 4);
  CHECK(asked == 3);
  caf::anon_send_exit(moody, caf::exit_reason::user_shutdown);
}

TEST_CASE("ten thousand requests to one actor at a time, and none of them has a thread") {
  program p{1};
  const int n = test::size(10'000, 1'000);
  auto d = p.system->spawn(doubler);
  std::vector<ref<int>> refs;
  for (int i = 0; i < n; ++i) refs.push_back(p.rt->from<int>(d, i));
  long sum = 0;
  for (int x : p.rt->get(std::move(refs))) sum += x;
  CHECK(sum == static_cast<long>(n) * (n - 1));
  // All unanswered at the same time, then all answered, or all lost.
  for (const bool dies : {false, true}) {
    auto k = p.system->spawn<keeper>();
    std::vector<ref<int>> waiting;
    for (int i = 0; i < n; ++i) waiting.push_back(p.rt->from<int>(k, i));
    if (dies) {
      caf::anon_send_exit(k, caf::exit_reason::kill);
      for (auto& r : waiting) CHECK(says(outcome(*p.rt, r), "went down"));
    } else {
      while (!waiting.back().settled()) caf::anon_send(k, caf::ok_atom_v);
      while (p.rt->stats().tasks_unsettled > 0) caf::anon_send(k, caf::ok_atom_v);
      for (auto& r : waiting) CHECK(p.rt->get(r) == 7);
      caf::anon_send_exit(k, caf::exit_reason::kill);
    }
  }
  p.rt->drain();
  caf::anon_send_exit(d, caf::exit_reason::user_shutdown);
}

// ---- any interleaving ---------------------------------------------------------------------------

namespace {
// What a program with both directions does, until `steps` turns are over; then its runtime ends.
void play(unsigned seed, bool to_the_end) {
  stepped s;
  std::mt19937 random{seed};
  auto chance = [&](unsigned n) { return random() % n == 0; };
  std::vector<caf::actor> actors{s.system->spawn(doubler), s.system->spawn<keeper>(),
                                 s.system->spawn<keeper>()};
  std::vector<ref<int>> refs;
  int asked = 0, answered = 0;
  for (int i = 0; i < 12; ++i) {
    const auto& to = actors[random() % actors.size()];
    switch (random() % 4) {
      case 0: refs.push_back(s.rt->from<int>(to, static_cast<int>(random() % 9))); break;
      case 1: refs.push_back(s.rt->with({.deadline = 5ms}).from<int>(to, 1)); break;
      case 2: {
        auto sleep = [ms = random() % 9] {
          here().sleep_for(std::chrono::milliseconds(ms));
          return 3;
        };
        refs.push_back(s.rt->from<int>(to, s.rt->submit(sleep)));
        break;
      }
      default: refs.push_back(s.rt->submit([to] { return here().get(here().from<int>(to, 5)); }));
    }
    if (chance(2)) {
      ++asked;
      auto r = refs[random() % refs.size()];
      const bool dies = chance(5);
      asked -= dies;
      s.system->spawn(
          [&answered, r, dies, store = s.rt->store_actor()](caf::event_based_actor* self) {
            self->request(store, caf::infinite, get_object{r})
                .then([&](const any_value& v) { answered += v.is<int>() ? 1 : 100; },
                      [&](const caf::error& e) {
                        answered += e.category() == caf::atom("troupe") ? 1 : 100;
                      });
            if (dies) self->quit();
          });
    }
    if (chance(4)) refs.erase(refs.begin() + static_cast<std::ptrdiff_t>(random() % refs.size()));
    if (refs.empty()) refs.push_back(s.rt->put(0));
  }
  auto nudge = [&] {
    const auto& a = actors[random() % actors.size()];
    switch (random() % 8) {
      case 0: caf::anon_send(a, caf::tick_atom_v); break;
      case 1: caf::anon_send_exit(a, caf::exit_reason::kill); break;
      case 2: caf::anon_send(actors[0], caf::ok_atom_v); break;
      case 3: (void)refs[random() % refs.size()].settled(); break;
      default: caf::anon_send(a, caf::ok_atom_v);
    }
  };
  for (auto n = to_the_end ? 2000 : random() % 400; n > 0; --n) {
    auto& jobs = s.scheduler->jobs;
    if (jobs.empty()) {
      if (!to_the_end) break;
      nudge();
      continue;
    }
    std::swap(jobs.front(), jobs[random() % jobs.size()]);
    s.step();
    if (chance(20)) nudge();
  }
  if (to_the_end) {
    for (auto& a : actors) caf::anon_send_exit(a, caf::exit_reason::kill);
    for (auto& r : refs) (void)outcome(*s.rt, r);  // nobody waits for ever
    s.rt->drain();
    s.run();
    const auto n = s.rt->stats();
    CHECK(n.inputs_awaited == n.readiness_messages);
    CHECK(answered == asked);
  }
  s.rt.reset();
  s.run();
  for (auto& r : refs) CHECK(r.settled());
  CHECK(answered == asked);
  for (auto& a : actors) caf::anon_send_exit(a, caf::exit_reason::kill);
  s.run();
}
}  // namespace

TEST_CASE("both directions in any interleaving: all is answered, once") {
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::size(300, 60)); ++seed) {
    CAPTURE(seed);
    play(seed, true);
  }
}
TEST_CASE("a runtime may end at any step of requests in both directions") {
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::size(500, 100)); ++seed) {
    CAPTURE(seed);
    play(seed, false);
  }
}

TEST_CASE("on workers: runtimes end while actors ask, and while they are asked") {
  for (int round = 0; round < test::size(300, 60); ++round) {
    program p;
    auto k = p.system->spawn<keeper>();
    auto d = p.system->spawn(doubler);
    std::atomic<int> answers{0};
    caf::scoped_actor self{*p.system};
    std::vector<ref<int>> refs;
    for (int i = 0; i < 20; ++i) {
      refs.push_back(i % 2 == 0 ? p.rt->from<int>(k, i) : p.rt->from<int>(d, i));
      p.system->spawn(
          [&answers, r = refs.back(), store = p.rt->store_actor()](caf::event_based_actor* me) {
            me->request(store, caf::infinite, get_value{r})
                .then([&](int) { ++answers; }, [&](const caf::error&) { ++answers; });
          });
      troupe::send_when_settled(self, refs.back());
    }
    CHECK(test::soon([&] { return answers >= round % 11; }));  // those of the doubler come
    caf::anon_send(k, caf::ok_atom_v);
    if (round % 3 == 0) caf::anon_send_exit(k, caf::exit_reason::kill);
    if (round % 2 == 0) refs.clear();
    p.rt.reset();
    int n = 0;
    self->receive_for(n, 20)([](int) {}, [](const failed_result&) {});
    CHECK(test::soon([&] { return answers == 20; }));
    caf::anon_send_exit(k, caf::exit_reason::kill);
    caf::anon_send_exit(d, caf::exit_reason::kill);
  }
}

// ---- tasks as actors ----------------------------------------------------------------------------

TEST_CASE("an actor monitors a task, links itself to it and attaches a functor, as to any actor") {
  program p;
  caf::scoped_actor self{*p.system};
  test::gate gate{*p.rt};
  auto r = p.rt->submit([](int x) { return x; }, gate.closed);
  const caf::actor task = p.rt->task_actor(r);
  REQUIRE(task);
  std::atomic<int> told{0}, functors{0};
  auto watches = p.system->spawn([&](caf::event_based_actor* me) -> caf::behavior {
    me->monitor(task);
    me->set_down_handler([&, me](const caf::down_msg& m) {
      told += m.source == task.address() && !m.reason;
      me->quit();
    });
    return {[](int x) { return x; }};
  });
  auto linked = p.system->spawn([&](caf::event_based_actor* me) -> caf::behavior {
    me->link_to(task);
    me->set_exit_handler([&, me](const caf::exit_msg& m) {
      told += m.source == task.address();
      me->quit();
    });
    return {[](int x) { return x; }};
  });
  auto unlinked = p.system->spawn([&](caf::event_based_actor* me) -> caf::behavior {
    me->link_to(task);
    me->unlink_from(task);
    me->monitor(task);
    me->demonitor(task);
    return {[](int x) { return x; }};
  });
  for (auto& a : {watches, linked, unlinked})
    self->request(a, 20s, 1).receive([](int) {}, [](const caf::error&) { FAIL("it has begun"); });
  task->attach_functor([&](const caf::error&) { ++functors; });
  self->monitor(watches);
  self->monitor(linked);
  gate.open();
  int n = 0;
  self->receive_for(n, 2)([](const caf::down_msg&) {});
  CHECK(told == 2);
  CHECK(functors == 1);
  CHECK(r.settled());
  self->request(unlinked, 20s, 1).receive([](int) {}, [](const caf::error&) { FAIL("it lives"); });
  caf::anon_send_exit(unlinked, caf::exit_reason::kill);
}
