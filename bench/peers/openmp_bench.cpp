// SPDX-License-Identifier: MIT
// OpenMP (g++'s own run-time library, libgomp): tasks write their results to where the caller said;
// depend clauses draw edges. With 64 tasks queued for each thread libgomp runs a new one at once, in
// the thread that makes it.
#include <omp.h>

#include <array>
#include <numeric>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;

// `work` in one thread of a team of workers(); the others take the tasks that it makes
template <class Work> void in_team(Work work) {
#pragma omp parallel num_threads(static_cast <int>(workers()))
#pragma omp single
  work();
}

long flood_of(long n) {
  std::vector<long> results(static_cast<std::size_t>(n));
  long* const to = results.data();
  for (long i = 0; i < n; ++i) {
#pragma omp task firstprivate(i, to)
    to[i] = i;
  }
#pragma omp taskwait
  return std::accumulate(results.begin(), results.end(), 0L);
}
void flood(benchmark::State& state, long n) {
  measure(state, n, [n] { in_team([n] { expect(flood_of(n), flood_sum(n)); }); });
}
void W1_flood(benchmark::State& state) { flood(state, flood_tasks); }
BENCHMARK(W1_flood)->UseRealTime();
void W1_flood_of(benchmark::State& state) { flood(state, state.range(0)); }
BENCHMARK(W1_flood_of)->Apply(scale<10'000'000>);

void W2_flood_from_tasks(benchmark::State& state) {
  constexpr long n = flood_tasks_each;
  measure(state, flooding_tasks * n, [] {
    in_team([] {
      std::array<long, flooding_tasks> sums{};
      for (auto& s : sums) {
        long* const to = &s;
#pragma omp task firstprivate(to)
        *to = flood_of(n);
      }
#pragma omp taskwait
      expect(std::accumulate(sums.begin(), sums.end(), 0L), flooding_tasks * flood_sum(n));
    });
  });
}
BENCHMARK(W2_flood_from_tasks)->UseRealTime();

// each task reads the variable of the last one and writes its own; tasks run while more are made
void chain(benchmark::State& state, long n) {
  measure(state, n, [n] {
    std::vector<long> values(static_cast<std::size_t>(n) + 1);
    in_team([n, v = values.data()] {
      for (long i = 0; i < n; ++i) {
#pragma omp task firstprivate(i, v) depend(in : v[i]) depend(out : v[i + 1])
        v[i + 1] = v[i] + 1;
      }
    });
    expect(values.back(), n);
  });
}
void W3_chain(benchmark::State& state) { chain(state, chain_tasks); }
BENCHMARK(W3_chain)->UseRealTime();
void W3_chain_of(benchmark::State& state) { chain(state, state.range(0)); }
BENCHMARK(W3_chain_of)->Apply(scale<1'000'000>);

// task + taskwait: the thread that waits may run the task itself
void W4_round_trip(benchmark::State& state) {
  measure(state, round_trips, [] {
    in_team([] {
      for (long i = 0; i < round_trips; ++i) {
        long result = -1;
#pragma omp task shared(result) firstprivate(i)
        result = i;
#pragma omp taskwait
        expect(result, i);
      }
    });
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();

// one of the two calls is a task, the other a plain call: 75,024 tasks for 150,049 calls
long omp_fib(int n) {
  if (n < 2) return n;
  long a = 0, b = 0;
#pragma omp task shared(a) firstprivate(n)
  a = omp_fib(n - 1);
  b = omp_fib(n - 2);
#pragma omp taskwait
  return a + b;
}
void W5_nested_fib(benchmark::State& state) {
  measure(state, fib_calls(fib_of), [] { in_team([] { expect(omp_fib(fib_of), fib(fib_of)); }); });
}
BENCHMARK(W5_nested_fib)->UseRealTime();

long skynet(long first, long leaves) {
  if (leaves == 1) return first;
  std::array<long, 10> results{};
  for (long i = 0; i < 10; ++i) {
    long* const to = &results[static_cast<std::size_t>(i)];
#pragma omp task firstprivate(i, to, first, leaves)
    *to = skynet(first + i * (leaves / 10), leaves / 10);
  }
#pragma omp taskwait
  return std::accumulate(results.begin(), results.end(), 0L);
}
void W14_skynet(benchmark::State& state) {
  constexpr long n = skynet_leaves;
  measure(state, skynet_tasks(n), [] { in_team([] { expect(skynet(0, n), skynet_sum(n)); }); });
}
BENCHMARK(W14_skynet)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
