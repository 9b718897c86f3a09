// SPDX-License-Identifier: MIT
// A program that lives on CAF adds a task graph: results come to its actors as messages, and its
// actors are sources of the graph.
// expect-output: ^the printer got 2500$
// expect-output: ^the printer got: task 'risky' failed: no luck$
// expect-output: ^the store holds a string: harvest$
// expect-output: ^a ledger entry, doubled: 84$
// expect-output: ^it failed: .*actor 'ledger' replied with an error: .*$
#include <troupe/caf.hpp>
#include <troupe/troupe.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>
#include <caf/stateful_actor.hpp>

#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

int square(int x) { return x * x; }
int sum(const std::vector<int>& xs) {
  int all = 0;
  for (int x : xs) all += x;
  return all;
}
int risky(int x) {
  if (x > 0) throw std::runtime_error("no luck");
  return x;
}

// An actor of the program that is told results: the value, or why there is none.
caf::behavior printer(caf::event_based_actor* self, int expected) {
  auto one_more = [self, left = std::make_shared<int>(expected)] {
    if (--*left == 0) self->quit();
  };
  return {[=](int x) {
            std::cout << "the printer got " << x << '\n';
            one_more();
          },
          [=](const troupe::failed_result& f) {
            std::cout << "the printer got: " << f.text << '\n';
            one_more();
          }};
}

// An actor of the program that knows things.
struct ledger_state {
  static inline const char* name = "ledger";
  std::map<std::string, int> entries{{"rent", 42}};
};
caf::behavior ledger(caf::stateful_actor<ledger_state>* self) {
  return {[self](const std::string& entry) -> caf::result<int> {
    auto found = self->state.entries.find(entry);
    if (found == self->state.entries.end()) return caf::sec::invalid_argument;
    return found->second;
  }};
}

int main() {
  caf::actor_system_config config;
  troupe::configure(config);  // the program's actors and Troupe's run on the same workers
  caf::actor_system system{config};
  troupe::runtime rt{system};
  caf::scoped_actor self{system};

  // A result as a message, when it is there. Nobody waits for it.
  caf::actor p = system.spawn(printer, 2);
  self->monitor(p);
  troupe::send_when_settled(
      p, rt.submit<sum>(std::vector{rt.submit<square>(30), rt.submit<square>(40)}));
  troupe::send_when_settled(p, rt.submit<risky>(1));
  self->receive([](const caf::down_msg&) {});  // it has got both

  // Or ask for it, settled or not: get_object copies nothing and takes any type.
  auto word = rt.submit([] { return std::string("harvest"); });
  self->request(rt.store_actor(), caf::infinite, troupe::get_object{word})
      .receive(
          [](const troupe::any_value& v) {
            std::cout << "the store holds a string: " << v.as<std::string>() << '\n';
          },
          [](const caf::error& e) { std::cout << troupe::text_of(e) << '\n'; });

  // The other way: a ref that an actor's reply settles, an input like any other.
  caf::actor l = system.spawn(ledger);
  troupe::ref<int> rent = rt.from<int>(l, "rent");
  auto doubled = rent.then([](int x) { return 2 * x; });
  std::cout << "a ledger entry, doubled: " << rt.get(doubled) << '\n';
  try {
    rt.get(rt.from<int>(l, "yacht"));
  } catch (const troupe::task_error& e) { std::cout << "it failed: " << e.what() << '\n'; }
}
