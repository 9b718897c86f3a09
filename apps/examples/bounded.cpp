// SPDX-License-Identifier: MIT
// expect-output: ^100000 submitted, never more than 500 unsettled: yes$
// expect-output: ^fib\(15\) = 610 under a bound of 10$
// expect-output: ^500 sleepers, then no room$
// A producer that is faster than its consumers fills a bound, not the memory.
#include <troupe/troupe.hpp>

#include <chrono>
#include <iostream>
#include <vector>

long fib(int n) {
  if (n < 2) return n;
  auto a = troupe::here().submit<fib>(n - 1), b = troupe::here().submit<fib>(n - 2);
  return troupe::here().get(a) + troupe::here().get(b);
}

int main() {
  {
    troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 500}};
    for (int i = 0; i < 50'000; ++i) rt.submit([] {});  // in a program: waits at the bound
    auto producer = rt.submit([] {
      for (int i = 0; i < 50'000; ++i) troupe::here().submit([] {});  // in a task: parks there
      return 50'000;
    });
    const int submitted = 50'000 + rt.get(producer);
    rt.drain();
    std::cout << submitted << " submitted, never more than 500 unsettled: "
              << (rt.stats().tasks_unsettled_peak <= 500 ? "yes" : "no") << '\n';
  }
  {  // A bound never stops a program that could go on: when all wait, one child gets in.
    troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 10}};
    std::cout << "fib(15) = " << rt.get(rt.submit<fib>(15)) << " under a bound of 10\n";
  }
  troupe::runtime rt{{.workers = 2, .max_unsettled_tasks = 500}};
  std::vector<troupe::ref<void>> sleepers;
  auto sleep = [] { troupe::here().sleep_for(std::chrono::hours(1)); };
  while (auto r = rt.try_submit(sleep)) sleepers.push_back(*r);  // or: no, thank you
  std::cout << sleepers.size() << " sleepers, then no room\n";
}
