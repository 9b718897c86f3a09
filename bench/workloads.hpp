// SPDX-License-Identifier: MIT
// What the C++ programs of bench/ share: the sizes of the workloads, so that every system does the
// same work, and how a round is timed and checked.
#pragma once
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <thread>
#include <vector>

namespace bench {

// W1, W2, W3: tasks a round. Systems that need microseconds for a task may use a part of them
// (slow_*): what is quoted is the time of one task.
constexpr long flood_tasks = 200'000, slow_flood_tasks = 50'000;
constexpr long flooding_tasks = 4;  // W2: tasks that submit tasks
constexpr long flood_tasks_each = 50'000, slow_flood_tasks_each = 12'500;
constexpr long chain_tasks = 100'000, slow_chain_tasks = 20'000;
constexpr long round_trips = 20'000, slow_round_trips = 1000;
constexpr int trips_from_sleep = 100;
constexpr auto pause = std::chrono::milliseconds(5);  // all threads are asleep after it

// W5: fib(n) is so many calls, each a task of its own where that is the system's way. A time is
// quoted per call, however many tasks a system makes of them.
constexpr int fib_of = 24, slow_fib_of = 20;
constexpr long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
constexpr long fib_calls(int n) { return 2 * fib(n + 1) - 1; }

constexpr long many_refs = 10'000, many_returns = 3000;  // W6
constexpr long pending_tasks = 1'000'000;                // W7
constexpr long batch_tasks = 1000;                       // W8
constexpr long kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
constexpr int starts = 50;  // W13

// W14: a tree with ten children each; its leaves count from zero
constexpr long skynet_leaves = 1'000'000, slow_skynet_leaves = 100'000;
constexpr long skynet_tasks(long leaves) {
  return leaves == 1 ? 1 : leaves + skynet_tasks(leaves / 10);
}
constexpr long skynet_sum(long leaves) { return leaves * (leaves - 1) / 2; }
// W15: calls of stateful actors
constexpr long actor_calls = 100'000, slow_actor_calls = 50'000;  // a round
constexpr long some_actors = 4;                                   // n
constexpr long flood_sum(long n) { return n * (n - 1) / 2; }

using clock = std::chrono::steady_clock;

inline double since(clock::time_point begin) {  // ns
  return std::chrono::duration<double, std::nano>(clock::now() - begin).count();
}

inline double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + std::ssize(all) / 2, all.end());
  return all[all.size() / 2];
}

inline void expect(long got, long wanted) {
  if (got == wanted) return;
  std::fprintf(stderr, "wrong result: got %ld, expected %ld\n", got, wanted);
  std::abort();
}

// Threads that run tasks, beside the program's own where a system has such.
inline unsigned workers() {
  const char* text = std::getenv("BENCH_WORKERS");
  const int n = text ? std::atoi(text) : 2;
  if (n > 0) return static_cast<unsigned>(n);
  std::fprintf(stderr, "BENCH_WORKERS=%s is not a number of threads\n", text);
  std::exit(2);
}

// Bytes of memory that the process has touched and still has.
inline double resident_bytes() {
  long size = 0, pages = 0;
  if (auto* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE));
}

// The same once the process has rested: what is given back then is not counted.
inline double resident_when_idle() {
  double least = resident_bytes();
  for (int unchanged = 0; unchanged < 10; ++unchanged) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const double now = resident_bytes();
    if (now < least) unchanged = 0;
    least = std::min(least, now);
  }
  return least;
}

inline void report(benchmark::State& state, const std::vector<double>& spent, long tasks) {
  const double each = median(spent) / static_cast<double>(tasks);
  state.counters["ns/task"] = each;
  state.counters["ms"] = each * static_cast<double>(tasks) / 1e6;  // the whole round
}

// Times each round, after one that warms up. ns/task is the median over the rounds.
template <class Round> void measure(benchmark::State& state, long tasks, Round round) {
  std::vector<double> spent;
  round();
  for (auto _ : state) {
    const auto begin = clock::now();
    round();
    spent.push_back(since(begin));
  }
  report(state, spent, tasks);
}

// The same, each trip after a pause that is not timed: every thread of the system sleeps by then.
// Registered with ->Iterations(trips_from_sleep)->UseManualTime().
template <class Trip> void measure_from_sleep(benchmark::State& state, Trip trip) {
  std::vector<double> spent;
  trip();
  for (auto _ : state) {
    std::this_thread::sleep_for(pause);
    const auto begin = clock::now();
    trip();
    spent.push_back(since(begin));
    state.SetIterationTime(spent.back() / 1e9);
  }
  report(state, spent, 1);
}

// From nothing to the first result; `life` returns the ns until then, and what ends the system
// again is not timed. Registered with ->Iterations(starts)->UseManualTime().
template <class Life> void measure_starts(benchmark::State& state, Life life) {
  std::vector<double> spent;
  for (auto _ : state) {
    spent.push_back(life());
    state.SetIterationTime(spent.back() / 1e9);
  }
  report(state, spent, 1);
  state.counters["first_ms"] = spent.front() / 1e6;
}

// The sizes of the scale rows, 10^3 ... Most: many rounds of the small ones. Passed to ->Apply.
template <long Most> void scale(benchmark::internal::Benchmark* b) {
  for (long n = 1000; n <= Most; n *= 10) b->Arg(n);
  b->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(0.3);
}

// The sizes of W9 in bytes.
template <long Most> void bytes(benchmark::internal::Benchmark* b) {
  for (const long n : {kib, 32 * kib, mib, 32 * mib, gib})
    if (n <= Most) b->Arg(n);
  b->UseManualTime()->Iterations(1000);
}

}  // namespace bench
