// SPDX-License-Identifier: MIT
// std::async(std::launch::async): a thread for each task, a std::future for its result.
#include <future>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;

std::future<long> start(long i) {
  return std::async(std::launch::async, [i] { return i; });
}

void W1_flood(benchmark::State& state) {
  constexpr long n = 2000;  // threads that may all be there at once
  measure(state, n, [] {
    std::vector<std::future<long>> all;
    all.reserve(n);
    for (long i = 0; i < n; ++i) all.push_back(start(i));
    long sum = 0;
    for (auto& f : all) sum += f.get();
    expect(sum, flood_sum(n));
  });
}
BENCHMARK(W1_flood)->UseRealTime();

void W4_round_trip(benchmark::State& state) {
  measure(state, slow_round_trips, [] {
    for (long i = 0; i < slow_round_trips; ++i) expect(start(i).get(), i);
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();
void W4_round_trip_asleep(benchmark::State& state) {
  measure_from_sleep(state, [] { expect(start(7).get(), 7); });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
