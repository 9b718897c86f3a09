// SPDX-License-Identifier: MIT
// Troupe's rows: what a task costs from submit to result, through the public door, with
// BENCH_WORKERS (2) workers beside the program's own thread.
//   build/release/bin/bench/troupe_bench [--benchmark_filter=W3]
// bench/compare runs it beside its peers. ns/task is the median over the rounds. W7 stands first: its
// bytes are counted while the process is young.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <memory>
#include <numeric>
#include <semaphore>
#include <string_view>
#include <troupe/troupe.hpp>
#include <utility>
#include <vector>

#include "workloads.hpp"

namespace {

using namespace bench;
using refs = std::vector<troupe::ref<long>>;
using blob = std::vector<std::byte>;

troupe::runtime_options options() { return {.workers = workers()}; }

long same(long i) { return i; }
long next(long i) { return i + 1; }

long sum(const troupe::values<long>& all) { return std::accumulate(all.begin(), all.end(), 0L); }

long troupe_fib(int n) {
  if (n < 2) return n;
  auto& rt = troupe::here();
  auto a = rt.submit<troupe_fib>(n - 1), b = rt.submit<troupe_fib>(n - 2);
  return rt.get(a) + rt.get(b);
}

// an object that is sealed when the program says so; the task that makes it waits on the side pool
class gate {
public:
  explicit gate(troupe::runtime& rt)
      : object_(rt.with({.name = "gate", .blocking = true}).submit<hold>(opened_)) {}
  void open() { opened_->release(); }
  const troupe::ref<long>& object() const { return object_; }

private:
  using semaphore = std::shared_ptr<std::binary_semaphore>;
  static long hold(const semaphore& opened) {
    opened->acquire();
    return 0;
  }
  semaphore opened_ = std::make_shared<std::binary_semaphore>(0);
  troupe::ref<long> object_;
};

// a million tasks that wait for one object, and how long it takes until they are submitted, and
// settled
struct pending_round {
  double submit, drain, bytes;  // a task
};
pending_round submit_and_drain(troupe::runtime& rt) {
  constexpr long n = pending_tasks;
  pending_round r{};
  gate g{rt};
  refs all(n);
  const double before = resident_bytes();
  auto begin = clock::now();
  for (auto& ref : all) ref = rt.submit<next>(g.object());
  r.submit = since(begin) / n;
  r.bytes = (resident_bytes() - before) / n;
  begin = clock::now();
  g.open();
  expect(sum(rt.get(std::move(all))), n);
  r.drain = since(begin) / n;
  return r;
}
void W7_pending(benchmark::State& state) {
  troupe::runtime rt{options()};
  std::vector<double> submitted, drained, bytes;
  for (auto _ : state) {
    const auto r = submit_and_drain(rt);
    submitted.push_back(r.submit);
    drained.push_back(r.drain);
    bytes.push_back(r.bytes);
  }
  state.counters["ns/task"] = median(submitted) + median(drained);
  state.counters["submit"] = median(submitted);
  state.counters["drain"] = median(drained);
  state.counters["first"] = submitted.front() + drained.front();  // in memory that is new
  state.counters["bytes/task"] = bytes.front();
}
BENCHMARK(W7_pending)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

// the process's memory after one round of that and after three, when it has rested, as a multiple
// of what it had after ten thousand tasks
void W7_memory(benchmark::State& state) {
  troupe::runtime rt{options()};
  refs few(10'000);
  for (auto& ref : few) ref = rt.submit<same>(1);
  expect(sum(rt.get(std::move(few))), 10'000);
  const double start = resident_when_idle();
  for (auto _ : state) {
    (void)submit_and_drain(rt);
    const double one = resident_when_idle();
    for (int more = 0; more < 2; ++more) (void)submit_and_drain(rt);
    const double three = resident_when_idle();
    state.counters["resident_before"] = start;
    state.counters["resident_after_1"] = one / start;
    state.counters["resident_after_3"] = three / start;
  }
}
BENCHMARK(W7_memory)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

// independent tasks from the program's thread, then a get of all
void flood(benchmark::State& state, long n) {
  troupe::runtime rt{options()};
  measure(state, n, [&] {
    refs all(static_cast<std::size_t>(n));
    for (long i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = rt.submit<same>(i);
    expect(sum(rt.get(std::move(all))), flood_sum(n));
  });
}
void W1_flood(benchmark::State& state) { flood(state, flood_tasks); }
void W1_flood_of(benchmark::State& state) { flood(state, state.range(0)); }
BENCHMARK(W1_flood)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(W1_flood_of)->Apply(scale<10'000'000>);

// the same from four tasks at once
long flooding(long n) {
  auto& rt = troupe::here();
  refs all(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = rt.submit<same>(i);
  long total = 0;
  for (auto& r : all) total += rt.get(r);
  return total;
}
void W2_flood_from_tasks(benchmark::State& state) {
  constexpr long n = flood_tasks_each;
  troupe::runtime rt{options()};
  measure(state, flooding_tasks * n, [&] {
    refs all;
    for (long i = 0; i < flooding_tasks; ++i) all.push_back(rt.submit<flooding>(n));
    expect(sum(rt.get(std::move(all))), flooding_tasks * flood_sum(n));
  });
}
BENCHMARK(W2_flood_from_tasks)->UseRealTime()->Unit(benchmark::kMillisecond);

// a chain: all submitted first, then the gate opens
void chain(benchmark::State& state, long n) {
  troupe::runtime rt{options()};
  measure(state, n, [&] {
    gate g{rt};
    auto last = g.object();
    for (long i = 0; i < n; ++i) last = rt.submit<next>(std::move(last));
    g.open();
    expect(rt.get(last), n);
  });
}
void W3_chain(benchmark::State& state) { chain(state, chain_tasks); }
void W3_chain_of(benchmark::State& state) { chain(state, state.range(0)); }
BENCHMARK(W3_chain)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(W3_chain_of)->Apply(scale<10'000'000>);

// one round trip at a time
void W4_round_trip(benchmark::State& state) {
  troupe::runtime rt{options()};
  measure(state, round_trips, [&] {
    for (long i = 0; i < round_trips; ++i) expect(rt.get(rt.submit<same>(i)), i);
  });
}
BENCHMARK(W4_round_trip)->UseRealTime()->Unit(benchmark::kMillisecond);

// one round trip, when every thread sleeps
void W4_round_trip_asleep(benchmark::State& state) {
  troupe::runtime rt{options()};
  measure_from_sleep(state, [&] { expect(rt.get(rt.submit<same>(7)), 7); });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

// tasks that spawn tasks and wait for them
void W5_nested_fib(benchmark::State& state) {
  troupe::runtime rt{options()};
  measure(state, fib_calls(fib_of),
          [&] { expect(rt.get(rt.submit<troupe_fib>(fib_of)), fib(fib_of)); });
}
BENCHMARK(W5_nested_fib)->UseRealTime()->Unit(benchmark::kMillisecond);

// one task with ten thousand inputs that are there already; per input
void W6_ready_inputs(benchmark::State& state) {
  constexpr long n = many_refs;
  troupe::runtime rt{options()};
  refs all;
  for (long i = 0; i < n; ++i) all.push_back(rt.put(i));
  measure(state, n, [&] {
    expect(rt.get(rt.submit([](troupe::values<long> in) { return sum(in); }, all)), flood_sum(n));
  });
}
BENCHMARK(W6_ready_inputs)->UseRealTime()->Unit(benchmark::kMicrosecond);

// get of ten thousand objects that are there already; per object
void W6_get(benchmark::State& state) {
  constexpr long n = many_refs;
  troupe::runtime rt{options()};
  refs all;
  for (long i = 0; i < n; ++i) all.push_back(rt.put(i));
  measure(state, n, [&] { expect(sum(rt.get(all)), flood_sum(n)); });
}
BENCHMARK(W6_get)->UseRealTime()->Unit(benchmark::kMicrosecond);

// a body that puts three thousand values and returns their refs, and a get of all; per value
void W6_returns(benchmark::State& state) {
  constexpr long n = many_returns;
  troupe::runtime rt{options()};
  measure(state, n, [&] {
    auto all = rt.submit([] {
      refs made;
      for (long i = 0; i < n; ++i) made.push_back(troupe::here().put(i));
      return made;
    });
    expect(sum(rt.get(rt.get(all))), flood_sum(n));
  });
}
BENCHMARK(W6_returns)->UseRealTime()->Unit(benchmark::kMicrosecond);

// a thousand tasks from the program's thread, taken one by one as they settle; 0: the refs are
// copied into what is pending, 1: moved
void W8_taken_one_by_one(benchmark::State& state) {
  constexpr long n = batch_tasks;
  const bool moved = state.range(0) == 1;
  troupe::runtime rt{options()};
  measure(state, n, [&] {
    refs many;
    for (long i = 0; i < n; ++i) many.push_back(rt.submit<same>(i));
    long total = 0;
    while (!many.empty()) {
      auto [ready, pending] = moved ? rt.wait(std::move(many), 1) : rt.wait(many, 1);
      total += rt.get(ready[0]);
      many = std::move(pending);
    }
    expect(total, flood_sum(n));
  });
}
BENCHMARK(W8_taken_one_by_one)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

// the same with as_completed
void W8_as_completed(benchmark::State& state) {
  constexpr long n = batch_tasks;
  troupe::runtime rt{options()};
  measure(state, n, [&] {
    refs many;
    for (long i = 0; i < n; ++i) many.push_back(rt.submit<same>(i));
    long total = 0;
    for (auto& r : rt.as_completed(std::move(many))) total += rt.get(r);
    expect(total, flood_sum(n));
  });
}
BENCHMARK(W8_as_completed)->UseRealTime()->Unit(benchmark::kMicrosecond);

// W9: one value of so many bytes, made outside of the timed part; every step is timed by itself
// (some 25 ns of it are the clock's), at every size alike.
template <class Step> void measure_steps(benchmark::State& state, Step step) {
  std::vector<double> spent;
  for (auto _ : state) {
    const auto begin = clock::now();
    step();
    spent.push_back(since(begin));
    state.SetIterationTime(spent.back() / 1e9);
  }
  report(state, spent, 1);
}

long size_of(const blob& b) { return std::ssize(b); }

// put by move
void W9_put(benchmark::State& state) {
  troupe::runtime rt{options()};
  blob value(static_cast<std::size_t>(state.range(0)));
  troupe::ref<blob> held;
  measure_steps(state, [&] {
    if (held) value = rt.get(std::move(held));  // moves it out again: pointers, not bytes
    held = rt.put(std::move(value));
  });
  expect(size_of(rt.get(held)), state.range(0));
}
BENCHMARK(W9_put)->Apply(bytes<gib>);

// get of a ref that is kept: no copy
void W9_get(benchmark::State& state) {
  troupe::runtime rt{options()};
  const auto held = rt.put(blob(static_cast<std::size_t>(state.range(0))));
  measure_steps(state, [&] { expect(size_of(rt.get(held)), state.range(0)); });
}
BENCHMARK(W9_get)->Apply(bytes<gib>);

// the ref passed to a task that looks at the value, and a get of what that returns
void W9_pass(benchmark::State& state) {
  troupe::runtime rt{options()};
  const auto held = rt.put(blob(static_cast<std::size_t>(state.range(0))));
  measure_steps(state, [&] { expect(rt.get(rt.submit<size_of>(held)), state.range(0)); });
}
BENCHMARK(W9_pass)->Apply(bytes<gib>);

long first_result() {
  troupe::runtime rt{options()};
  return rt.get(rt.submit<same>(1));
}

// ns of a process of this program from its start to its end, whose main does nothing but this
double first_result_of_a_process() {
  const auto begin = clock::now();
  const auto child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "troupe_bench", "--first-result", nullptr);
    ::_exit(127);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  expect(status, 0);
  return since(begin);
}

// from nothing to the first result; the runtime's end is not counted. process_ms: a whole process.
void W13_start(benchmark::State& state) {
  std::vector<double> processes;
  for (int i = 0; i < 15; ++i) processes.push_back(first_result_of_a_process());
  measure_starts(state, [] {
    const auto begin = clock::now();
    troupe::runtime rt{options()};
    expect(rt.get(rt.submit<same>(1)), 1);
    return since(begin);
  });
  state.counters["process_ms"] = median(processes) / 1e6;
}
BENCHMARK(W13_start)->Iterations(starts)->UseManualTime()->Unit(benchmark::kMillisecond);

// a tree: every task submits ten, waits for them and adds up; a leaf gives its number
long skynet(long first, long leaves) {
  if (leaves == 1) return first;
  auto& rt = troupe::here();
  std::array<troupe::ref<long>, 10> children;
  for (long i = 0; i < 10; ++i)
    children[static_cast<std::size_t>(i)] =
        rt.submit<skynet>(first + i * (leaves / 10), leaves / 10);
  long total = 0;
  for (auto& r : children) total += rt.get(r);
  return total;
}
void W14_skynet(benchmark::State& state) {
  constexpr long n = skynet_leaves;
  troupe::runtime rt{options()};
  measure(state, skynet_tasks(n), [&] { expect(rt.get(rt.submit<skynet>(0L, n)), skynet_sum(n)); });
}
BENCHMARK(W14_skynet)->UseRealTime()->Unit(benchmark::kMillisecond);

// ---- W15: calls of stateful actors

class adder {
public:
  long add(long x) { return n_ += x; }
  long value() const { return n_; }

private:
  long n_ = 0;
};
using adders = std::vector<troupe::actor<adder>>;

// n calls, the actors in turn, then a get of all: what their counts have grown by
void call_all(const adders& actors, long n, const troupe::ref<long>* one) {
  refs all(static_cast<std::size_t>(n));
  const auto some = std::ssize(actors);
  for (long i = 0; i < n; ++i) {
    const auto& a = actors[static_cast<std::size_t>(i % some)];
    all[static_cast<std::size_t>(i)] = one ? a.call<&adder::add>(*one) : a.call<&adder::add>(1L);
  }
  for (auto& r : all) (void)troupe::here().get(std::move(r));
}
long calling(adders actors, long n) { return call_all(actors, n, nullptr), n; }
long calling_with(adders actors, long n, troupe::ref<long> one) {
  return call_all(actors, n, &one), n;
}

// `callers` tasks call `called` actors, each its own (n:n) or all of them; with a ref argument, or a
// value
void actor_calls(benchmark::State& state, long callers, long called, bool with_ref) {
  constexpr long n = bench::actor_calls;
  troupe::runtime rt{options()};
  const auto one = rt.put(1L);
  adders actors;
  for (long i = 0; i < called; ++i) actors.push_back(rt.actor<adder>());
  long before = 0;
  measure(state, n, [&] {
    refs all;
    for (long i = 0; i < callers; ++i) {
      const adders mine = callers == 1 ? actors : adders{actors[static_cast<std::size_t>(i)]};
      all.push_back(with_ref ? rt.submit<calling_with>(mine, n / callers, troupe::ref<long>{one})
                             : rt.submit<calling>(mine, n / callers));
    }
    expect(sum(rt.get(std::move(all))), n);
    long now = 0;
    for (auto& a : actors) now += rt.get(a.call<&adder::value>());
    expect(now - before, n);
    before = now;
  });
}
void W15_calls_1_1(benchmark::State& state) { actor_calls(state, 1, 1, false); }
BENCHMARK(W15_calls_1_1)->UseRealTime()->Unit(benchmark::kMillisecond);
void W15_calls_1_1_ref(benchmark::State& state) { actor_calls(state, 1, 1, true); }
BENCHMARK(W15_calls_1_1_ref)->UseRealTime()->Unit(benchmark::kMillisecond);
void W15_calls_1_n(benchmark::State& state) { actor_calls(state, 1, some_actors, false); }
BENCHMARK(W15_calls_1_n)->UseRealTime()->Unit(benchmark::kMillisecond);
void W15_calls_1_n_ref(benchmark::State& state) { actor_calls(state, 1, some_actors, true); }
BENCHMARK(W15_calls_1_n_ref)->UseRealTime()->Unit(benchmark::kMillisecond);
void W15_calls_n_n(benchmark::State& state) { actor_calls(state, some_actors, some_actors, false); }
BENCHMARK(W15_calls_n_n)->UseRealTime()->Unit(benchmark::kMillisecond);
void W15_calls_n_n_ref(benchmark::State& state) {
  actor_calls(state, some_actors, some_actors, true);
}
BENCHMARK(W15_calls_n_n_ref)->UseRealTime()->Unit(benchmark::kMillisecond);

// the program's thread calls one actor, and gets all
void W15_calls_of_program(benchmark::State& state) {
  constexpr long n = bench::actor_calls;
  troupe::runtime rt{options()};
  const auto a = rt.actor<adder>();
  long before = 0;
  measure(state, n, [&] {
    refs all(static_cast<std::size_t>(n));
    for (auto& r : all) r = a.call<&adder::add>(1L);
    expect(rt.get(std::move(all))[static_cast<std::size_t>(n - 1)] - before, n);
    before += n;
  });
}
BENCHMARK(W15_calls_of_program)->UseRealTime()->Unit(benchmark::kMillisecond);

// one call at a time, from a task
void W15_call_trip(benchmark::State& state) {
  troupe::runtime rt{options()};
  const auto a = rt.actor<adder>();
  measure(state, round_trips, [&] {
    expect(rt.get(rt.submit(
               [](const troupe::actor<adder>& on) {
                 const auto& here = troupe::here();
                 const long before = here.get(on.call<&adder::value>());
                 for (long i = 1; i <= round_trips; ++i)
                   expect(here.get(on.call<&adder::add>(1L)), before + i);
                 return round_trips;
               },
               a)),
           round_trips);
  });
}
BENCHMARK(W15_call_trip)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--first-result")
    return first_result() == 1 ? 0 : 1;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
