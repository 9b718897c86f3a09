// SPDX-License-Identifier: MIT
// The least that an actor for each task costs in CAF 0.17: an actor without mailbox, behavior and
// request tables, which counts its messages in and is scheduled once. What a program receives with,
// and the scheduler (policy `sharing`), are CAF's own.
#include <atomic>
#include <caf/all.hpp>
#include <utility>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;
using caf::actor;

// Its messages are numbers, which it adds up; the last one that is missing schedules it, and what
// `run` makes of the sum is sent on.
class lean_task : public caf::monitorable_actor,
                  public caf::dynamically_typed_actor_base,
                  public caf::resumable {
public:
  using behavior_type = caf::behavior;
  lean_task(caf::actor_config& cfg, actor whom, long missing, long start)
      : monitorable_actor(cfg),
        whom_(std::move(whom)),
        missing_(missing),
        sum_(start) {}
  void launch(caf::execution_unit*, bool, bool) { register_at_system(); }
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override {
    sum_.fetch_add(message->content().get_as<long>(0), std::memory_order_relaxed);
    if (missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    intrusive_ptr_add_ref(ctrl());
    if (unit) unit->exec_later(this);
    else home_system().scheduler().enqueue(this);
  }
  resume_result resume(caf::execution_unit* unit, std::size_t) override {
    if (!run(unit)) return awaiting_message;
    whom_->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, sum_.load()),
                   unit);
    whom_ = nullptr;
    cleanup(caf::error{}, unit);
    return done;
  }
  void on_destroy() override { unregister_from_system(); }
  void on_cleanup(const caf::error&) override {}
  void intrusive_ptr_add_ref_impl() override { intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { intrusive_ptr_release(ctrl()); }

protected:
  virtual bool run(caf::execution_unit*) { return true; }  // false: waits for more messages
  actor whom_;
  std::atomic<long> missing_, sum_;
};

void send(const actor& whom, long x, caf::execution_unit* unit = nullptr) {
  whom->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, x), unit);
}

struct config : caf::actor_system_config {
  config() {
    set("scheduler.max-threads", std::size_t{workers()});
    set("scheduler.policy", caf::atom("sharing"));
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

// n tasks, each spawned and sent its number; an actor adds their results up
void W1_flood(benchmark::State& state) {
  constexpr long n = flood_tasks;
  caf_system c;
  measure(state, n, [&] {
    const auto sink = c.system.spawn<lean_task>(c.program, n, 0L);
    for (long i = 0; i < n; ++i) send(c.system.spawn<lean_task>(sink, 1L, 0L), i);
    expect(c.receive(), flood_sum(n));
  });
}
BENCHMARK(W1_flood)->UseRealTime();

// all actors are there, each with its successor's handle, before the first gets its message
void W3_chain(benchmark::State& state) {
  constexpr long n = chain_tasks;
  caf_system c;
  measure(state, n, [&] {
    auto first = c.program;
    for (long i = 0; i < n; ++i) first = c.system.spawn<lean_task>(std::move(first), 1L, 1L);
    send(first, 0);
    expect(c.receive(), n);
  });
}
BENCHMARK(W3_chain)->UseRealTime();

void trip(caf_system& c, long i) {
  send(c.system.spawn<lean_task>(c.program, 1L, 0L), i);
  expect(c.receive(), i);
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

// an actor for each call: its first message is the call's number, two more are what its children
// give; nothing waits
class fib_call : public lean_task {
public:
  fib_call(caf::actor_config& cfg, actor whom) : lean_task(cfg, std::move(whom), 1, 0) {}

protected:
  bool run(caf::execution_unit* unit) override {
    const long n = sum_.load();
    if (called_ || n < 2) return true;
    called_ = true;
    sum_ = 0;
    missing_ = 2;
    const actor me{ctrl(), true};
    auto& system = home_system();
    send(system.spawn<fib_call>(me), n - 1, unit);
    send(system.spawn<fib_call>(me), n - 2, unit);
    return false;
  }

private:
  bool called_ = false;
};
void W5_nested_fib(benchmark::State& state) {
  caf_system c;
  measure(state, fib_calls(slow_fib_of), [&] {
    send(c.system.spawn<fib_call>(c.program), slow_fib_of);
    expect(c.receive(), fib(slow_fib_of));
  });
}
BENCHMARK(W5_nested_fib)->UseRealTime();

void W13_start(benchmark::State& state) {
  measure_starts(state, [] {
    const auto begin = clock::now();
    caf_system c;
    trip(c, 1);
    return since(begin);
  });
}
BENCHMARK(W13_start)->Iterations(starts)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
