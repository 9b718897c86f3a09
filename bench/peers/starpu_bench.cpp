// SPDX-License-Identifier: MIT
// StarPU: tasks write to memory that the caller registered (or, in W1, to a variable of theirs).
// A task must not wait, so W2 and W5 have no natural form.
#include <starpu.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;

struct job {
  long number = 0, result = -1;
};

void write_number(void**, void* arg) {
  auto* j = static_cast<job*>(arg);
  j->result = j->number;
}
void add_one(void** data, void*) {
  const auto* from = reinterpret_cast<const long*>(STARPU_VARIABLE_GET_PTR(data[0]));
  *reinterpret_cast<long*>(STARPU_VARIABLE_GET_PTR(data[1])) = *from + 1;
}

void must(int code) {
  if (code == 0) return;
  std::fprintf(stderr, "StarPU answers %d\n", code);
  std::abort();
}

struct starpu {
  starpu() {
    starpu_conf conf;
    must(starpu_conf_init(&conf));
    conf.ncpus = static_cast<int>(workers());
    conf.ncuda = conf.nopencl = 0;
    must(starpu_init(&conf));
    starpu_codelet_init(&numbers);
    numbers.cpu_funcs[0] = write_number;
    starpu_codelet_init(&links);
    links.cpu_funcs[0] = add_one;
    links.nbuffers = 2;
    links.modes[0] = STARPU_R;
    links.modes[1] = STARPU_W;
  }
  starpu(const starpu&) = delete;
  starpu& operator=(const starpu&) = delete;
  ~starpu() { starpu_shutdown(); }

  void submit(job& j, bool wait = false) {
    auto* t = starpu_task_create();
    t->cl = &numbers;
    t->cl_arg = &j;
    t->synchronous = wait ? 1 : 0;
    must(starpu_task_submit(t));
  }

  starpu_codelet numbers, links;
};

void flood(benchmark::State& state, long n) {
  starpu s;
  measure(state, n, [&] {
    std::vector<job> jobs(static_cast<std::size_t>(n));
    for (long i = 0; i < n; ++i) {
      auto& j = jobs[static_cast<std::size_t>(i)];
      j.number = i;
      s.submit(j);
    }
    must(starpu_task_wait_for_all());
    expect(std::accumulate(jobs.begin(), jobs.end(), 0L,
                           [](long sum, const job& j) { return sum + j.result; }),
           flood_sum(n));
  });
}
void W1_flood(benchmark::State& state) { flood(state, slow_flood_tasks); }
BENCHMARK(W1_flood)->UseRealTime();

// a registered variable for each link, read by one task and written by another; the registering is
// not timed
void W3_chain(benchmark::State& state) {
  constexpr auto n = static_cast<std::size_t>(slow_chain_tasks);
  starpu s;
  std::vector<long> values(n + 1);
  std::vector<starpu_data_handle_t> handles(n + 1);
  for (std::size_t i = 0; i <= n; ++i)
    starpu_variable_data_register(&handles[i], STARPU_MAIN_RAM,
                                  reinterpret_cast<std::uintptr_t>(&values[i]), sizeof(long));
  measure(state, slow_chain_tasks, [&] {
    for (std::size_t i = 0; i < n; ++i)
      must(starpu_task_insert(&s.links, STARPU_R, handles[i], STARPU_W, handles[i + 1], 0));
    must(starpu_task_wait_for_all());
  });
  for (auto& h : handles) starpu_data_unregister(h);
  expect(values.back(), slow_chain_tasks);
}
BENCHMARK(W3_chain)->UseRealTime();

// a synchronous task
void W4_round_trip(benchmark::State& state) {
  starpu s;
  measure(state, slow_round_trips, [&] {
    for (long i = 0; i < slow_round_trips; ++i) {
      job j{i};
      s.submit(j, true);
      expect(j.result, i);
    }
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();
void W4_round_trip_asleep(benchmark::State& state) {
  starpu s;
  measure_from_sleep(state, [&] {
    job j{7};
    s.submit(j, true);
    expect(j.result, 7);
  });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

void W13_start(benchmark::State& state) {
  measure_starts(state, [] {
    const auto begin = clock::now();
    starpu s;
    job j{7};
    s.submit(j, true);
    expect(j.result, 7);
    return since(begin);
  });
}
BENCHMARK(W13_start)->Iterations(3)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
