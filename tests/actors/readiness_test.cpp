// SPDX-License-Identifier: MIT
#include "stepped.hpp"

#include "tests/runtime/support.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using troupe::here;
using troupe::ref;

namespace {
long fib(long n) {
  if (n < 2) return n;
  auto a = here().submit<fib>(n - 1), b = here().submit<fib>(n - 2);
  return here().get(a) + here().get(b);
}
}  // namespace

TEST_CASE(
    "the readiness of an input travels as a message: awaited, then watched, sealed and answered, a "
    "step each") {
  stepped s;
  auto input = s.rt->submit([] { return 20; });
  auto output = s.rt->submit([](int x) { return x + 1; }, input);
  // Nothing has run: the await waits in the resolver's mailbox, the first task in the queue.
  CHECK_FALSE(input.settled());
  std::vector<std::string> story;
  bool was_sealed = false;
  while (s.step()) {
    if (input.settled() != was_sealed) {
      was_sealed = true;
      story.push_back("sealed");
      CHECK_FALSE(output.settled());  // the task learns of it by a message, which has not come yet
    }
    if (output.settled() && story.back() != "settled") story.push_back("settled");
  }
  CHECK(story == std::vector<std::string>{"sealed", "settled"});
  CHECK(output.value() == 21);
  const auto n = s.rt->stats();
  CHECK(n.inputs_awaited == 1);
  CHECK(n.readiness_messages == 1);
}

TEST_CASE(
    "between an input's seal and its consumer's turn there are messages, and each waits for a step "
    "of its own") {
  stepped s;
  auto gate = s.rt->submit([] {
    here().sleep_for(std::chrono::hours(1));
    return 1;
  });
  auto after = s.rt->submit([](int x) { return x + 1; }, gate);
  s.run();
  CHECK_FALSE(gate.settled());  // sleeps: no step is left
  const auto before = s.rt->stats();
  CHECK(before.inputs_awaited - before.readiness_messages == 1);  // the edge is open
  CHECK(s.rt->get(after) == 2);  // the virtual clock goes on to the end of the sleep
  const auto then = s.rt->stats();
  CHECK(then.inputs_awaited == then.readiness_messages);
}

TEST_CASE("a task is a CAF actor: it can be monitored, and its monitor hears when it settles") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  troupe::runtime rt{system};
  caf::scoped_actor self{system};
  test::gate gate{rt};
  auto slow = rt.submit([](int x) { return x + 6; }, gate.closed);
  caf::actor task = rt.task_actor(slow);
  REQUIRE(task);
  CHECK(task.id() != 0);
  CHECK(&task.home_system() == &system);
  self->monitor(task);
  gate.open();
  bool down = false;
  self->receive([&](caf::down_msg& m) { down = m.source == task.address() && !m.reason; });
  CHECK(down);
  CHECK(slow.settled());
  CHECK_FALSE(rt.task_actor(slow));  // it has ended
  self->monitor(task);               // a monitor that comes late hears at once
  self->receive([&](caf::down_msg&) {});
  caf::anon_send_exit(task, caf::exit_reason::kill);  // and a task that has ended cannot be killed
}

TEST_CASE(
    "a task can be linked, its monitors can be taken back, and a request to it is answered with an "
    "error") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  troupe::runtime rt{system};
  caf::scoped_actor self{system};
  auto ends_with_it = [](caf::event_based_actor* me) -> caf::behavior {
    me->set_exit_handler([me](const caf::exit_msg&) { me->quit(); });
    return {[](int) {}};
  };
  test::gate gate{rt};
  auto slow = rt.submit([](int x) { return x; }, gate.closed);
  caf::actor task = rt.task_actor(slow);
  REQUIRE(task);
  std::atomic<int> told{0};
  task->attach_functor([&told](const caf::error& why) { told += why ? 100 : 1; });
  // one that was linked and is not any more, and one that is linked from either side
  caf::actor unlinked = system.spawn(ends_with_it), linked = system.spawn(ends_with_it),
             linking = system.spawn(ends_with_it);
  task->add_link(caf::actor_cast<caf::abstract_actor*>(unlinked));
  task->remove_link(caf::actor_cast<caf::abstract_actor*>(unlinked));
  task->add_link(caf::actor_cast<caf::abstract_actor*>(linked));
  task->add_link(caf::actor_cast<caf::abstract_actor*>(linked));  // twice is once
  caf::actor_cast<caf::abstract_actor*>(linking)->add_link(
      caf::actor_cast<caf::abstract_actor*>(task));
  self->monitor(task);
  self->demonitor(task.address());
  for (auto& a : {linked, linking}) self->monitor(a);
  self->request(task, std::chrono::seconds(20), 1)
      .receive([](int) { FAIL_CHECK("a task has no such answer"); },
               [](const caf::error& e) { CHECK(e == caf::sec::request_receiver_down); });
  gate.open();
  CHECK(rt.get(slow) == 1);
  int ended = 0;
  self->receive_for(ended, 2)([&](const caf::down_msg& m) {
    CHECK((m.source == linked.address() || m.source == linking.address()));
  });
  CHECK(told == 1);
  // what links itself to a task that has ended hears at once
  caf::actor late = system.spawn(ends_with_it);
  self->monitor(late);
  task->add_link(caf::actor_cast<caf::abstract_actor*>(late));
  self->receive([&](const caf::down_msg& m) { CHECK(m.source == late.address()); });
  bool alone = true;
  self->receive([&](const caf::down_msg&) { alone = false; },
                caf::after(std::chrono::seconds(0)) >> [] {});
  CHECK(alone);
  caf::anon_send_exit(unlinked, caf::exit_reason::kill);
}

// It runs where its task settles, on the stack of a body or in a store's handler. One that waited
// there came back on another thread, and the task's end went on with the first one's memory.
TEST_CASE("a functor that is attached to a task must not wait, and is told so") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  troupe::runtime rt{system};
  test::gate gate{rt};
  auto other = rt.submit([](int x) { return x; }, gate.closed);
  test::gate first{rt};
  auto task = rt.submit([](int x) { return x; }, first.closed);
  std::atomic<bool> told{false};
  rt.task_actor(task)->attach_functor([&](const caf::error&) {
    try {
      rt.get(other);
    } catch (const troupe::error& e) {
      told = std::string_view{e.what()}.find("nor a functor") != std::string_view::npos;
    }
  });
  first.open();
  CHECK(rt.get(task) == 1);
  rt.get(rt.submit([] { return 1; }));
  gate.open();
  CHECK(rt.get(other) == 1);
  rt.drain();
  CHECK(told);
}

TEST_CASE(
    "a pending task is an actor too, and its monitor hears when it settles without having run") {
  stepped s;
  auto gate = s.rt->submit([]() -> int { throw std::runtime_error("no"); });
  auto after = s.rt->submit([](int x) { return x; }, gate);
  caf::scoped_actor self{*s.system};
  caf::actor pending = s.rt->task_actor(after);
  REQUIRE(pending);
  self->monitor(pending);
  s.run();
  CHECK_THROWS_AS(after.value(), troupe::task_error);
  bool down = false;
  self->receive([&](const caf::down_msg& m) { down = m.source == pending.address(); });
  CHECK(down);
}

TEST_CASE(
    "stores and resolvers are CAF actors that a program can monitor; they end with the runtime") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  std::size_t expected = 0;
  {
    troupe::runtime rt{system};
    CHECK(rt.get(rt.submit([] { return 1; })) == 1);
    for (auto& all : {rt.store_actors(), rt.resolver_actors()})
      for (auto& a : all) {
        CHECK(a);
        self->monitor(a);
        ++expected;
      }
  }
  for (std::size_t i = 0; i < expected; ++i) self->receive([](caf::down_msg&) {});
}

TEST_CASE(
    "messages that mean nothing to a task, a store or a resolver change nothing, and requests are "
    "answered by an error or not at all") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  troupe::runtime rt{system};
  caf::scoped_actor self{system};
  test::gate gate{rt};
  auto slow = rt.submit([](int x) { return x + 6; }, gate.closed);
  auto task = rt.task_actor(slow);
  self->send(task, 1, 2, 3);
  self->send_exit(task, caf::exit_reason::kill);
  for (auto& a : rt.store_actors()) self->send(a, std::string("what?"));
  for (auto& a : rt.resolver_actors()) self->send(a, 42);
  bool refused = false;
  self->request(task, std::chrono::seconds(10), 5)
      .receive([](int) {}, [&](const caf::error&) { refused = true; });
  CHECK(refused);
  gate.open();
  CHECK(rt.get(slow) == 7);
}

TEST_CASE(
    "edges awaited = readiness messages delivered, for a chain and for fib, on real threads") {
  troupe::runtime rt{{.workers = 2}};
  auto agree = [&] {
    rt.drain();
    const auto n = rt.stats();
    CHECK(n.inputs_awaited == n.readiness_messages);
    CHECK(n.tasks_unsettled == 0);
    CHECK(n.objects == 0);
    return n.inputs_awaited;
  };
  {
    test::gate gate{rt};
    auto last = rt.submit([](int) { return 0; }, gate.closed);
    for (int i = 0; i < 1000; ++i) last = rt.submit([](int x) { return x + 1; }, std::move(last));
    gate.open();
    CHECK(rt.get(last) == 1000);
  }
  CHECK(agree() >= 1000);
  CHECK(rt.get(rt.submit<fib>(20L)) == 6765);
  agree();
}

TEST_CASE(
    "an actor system without Troupe's scheduler is refused with the one line that is missing") {
  caf::actor_system_config config;
  config.set("scheduler.max-threads", std::size_t{1});
  caf::actor_system system{config};
  try {
    troupe::runtime rt{system};
    FAIL("refused");
  } catch (const troupe::error& e) {
    CHECK(std::string(e.what()).find("troupe::configure") != std::string::npos);
  }
}

TEST_CASE("a get inside a CAF actor's handler is an error that says what to do instead") {
  caf::actor_system_config config;
  troupe::configure(config, 2);
  caf::actor_system system{config};
  troupe::runtime rt{system};
  caf::scoped_actor self{system};
  test::gate gate{rt};
  auto r = gate.closed;
  auto actor = system.spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](int) -> std::string {
      try {
        rt.get(r);
        return "got it";
      } catch (const troupe::error& e) { return e.what(); }
    }};
  });
  self->request(actor, caf::infinite, 1)
      .receive([](const std::string& text) { CHECK(text.find("handler") != text.npos); },
               [](caf::error&) { FAIL("an answer"); });
  gate.open();
  CHECK(rt.get(r) == 1);
}

TEST_CASE(
    "on the deterministic scheduler a wait for what nobody will make is an error, and leaves "
    "nothing behind") {
  stepped s;
  ref<int> itself;
  itself = s.rt->submit([&] { return here().get(itself); });
  CHECK_THROWS_AS(s.rt->get(itself), troupe::deadlock);
  s.rt.reset();
  CHECK(itself.settled());
}
