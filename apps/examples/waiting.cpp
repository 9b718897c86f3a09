// SPDX-License-Identifier: MIT
// Results in the order in which they come, the first few of many, and tasks that go on from a result.
// expect-output: ^in the order in which they come: 1 45 90$
// expect-output: ^the first two: 45 1$
// expect-output: ^one by one: 4950$
// expect-output: ^7 squared is 49$
// expect-output: ^an hour: not settled within 5 ms; the task goes on$
#include <troupe/troupe.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

int after(int ms) {
  troupe::here().sleep_for(std::chrono::milliseconds(ms));
  return ms;
}

int main() {
  troupe::runtime rt;
  std::vector<troupe::ref<int>> refs;
  for (int ms : {90, 45, 1}) refs.push_back(rt.submit<after>(ms));
  std::cout << "in the order in which they come:";
  for (auto& r : rt.as_completed(refs)) std::cout << ' ' << rt.get(r);
  std::cout << '\n';

  refs.clear();
  for (int ms : {3'600'000, 45, 1}) refs.push_back(rt.submit<after>(ms));
  auto first = rt.wait(refs, 2);  // in the order of the refs; the rest is in first.pending
  std::cout << "the first two: " << rt.get(first.ready[0]) << ' ' << rt.get(first.ready[1]) << '\n';
  try {
    rt.get(first.pending[0], std::chrono::milliseconds(5));
  } catch (const troupe::timed_out& e) { std::cout << "an hour: " << e.what() << '\n'; }

  std::vector<troupe::ref<int>> many;
  for (int i = 0; i < 100; ++i) many.push_back(rt.submit([i] { return i; }));
  int total = 0;
  while (!many.empty()) {
    auto [ready, pending] = rt.wait(std::move(many), 1);
    total += rt.get(ready[0]);
    many = std::move(pending);
  }
  std::cout << "one by one: " << total << '\n';

  auto line = rt.submit<after>(7).then([](int x) { return x * x; }).then([](int x) {
    return "7 squared is " + std::to_string(x);
  });
  std::cout << rt.get(line) << '\n';
}
