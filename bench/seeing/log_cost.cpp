// SPDX-License-Identifier: MIT
// What the log costs (docs/seeing.md):
//   log_cost            an event, and tasks of 20 us, with it and without it
//   log_cost EVENTS     so many events (10000000): the memory that they take
#include <troupe/troupe.hpp>

#include <sys/resource.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {
using clock_type = std::chrono::steady_clock;
using refs = std::vector<troupe::ref<long>>;

long same(long i) { return i; }
long works(long us) {
  const auto until = clock_type::now() + std::chrono::microseconds(us);
  while (clock_type::now() < until) {}
  return us;
}

// ns for each of n tasks, submitted by a task.
template <auto F> double time_of(long n, long argument, const char* graph) {
  troupe::runtime rt{{.workers = 1, .graph = graph}};
  return rt.get(rt.submit([n, argument] {
    double best = 1e18;
    for (int round = 0; round < 5; ++round) {
      refs all;
      all.reserve(static_cast<std::size_t>(n));
      const auto begin = clock_type::now();
      for (long i = 0; i < n; ++i) all.push_back(troupe::here().submit<F>(argument));
      for (auto& r : all) (void)troupe::here().get(r);
      best = std::min(best,
                      std::chrono::duration<double, std::nano>(clock_type::now() - begin).count() /
                          static_cast<double>(n));
    }
    return best;
  }));
}

long resident_kib() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return 0;
}

void many(long events) {
  constexpr long of_a_task = 5, at_once = 20'000;  // submit, its object, begin, settle, end
  const auto begin = clock_type::now();
  {
    troupe::runtime rt{{.workers = 2, .trace = "/dev/null"}};
    for (long done = 0; done < events / of_a_task; done += at_once) {
      refs all;
      for (long i = 0; i < at_once; ++i) all.push_back(rt.submit<same>(i));
      (void)rt.get(all);
    }
    std::printf("%ld events: %ld MiB at most while it runs", events, resident_kib() / 1024);
  }
  std::printf(", %ld MiB with the trace written; %.1f s in all\n", resident_kib() / 1024,
              std::chrono::duration<double>(clock_type::now() - begin).count());
}
}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return many(std::strtol(argv[1], nullptr, 10)), 0;
  constexpr double events = 5;
  const double off = time_of<same>(20'000, 1, ""), on = time_of<same>(20'000, 1, "/dev/null.dot");
  std::printf(
      "a task: %.0f ns without a log, %.0f ns with one: %.1f ns for each of its %.0f events\n", off,
      on, (on - off) / events, events);
  std::vector<double> without, with;
  for (int i = 0; i < 5; ++i) {
    without.push_back(time_of<works>(2000, 20, ""));
    with.push_back(time_of<works>(2000, 20, "/dev/null.dot"));
  }
  std::sort(without.begin(), without.end());
  std::sort(with.begin(), with.end());
  std::printf("a task of 20 us: %.2f us without, %.2f us with: %+.2f %%\n", without[2] / 1000,
              with[2] / 1000, (with[2] / without[2] - 1) * 100);
}
