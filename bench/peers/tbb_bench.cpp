// SPDX-License-Identifier: MIT
// oneTBB: task_group for tasks, flow::graph for edges. A task of a task_group has no future: it
// writes its result to where the caller said. Nothing is a message, and nothing has an address.
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <array>
#include <deque>
#include <numeric>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;
namespace flow = tbb::flow;

// The program's thread is one of TBB's workers while it waits.
struct threads {
  tbb::global_control limit{tbb::global_control::max_allowed_parallelism, workers()};
  tbb::task_arena arena{static_cast<int>(workers())};
};

long flood_of(long n) {
  tbb::task_group group;
  std::vector<long> results(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i)
    group.run([i, &results] { results[static_cast<std::size_t>(i)] = i; });
  group.wait();
  return std::accumulate(results.begin(), results.end(), 0L);
}
void flood(benchmark::State& state, long n) {
  threads t;
  measure(state, n, [&] { t.arena.execute([&] { expect(flood_of(n), flood_sum(n)); }); });
}
void W1_flood(benchmark::State& state) { flood(state, flood_tasks); }
BENCHMARK(W1_flood)->UseRealTime();
void W1_flood_of(benchmark::State& state) { flood(state, state.range(0)); }
BENCHMARK(W1_flood_of)->Apply(scale<10'000'000>);

void W2_flood_from_tasks(benchmark::State& state) {
  constexpr long n = flood_tasks_each;
  threads t;
  measure(state, flooding_tasks * n, [&] {
    t.arena.execute([&] {
      tbb::task_group group;
      std::vector<long> sums(flooding_tasks);
      for (auto& s : sums) group.run([&s] { s = flood_of(n); });
      group.wait();
      expect(std::accumulate(sums.begin(), sums.end(), 0L), flooding_tasks * flood_sum(n));
    });
  });
}
BENCHMARK(W2_flood_from_tasks)->UseRealTime();

// A flow graph of continue_nodes, TBB's way to draw dependences: built, then started, then taken
// down. They carry no value; it is in a variable that they share. (function_nodes, which carry one,
// took three times as long.)
using step = flow::continue_node<flow::continue_msg>;
void chain(benchmark::State& state, long n) {
  threads t;
  measure(state, n, [&] {
    flow::graph g;
    std::deque<step> steps;
    long value = 0;
    for (long i = 0; i < n; ++i) {
      steps.emplace_back(g, [&value](flow::continue_msg m) {
        ++value;
        return m;
      });
      if (i > 0) flow::make_edge(steps[static_cast<std::size_t>(i) - 1], steps.back());
    }
    steps.front().try_put({});
    g.wait_for_all();
    expect(value, n);
  });
}
void W3_chain(benchmark::State& state) { chain(state, chain_tasks); }
BENCHMARK(W3_chain)->UseRealTime();
void W3_chain_of(benchmark::State& state) { chain(state, state.range(0)); }
BENCHMARK(W3_chain_of)->Apply(scale<1'000'000>);

// run + wait: the thread that waits runs the task itself, nothing is handed over
void W4_round_trip(benchmark::State& state) {
  threads t;
  measure(state, round_trips, [&] {
    tbb::task_group group;
    for (long i = 0; i < round_trips; ++i) {
      long result = -1;
      group.run([i, &result] { result = i; });
      group.wait();
      expect(result, i);
    }
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();
void W4_round_trip_asleep(benchmark::State& state) {
  threads t;
  tbb::task_group group;
  measure_from_sleep(state, [&] {
    long result = -1;
    group.run([&result] { result = 7; });
    group.wait();
    expect(result, 7);
  });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

// one of the two calls is a task, the other a plain call: 75,024 tasks for 150,049 calls
long tbb_fib(int n) {
  if (n < 2) return n;
  long a = 0, b = 0;
  tbb::task_group group;
  group.run([n, &a] { a = tbb_fib(n - 1); });
  b = tbb_fib(n - 2);
  group.wait();
  return a + b;
}
void W5_nested_fib(benchmark::State& state) {
  threads t;
  measure(state, fib_calls(fib_of),
          [&] { t.arena.execute([] { expect(tbb_fib(fib_of), fib(fib_of)); }); });
}
BENCHMARK(W5_nested_fib)->UseRealTime();

// nodes of a flow graph behind one that has not been started; the graph's end is not timed
void W7_pending(benchmark::State& state) {
  constexpr long n = pending_tasks;
  threads t;
  std::vector<double> submitted, drained, bytes;
  for (auto _ : state) {
    flow::graph g;
    flow::broadcast_node<flow::continue_msg> gate(g);
    std::deque<step> nodes;
    std::vector<long> results(n, 0);
    const double before = resident_bytes();
    auto begin = clock::now();
    for (auto& r : results) {
      nodes.emplace_back(g, [&r](flow::continue_msg m) {
        ++r;
        return m;
      });
      flow::make_edge(gate, nodes.back());
    }
    submitted.push_back(since(begin) / n);
    bytes.push_back((resident_bytes() - before) / n);
    begin = clock::now();
    gate.try_put({});
    g.wait_for_all();
    expect(std::accumulate(results.begin(), results.end(), 0L), n);
    drained.push_back(since(begin) / n);
    state.PauseTiming();
    g.reset(flow::rf_clear_edges);
    state.ResumeTiming();
  }
  state.counters["ns/task"] = median(submitted) + median(drained);
  state.counters["submit"] = median(submitted);
  state.counters["drain"] = median(drained);
  state.counters["bytes/task"] = bytes.front();
}
BENCHMARK(W7_pending)->Iterations(3)->UseRealTime();

long skynet(long first, long leaves) {
  if (leaves == 1) return first;
  std::array<long, 10> results{};
  tbb::task_group group;
  for (std::size_t i = 0; i < 10; ++i)
    group.run([&r = results[i], first = first + static_cast<long>(i) * (leaves / 10), leaves] {
      r = skynet(first, leaves / 10);
    });
  group.wait();
  return std::accumulate(results.begin(), results.end(), 0L);
}
void W14_skynet(benchmark::State& state) {
  constexpr long n = skynet_leaves;
  threads t;
  measure(state, skynet_tasks(n),
          [&] { t.arena.execute([] { expect(skynet(0, n), skynet_sum(n)); }); });
}
BENCHMARK(W14_skynet)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
