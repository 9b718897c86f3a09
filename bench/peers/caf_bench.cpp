// SPDX-License-Identifier: MIT
// Raw CAF: an event_based_actor for each task, results by message. There is no store, no ref and no
// resolver: whoever makes the actors wires them. Policy `sharing`; CAF's default, work stealing,
// takes time quadratic in the length of its queue (BENCH_CAF_POLICY=stealing shows it).
#include <caf/all.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../workloads.hpp"

using shared_number = std::shared_ptr<const long>;
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shared_number)

namespace {

using namespace bench;
using caf::actor;
using caf::behavior;
using caf::event_based_actor;

struct config : caf::actor_system_config {
  config() {
    const char* policy = std::getenv("BENCH_CAF_POLICY");
    set("scheduler.max-threads", std::size_t{workers()});
    set("scheduler.policy", caf::atom_from_string(policy ? policy : "sharing"));
  }
};

struct caf_system {
  config options;
  caf::actor_system system{options};
  caf::scoped_actor self{system};
  actor program = caf::actor_cast<actor>(self);

  long receive() {
    long result = 0;
    self->receive([&](long x) { result = x; });
    return result;
  }
};

behavior adding(event_based_actor* self, actor whom) {  // a task: its input's successor to `whom`
  return {[self, whom](long x) {
    self->send(whom, x + 1);
    self->quit();
  }};
}

struct total {
  long sum = 0, missing = 0;
};

// the sum of n results to `whom`
behavior collecting(caf::stateful_actor<total>* self, long n, actor whom) {
  self->state.missing = n;
  return {[self, whom](long x) {
    auto& s = self->state;
    s.sum += x;
    if (--s.missing > 0) return;
    self->send(whom, s.sum);
    self->quit();
  }};
}

// n tasks, each spawned and sent its number; their results to an actor that adds up
void flood(benchmark::State& state, long n) {
  caf_system c;
  measure(state, n, [&] {
    auto sink = c.system.spawn(collecting, n, c.program);
    for (long i = 0; i < n; ++i) caf::anon_send(c.system.spawn<caf::lazy_init>(adding, sink), i);
    expect(c.receive(), flood_sum(n) + n);
  });
}
void W1_flood(benchmark::State& state) { flood(state, slow_flood_tasks); }
BENCHMARK(W1_flood)->UseRealTime();
void W1_flood_of(benchmark::State& state) { flood(state, state.range(0)); }
BENCHMARK(W1_flood_of)->Apply(scale<100'000>);

// the same from four actors
behavior flooding(caf::stateful_actor<total>* self, long n, actor whom) {
  auto& s = self->state;
  s.missing = n;
  const auto me = caf::actor_cast<actor>(self);
  for (long i = 0; i < n; ++i) self->send(self->spawn<caf::lazy_init>(adding, me), i);
  return {[self, whom](long x) {
    auto& t = self->state;
    t.sum += x;
    if (--t.missing > 0) return;
    self->send(whom, t.sum);
    self->quit();
  }};
}
void W2_flood_from_tasks(benchmark::State& state) {
  constexpr long n = slow_flood_tasks_each;
  caf_system c;
  measure(state, flooding_tasks * n, [&] {
    for (long i = 0; i < flooding_tasks; ++i) c.system.spawn(flooding, n, c.program);
    long sum = 0;
    for (long i = 0; i < flooding_tasks; ++i) sum += c.receive();
    expect(sum, flooding_tasks * (flood_sum(n) + n));
  });
}
BENCHMARK(W2_flood_from_tasks)->UseRealTime();

// all actors are there, each with its successor's handle, before the first gets its message
void chain(benchmark::State& state, long n) {
  caf_system c;
  measure(state, n, [&] {
    actor first = c.program;
    for (long i = 0; i < n; ++i) first = c.system.spawn<caf::lazy_init>(adding, std::move(first));
    caf::anon_send(first, 0L);
    first = nullptr;
    expect(c.receive(), n);
  });
}
void W3_chain(benchmark::State& state) { chain(state, slow_chain_tasks); }
BENCHMARK(W3_chain)->UseRealTime();
void W3_chain_of(benchmark::State& state) { chain(state, state.range(0)); }
BENCHMARK(W3_chain_of)->Apply(scale<100'000>);

// the program spawns an actor, sends it a number and receives the answer
void trip(caf_system& c, long i) {
  caf::anon_send(c.system.spawn<caf::lazy_init>(adding, c.program), i);
  expect(c.receive(), i + 1);
}
void W4_round_trip(benchmark::State& state) {
  caf_system c;
  measure(state, slow_round_trips, [&] {
    for (long i = 0; i < slow_round_trips; ++i) trip(c, i);
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();
void W4_round_trip_asleep(benchmark::State& state) {
  caf_system c;
  measure_from_sleep(state, [&] { trip(c, 7); });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

// an actor for each call; a parent does not wait, its children's messages wake it
behavior fib_call(caf::stateful_actor<total>* self, int n, actor whom) {
  if (n < 2) {
    self->send(whom, static_cast<long>(n));
    self->quit();
    return {[](long) {}};
  }
  self->state.missing = 2;
  const auto me = caf::actor_cast<actor>(self);
  self->spawn(fib_call, n - 1, me);
  self->spawn(fib_call, n - 2, me);
  return {[self, whom](long x) {
    auto& s = self->state;
    s.sum += x;
    if (--s.missing > 0) return;
    self->send(whom, s.sum);
    self->quit();
  }};
}
void W5_nested_fib(benchmark::State& state) {
  caf_system c;
  measure(state, fib_calls(slow_fib_of), [&] {
    c.system.spawn(fib_call, slow_fib_of, c.program);
    expect(c.receive(), fib(slow_fib_of));
  });
}
BENCHMARK(W5_nested_fib)->UseRealTime();

// actors that wait for one message each
void W7_pending(benchmark::State& state) {
  constexpr long n = pending_tasks / 10;
  caf_system c;
  std::vector<double> submitted, drained, bytes;
  for (auto _ : state) {
    auto sink = c.system.spawn(collecting, n, c.program);
    std::vector<actor> all(n);
    const double before = resident_bytes();
    auto begin = clock::now();
    for (auto& a : all) a = c.system.spawn<caf::lazy_init>(adding, sink);
    submitted.push_back(since(begin) / n);
    bytes.push_back((resident_bytes() - before) / n);
    begin = clock::now();
    for (auto& a : all) caf::anon_send(std::exchange(a, nullptr), 0L);
    expect(c.receive(), n);
    drained.push_back(since(begin) / n);
  }
  state.counters["ns/task"] = median(submitted) + median(drained);
  state.counters["submit"] = median(submitted);
  state.counters["drain"] = median(drained);
  state.counters["bytes/task"] = bytes.front();
}
BENCHMARK(W7_pending)->Iterations(3)->UseRealTime();

// from nothing to the first actor's answer
void W13_start(benchmark::State& state) {
  measure_starts(state, [] {
    const auto begin = clock::now();
    caf_system c;
    trip(c, 1);
    return since(begin);
  });
}
BENCHMARK(W13_start)->Iterations(starts)->UseManualTime();

// a tenth of the tree
behavior skynet(caf::stateful_actor<total>* self, long first, long leaves, actor whom) {
  if (leaves == 1) {
    self->send(whom, first);
    self->quit();
    return {[](long) {}};
  }
  self->state.missing = 10;
  const auto me = caf::actor_cast<actor>(self);
  for (long i = 0; i < 10; ++i) self->spawn(skynet, first + i * (leaves / 10), leaves / 10, me);
  return {[self, whom](long x) {
    auto& s = self->state;
    s.sum += x;
    if (--s.missing > 0) return;
    self->send(whom, s.sum);
    self->quit();
  }};
}
void W14_skynet(benchmark::State& state) {
  constexpr long n = slow_skynet_leaves;
  caf_system c;
  measure(state, skynet_tasks(n), [&] {
    c.system.spawn(skynet, 0L, n, c.program);
    expect(c.receive(), skynet_sum(n));
  });
}
BENCHMARK(W14_skynet)->UseRealTime();

// ---- W15: requests to actors that live on; what stands for a ref argument is a shared number

behavior adder(caf::stateful_actor<long>* self) {
  self->state = 0;
  return {[self](long x) { return self->state += x; },
          [self](const shared_number& x) { return self->state += *x; }};
}

// n requests, the actors in turn; their number to `whom`. At most `ahead` are unanswered: CAF looks an
// answer up in a list of all that are missing, so that more at a time are slower.
constexpr long ahead = 64;
struct caller {
  long sent = 0, answered = 0;
  std::function<void()> next;
};
behavior calling(caf::stateful_actor<caller>* self, std::vector<actor> actors, long n,
                 shared_number one, actor whom) {
  self->state.next = [self, actors = std::move(actors), n, one = std::move(one), whom] {
    auto& s = self->state;
    const auto& a = actors[static_cast<std::size_t>(s.sent++) % actors.size()];
    auto answered = [self, n, whom](long) {
      auto& t = self->state;
      if (t.sent < n) t.next();
      if (++t.answered < n) return;
      self->send(whom, n);
      self->quit();
    };
    if (one) self->request(a, caf::infinite, one).then(answered);
    else self->request(a, caf::infinite, 1L).then(answered);
  };
  for (long i = 0; i < ahead; ++i) self->state.next();
  return {[](const std::string&) {}};
}

void actor_calls(benchmark::State& state, long callers, long called, bool with_ref) {
  constexpr long n = slow_actor_calls;
  caf_system c;
  const auto one = with_ref ? std::make_shared<const long>(1) : nullptr;
  std::vector<actor> actors;
  for (long i = 0; i < called; ++i) actors.push_back(c.system.spawn(adder));
  measure(state, n, [&] {
    for (long i = 0; i < callers; ++i)
      c.system.spawn(calling,
                     callers == 1 ? actors : std::vector{actors[static_cast<std::size_t>(i)]},
                     n / callers, one, c.program);
    long sum = 0;
    for (long i = 0; i < callers; ++i) sum += c.receive();
    expect(sum, n);
  });
  for (auto& a : actors) caf::anon_send_exit(a, caf::exit_reason::kill);
}
void W15_calls_1_1(benchmark::State& state) { actor_calls(state, 1, 1, false); }
BENCHMARK(W15_calls_1_1)->UseRealTime();
void W15_calls_1_1_ref(benchmark::State& state) { actor_calls(state, 1, 1, true); }
BENCHMARK(W15_calls_1_1_ref)->UseRealTime();
void W15_calls_1_n(benchmark::State& state) { actor_calls(state, 1, some_actors, false); }
BENCHMARK(W15_calls_1_n)->UseRealTime();
void W15_calls_1_n_ref(benchmark::State& state) { actor_calls(state, 1, some_actors, true); }
BENCHMARK(W15_calls_1_n_ref)->UseRealTime();
void W15_calls_n_n(benchmark::State& state) { actor_calls(state, some_actors, some_actors, false); }
BENCHMARK(W15_calls_n_n)->UseRealTime();
void W15_calls_n_n_ref(benchmark::State& state) {
  actor_calls(state, some_actors, some_actors, true);
}
BENCHMARK(W15_calls_n_n_ref)->UseRealTime();

// the program's thread sends requests to one actor, and receives the answers
void W15_calls_of_program(benchmark::State& state) {
  constexpr long n = slow_actor_calls;
  caf_system c;
  const auto a = c.system.spawn(adder);
  long before = 0;
  measure(state, n, [&] {
    for (long i = 0; i < n; ++i) c.self->send(a, 1L);
    long last = 0;
    for (long i = 0; i < n; ++i) last = c.receive();
    expect(last - before, n);
    before = last;
  });
  caf::anon_send_exit(a, caf::exit_reason::kill);
}
BENCHMARK(W15_calls_of_program)->UseRealTime();

// one request at a time, from an actor
struct trips {
  std::function<void(long)> next;
};
behavior one_by_one(caf::stateful_actor<trips>* self, actor a, actor whom) {
  self->state.next = [self, a, whom](long left) {
    if (left > 0)
      self->request(a, caf::infinite, 1L).then([self, left](long) { self->state.next(left - 1); });
    else {
      self->send(whom, round_trips);
      self->quit();
    }
  };
  self->state.next(round_trips);
  return {[](const std::string&) {}};
}
void W15_call_trip(benchmark::State& state) {
  caf_system c;
  const auto a = c.system.spawn(adder);
  measure(state, round_trips, [&] {
    c.system.spawn(one_by_one, a, c.program);
    expect(c.receive(), round_trips);
  });
  caf::anon_send_exit(a, caf::exit_reason::kill);
}
BENCHMARK(W15_call_trip)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
