// SPDX-License-Identifier: MIT
// What a task costs from submit to result, through the public door, with 2 workers beside the
// program's own thread.
//   build/release/bin/bench/hot_path_bench [--benchmark_filter=W3]
// bench/beside_spike compares with the prototype. ns/task is the median over the rounds. W7 stands
// first: its bytes are counted while the process is young.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <semaphore>
#include <troupe/troupe.hpp>
#include <utility>
#include <vector>

namespace {

using clock = std::chrono::steady_clock;
using refs = std::vector<troupe::ref<long>>;

constexpr std::size_t workers = 2;

double since(clock::time_point begin) {
  return std::chrono::duration<double, std::nano>(clock::now() - begin).count();
}

double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + std::ssize(all) / 2, all.end());
  return all[all.size() / 2];
}

void expect(long got, long wanted) {
  if (got == wanted) return;
  std::fprintf(stderr, "wrong result: got %ld, expected %ld\n", got, wanted);
  std::abort();
}

// times each round, after one that warms up
template <class Round> void measure(benchmark::State& state, long tasks, Round round) {
  std::vector<double> spent;
  round();
  for (auto _ : state) {
    const auto begin = clock::now();
    round();
    spent.push_back(since(begin) / static_cast<double>(tasks));
  }
  state.counters["ns/task"] = median(spent);
}

long same(long i) { return i; }
long next(long i) { return i + 1; }

long sum(const troupe::values<long>& all) { return std::accumulate(all.begin(), all.end(), 0L); }

long fib(int n) {
  if (n < 2) return n;
  auto& rt = troupe::here();
  auto a = rt.submit<fib>(n - 1), b = rt.submit<fib>(n - 2);
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

double resident_bytes() {
  long size = 0, pages = 0;
  if (auto* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE));
}

// a million tasks that wait for one object
void W7_pending(benchmark::State& state) {
  constexpr long n = 1'000'000;
  troupe::runtime rt{{.workers = workers}};
  std::vector<double> submitted, drained, bytes;
  for (auto _ : state) {
    gate g{rt};
    refs all(n);
    const double before = resident_bytes();
    auto begin = clock::now();
    for (auto& r : all) r = rt.submit<next>(g.object());
    submitted.push_back(since(begin) / n);
    bytes.push_back((resident_bytes() - before) / n);
    begin = clock::now();
    g.open();
    expect(sum(rt.get(std::move(all))), n);
    drained.push_back(since(begin) / n);
  }
  state.counters["ns/task"] = median(submitted) + median(drained);
  state.counters["submit"] = median(submitted);
  state.counters["drain"] = median(drained);
  state.counters["bytes/task"] = bytes.front();
}
BENCHMARK(W7_pending)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

// independent tasks from the program's thread, then a get of all
void W1_flood(benchmark::State& state) {
  constexpr long n = 200'000;
  troupe::runtime rt{{.workers = workers}};
  measure(state, n, [&] {
    refs all(n);
    for (long i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = rt.submit<same>(i);
    expect(sum(rt.get(std::move(all))), n * (n - 1) / 2);
  });
}
BENCHMARK(W1_flood)->UseRealTime()->Unit(benchmark::kMillisecond);

// the same from four tasks at once
long flood(long n) {
  auto& rt = troupe::here();
  refs all(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = rt.submit<same>(i);
  long total = 0;
  for (auto& r : all) total += rt.get(r);
  return total;
}
void W2_flood_from_tasks(benchmark::State& state) {
  constexpr long n = 50'000;
  troupe::runtime rt{{.workers = workers}};
  measure(state, 4 * n, [&] {
    refs all;
    for (int i = 0; i < 4; ++i) all.push_back(rt.submit<flood>(n));
    expect(sum(rt.get(std::move(all))), 4 * (n * (n - 1) / 2));
  });
}
BENCHMARK(W2_flood_from_tasks)->UseRealTime()->Unit(benchmark::kMillisecond);

// a chain: all submitted first, then the gate opens
void W3_chain(benchmark::State& state) {
  constexpr long n = 100'000;
  troupe::runtime rt{{.workers = workers}};
  measure(state, n, [&] {
    gate g{rt};
    auto last = g.object();
    for (long i = 0; i < n; ++i) last = rt.submit<next>(std::move(last));
    g.open();
    expect(rt.get(last), n);
  });
}
BENCHMARK(W3_chain)->UseRealTime()->Unit(benchmark::kMillisecond);

// one round trip at a time
void W4_round_trip(benchmark::State& state) {
  constexpr long n = 20'000;
  troupe::runtime rt{{.workers = workers}};
  measure(state, n, [&] {
    for (long i = 0; i < n; ++i) expect(rt.get(rt.submit<same>(i)), i);
  });
}
BENCHMARK(W4_round_trip)->UseRealTime()->Unit(benchmark::kMillisecond);

// tasks that spawn tasks and wait for them
void W5_nested_fib(benchmark::State& state) {
  constexpr int n = 24;
  constexpr long tasks = 150'049;  // 2 fib(25) - 1
  troupe::runtime rt{{.workers = workers}};
  measure(state, tasks, [&] { expect(rt.get(rt.submit<fib>(n)), 46'368); });
}
BENCHMARK(W5_nested_fib)->UseRealTime()->Unit(benchmark::kMillisecond);

// one task with ten thousand inputs that are there already; per input
void W6_ready_inputs(benchmark::State& state) {
  constexpr long n = 10'000;
  troupe::runtime rt{{.workers = workers}};
  refs all;
  for (long i = 0; i < n; ++i) all.push_back(rt.put(i));
  measure(state, n, [&] {
    expect(rt.get(rt.submit([](troupe::values<long> in) { return sum(in); }, all)),
           n * (n - 1) / 2);
  });
}
BENCHMARK(W6_ready_inputs)->UseRealTime()->Unit(benchmark::kMicrosecond);

// get of ten thousand objects that are there already; per object
void W6_get(benchmark::State& state) {
  constexpr long n = 10'000;
  troupe::runtime rt{{.workers = workers}};
  refs all;
  for (long i = 0; i < n; ++i) all.push_back(rt.put(i));
  measure(state, n, [&] { expect(sum(rt.get(all)), n * (n - 1) / 2); });
}
BENCHMARK(W6_get)->UseRealTime()->Unit(benchmark::kMicrosecond);

// a body that puts three thousand values and returns their refs, and a get of all; per value
void W6_returns(benchmark::State& state) {
  constexpr long n = 3000;
  troupe::runtime rt{{.workers = workers}};
  measure(state, n, [&] {
    auto all = rt.submit([] {
      refs made;
      for (long i = 0; i < n; ++i) made.push_back(troupe::here().put(i));
      return made;
    });
    expect(sum(rt.get(rt.get(all))), n * (n - 1) / 2);
  });
}
BENCHMARK(W6_returns)->UseRealTime()->Unit(benchmark::kMicrosecond);

// a thousand tasks from the program's thread, taken one by one as they settle; 0: the refs are
// copied into what is pending, 1: moved
void W8_taken_one_by_one(benchmark::State& state) {
  constexpr long n = 1000;
  const bool moved = state.range(0) == 1;
  troupe::runtime rt{{.workers = workers}};
  measure(state, n, [&] {
    refs many;
    for (long i = 0; i < n; ++i) many.push_back(rt.submit<same>(i));
    long total = 0;
    while (!many.empty()) {
      auto [ready, pending] = moved ? rt.wait(std::move(many), 1) : rt.wait(many, 1);
      total += rt.get(ready[0]);
      many = std::move(pending);
    }
    expect(total, n * (n - 1) / 2);
  });
}
BENCHMARK(W8_taken_one_by_one)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

// the same with as_completed
void W8_as_completed(benchmark::State& state) {
  constexpr long n = 1000;
  troupe::runtime rt{{.workers = workers}};
  measure(state, n, [&] {
    refs many;
    for (long i = 0; i < n; ++i) many.push_back(rt.submit<same>(i));
    long total = 0;
    for (auto& r : rt.as_completed(std::move(many))) total += rt.get(r);
    expect(total, n * (n - 1) / 2);
  });
}
BENCHMARK(W8_as_completed)->UseRealTime()->Unit(benchmark::kMicrosecond);

// from nothing to the first result; the runtime's end is not counted
void W13_start(benchmark::State& state) {
  std::vector<double> spent;
  for (auto _ : state) {
    const auto begin = clock::now();
    troupe::runtime rt{{.workers = workers}};
    expect(rt.get(rt.submit<same>(1)), 1);
    spent.push_back(since(begin));
    state.SetIterationTime(spent.back() / 1e9);
  }
  state.counters["first_ms"] = spent.front() / 1e6;
  state.counters["ms"] = median(spent) / 1e6;
}
BENCHMARK(W13_start)->Iterations(50)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
