// SPDX-License-Identifier: MIT
// Stateful actors as CAF actors: called by message, monitored, and called from a user's CAF actors.
#include "stepped.hpp"

#include <troupe/caf.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using troupe::call_of;
using troupe::failure_kind;
using troupe::handle_of;

namespace {

class counter {
public:
  explicit counter(int start) : n_(start) {}
  int add(int x) { return n_ += x; }
  int fail() { throw std::runtime_error("not today"); }
  int give_up() { throw troupe::actor_broken("worn out"); }
  void note(int x) { seen_.push_back(x); }
  std::vector<int> seen() const { return seen_; }

private:
  int n_;
  std::vector<int> seen_;
};
class other {
public:
  int nothing() { return 0; }
};

struct program {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<troupe::runtime> rt;
  program() {
    troupe::configure(config, 2);
    system = std::make_unique<caf::actor_system>(config);
    rt = std::make_unique<troupe::runtime>(*system);
  }
};

int ask(program& p, const caf::actor& whom, troupe::method_call call) {
  caf::scoped_actor self{*p.system};
  int got = -1;
  self->request(whom, caf::infinite, std::move(call))
      .receive([&](int n) { got = n; },
               [](const caf::error& e) { throw troupe::error(troupe::text_of(e)); });
  return got;
}

}  // namespace

TEST_CASE(
    "a request to a stateful actor's handle calls a method, and is answered with its result") {
  program p;
  auto c = p.rt->actor<counter>(10);
  const auto handle = handle_of(c);
  CHECK(ask(p, handle, call_of<&counter::add>(5)) == 15);
  CHECK(ask(p, handle, call_of<&counter::add>(p.rt->submit([] { return 2; }))) == 17);
  CHECK(p.rt->get(c.call<&counter::add>(1)) == 18);
}

TEST_CASE("a call by message that throws is answered with the story") {
  program p;
  auto c = p.rt->actor<counter>(0);
  CHECK_THROWS_WITH(ask(p, handle_of(c), call_of<&counter::fail>()),
                    doctest::Contains("not today"));
  CHECK(ask(p, handle_of(c), call_of<&counter::add>(1)) == 1);
}

TEST_CASE("a call by message of another class's method names the actor's class") {
  program p;
  auto c = p.rt->with({.name = "tally"}).actor<counter>(0);
  CHECK_THROWS_WITH(ask(p, handle_of(c), call_of<&other::nothing>()), doctest::Contains("counter"));
}

TEST_CASE("a handle does not keep a stateful actor alive; its monitors hear of its end") {
  program p;
  auto c = p.rt->actor<counter>(0);
  const auto handle = handle_of(c);
  caf::scoped_actor self{*p.system};
  self->monitor(handle);
  p.rt->get(c.call<&counter::add>(1));
  c = {};
  self->receive([&](const caf::down_msg& m) {
    CHECK(m.source == handle.address());
    CHECK(m.reason == caf::exit_reason::normal);
  });
  CHECK_THROWS_WITH(ask(p, handle, call_of<&counter::add>(1)), doctest::Contains("has ended"));
}

TEST_CASE("who monitors a stateful actor that broke hears why") {
  program p;
  auto c = p.rt->actor<counter>(0);
  caf::scoped_actor self{*p.system};
  self->monitor(handle_of(c));
  CHECK_THROWS_AS(p.rt->get(c.call<&counter::give_up>()), troupe::task_error);
  self->receive([&](const caf::down_msg& m) {
    CHECK(to_string(m.reason).find("worn out") != std::string::npos);
  });
  CHECK_THROWS_WITH(ask(p, handle_of(c), call_of<&counter::add>(1)), doctest::Contains("worn out"));
}

TEST_CASE("a handle may outlive the runtime") {
  program p;
  auto c = p.rt->actor<counter>(0);
  const auto handle = handle_of(c);
  p.rt.reset();
  CHECK_THROWS_WITH(ask(p, handle, call_of<&counter::add>(1)), doctest::Contains("has ended"));
  c = {};
  CHECK_THROWS_WITH(ask(p, handle, call_of<&counter::add>(1)), doctest::Contains("has ended"));
}

TEST_CASE("the calls of a CAF actor have their turns in the order made, whatever worker it is on") {
  program p;
  auto c = p.rt->actor<counter>(0);
  constexpr int rounds = 500;
  auto caller = [&](bool by_message) {
    return p.system->spawn([c, by_message](caf::event_based_actor* self) -> caf::behavior {
      return {[=](int i) {
        if (by_message) self->send(handle_of(c), call_of<&counter::note>(i));
        else c.call<&counter::note>(i);
        if (i < rounds) self->send(self, i + 1);
        else self->quit();
      }};
    });
  };
  caf::scoped_actor self{*p.system};
  bool by_message = false;
  SUBCASE("by call") {}
  SUBCASE("by message") { by_message = true; }
  auto a = caller(by_message);
  self->monitor(a);
  caf::anon_send(a, 1);
  a = nullptr;
  self->receive([](const caf::down_msg&) {});
  std::vector<int> seen;  // another caller's call has its turn before those that wait in line
  while (seen.size() < rounds) seen = p.rt->get(c.call<&counter::seen>());
  for (int i = 0; i < rounds; ++i) REQUIRE(seen[static_cast<std::size_t>(i)] == i + 1);
}
