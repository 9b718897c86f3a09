// SPDX-License-Identifier: MIT
// Taskflow: async with a std::future for a result, dependent_async for an edge, a task_group inside
// a task. No values on edges, no messages.
#include <array>
#include <future>
#include <numeric>
#include <semaphore>
#include <taskflow/taskflow.hpp>
#include <utility>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;

long sum(std::vector<std::future<long>>& all) {
  long total = 0;
  for (auto& f : all) total += f.get();
  return total;
}

void flood(benchmark::State& state, long n) {
  tf::Executor executor(workers());
  measure(state, n, [&] {
    std::vector<std::future<long>> all;
    all.reserve(static_cast<std::size_t>(n));
    for (long i = 0; i < n; ++i) all.push_back(executor.async([i] { return i; }));
    expect(sum(all), flood_sum(n));
  });
}
void W1_flood(benchmark::State& state) { flood(state, flood_tasks); }
BENCHMARK(W1_flood)->UseRealTime();
void W1_flood_of(benchmark::State& state) { flood(state, state.range(0)); }
BENCHMARK(W1_flood_of)->Apply(scale<1'000'000>);

// a task must not wait for a future; those of a task_group write to where they are told
void W2_flood_from_tasks(benchmark::State& state) {
  constexpr long n = flood_tasks_each;
  tf::Executor executor(workers());
  measure(state, flooding_tasks * n, [&] {
    std::vector<std::future<long>> all;
    for (long k = 0; k < flooding_tasks; ++k)
      all.push_back(executor.async([&executor] {
        std::vector<long> results(n);
        auto group = executor.task_group();
        for (long i = 0; i < n; ++i)
          group.silent_async([i, &results] { results[static_cast<std::size_t>(i)] = i; });
        group.corun();
        return std::accumulate(results.begin(), results.end(), 0L);
      }));
    expect(sum(all), flooding_tasks * flood_sum(n));
  });
}
BENCHMARK(W2_flood_from_tasks)->UseRealTime();

// edges without values: the number is in a variable that the tasks share
void chain(benchmark::State& state, long n) {
  tf::Executor executor(workers());
  measure(state, n, [&] {
    long value = 0;
    auto last = executor.silent_dependent_async([] {});
    for (long i = 0; i < n; ++i)
      last = executor.silent_dependent_async([&value] { ++value; }, last);
    executor.wait_for_all();
    expect(value, n);
  });
}
void W3_chain(benchmark::State& state) { chain(state, chain_tasks); }
BENCHMARK(W3_chain)->UseRealTime();
void W3_chain_of(benchmark::State& state) { chain(state, state.range(0)); }
BENCHMARK(W3_chain_of)->Apply(scale<1'000'000>);

void W4_round_trip(benchmark::State& state) {
  tf::Executor executor(workers());
  measure(state, round_trips, [&] {
    for (long i = 0; i < round_trips; ++i) expect(executor.async([i] { return i; }).get(), i);
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();
void W4_round_trip_asleep(benchmark::State& state) {
  tf::Executor executor(workers());
  measure_from_sleep(state, [&] { expect(executor.async([] { return 7L; }).get(), 7); });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

// one of the two calls is a task, the other a plain call: 75,024 tasks for 150,049 calls
long flow_fib(tf::Executor& executor, int n) {
  if (n < 2) return n;
  long a = 0, b = 0;
  auto group = executor.task_group();
  group.silent_async([&executor, n, &a] { a = flow_fib(executor, n - 1); });
  b = flow_fib(executor, n - 2);
  group.corun();
  return a + b;
}
void W5_nested_fib(benchmark::State& state) {
  tf::Executor executor(workers());
  measure(state, fib_calls(fib_of), [&] {
    expect(executor.async([&executor] { return flow_fib(executor, fib_of); }).get(), fib(fib_of));
  });
}
BENCHMARK(W5_nested_fib)->UseRealTime();

// tasks behind one that holds a worker until all are there
void W7_pending(benchmark::State& state) {
  constexpr long n = pending_tasks;
  tf::Executor executor(workers());
  std::vector<double> submitted, drained, bytes;
  for (auto _ : state) {
    std::binary_semaphore opened(0);
    std::vector<long> results(n, 0);
    const double before = resident_bytes();
    auto begin = clock::now();
    auto gate = executor.silent_dependent_async([&opened] { opened.acquire(); });
    for (auto& r : results) executor.silent_dependent_async([&r] { r = 1; }, gate);
    submitted.push_back(since(begin) / n);
    bytes.push_back((resident_bytes() - before) / n);
    begin = clock::now();
    opened.release();
    executor.wait_for_all();
    expect(std::accumulate(results.begin(), results.end(), 0L), n);
    drained.push_back(since(begin) / n);
  }
  state.counters["ns/task"] = median(submitted) + median(drained);
  state.counters["submit"] = median(submitted);
  state.counters["drain"] = median(drained);
  state.counters["bytes/task"] = bytes.front();
}
BENCHMARK(W7_pending)->Iterations(3)->UseRealTime();

void W13_start(benchmark::State& state) {
  measure_starts(state, [] {
    const auto begin = clock::now();
    tf::Executor executor(workers());
    expect(executor.async([] { return 7L; }).get(), 7);
    return since(begin);
  });
}
BENCHMARK(W13_start)->Iterations(starts)->UseManualTime();

long skynet(tf::Executor& executor, long first, long leaves) {
  if (leaves == 1) return first;
  std::array<long, 10> results{};
  auto group = executor.task_group();
  for (long i = 0; i < 10; ++i)
    group.silent_async([&executor, &r = results[static_cast<std::size_t>(i)],
                        first = first + i * (leaves / 10),
                        leaves] { r = skynet(executor, first, leaves / 10); });
  group.corun();
  return std::accumulate(results.begin(), results.end(), 0L);
}
void W14_skynet(benchmark::State& state) {
  constexpr long n = skynet_leaves;
  tf::Executor executor(workers());
  measure(state, skynet_tasks(n), [&] {
    expect(executor.async([&executor] { return skynet(executor, 0, n); }).get(), skynet_sum(n));
  });
}
BENCHMARK(W14_skynet)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
