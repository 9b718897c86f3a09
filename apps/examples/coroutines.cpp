// SPDX-License-Identifier: MIT
// expect-output: ^30 \+ 12 = 42$
// expect-output: ^10000 bodies wait, then all go on: 10000$
// expect-output: ^not connected: no connection$
#include <troupe/troupe.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

int after(std::chrono::milliseconds time, int value) {
  troupe::here().sleep_for(time);
  return value;
}

// A body that waits without a stack: at co_await it leaves its thread until the ref has settled.
troupe::task<int> sum(troupe::ref<int> a, troupe::ref<int> b) { co_return co_await a + co_await b; }

// Coroutines call each other.
troupe::task<std::string> describe(troupe::ref<int> a, troupe::ref<int> b) {
  const int x = co_await a, y = co_await b;
  const int both = co_await sum(a, b);
  co_return std::to_string(x) + " + " + std::to_string(y) + " = " + std::to_string(both);
}

int connect() { throw std::runtime_error("no connection"); }
troupe::task<std::string> careful(troupe::ref<int> connection) {
  try {
    co_return "connection " + std::to_string(co_await connection);
  } catch (const troupe::task_error& e) { co_return "not connected: " + e.text(); }
}

int main() {
  troupe::runtime rt;
  auto a = rt.submit<after>(20ms, 30), b = rt.submit<after>(10ms, 12);
  std::cout << rt.get(rt.submit<describe>(a, b)) << '\n';

  auto late = rt.submit<after>(50ms, 1), none = rt.put(0);
  std::vector<troupe::ref<int>> many;
  for (int i = 0; i < 10'000; ++i) many.push_back(rt.submit<sum>(late, none));
  int total = 0;
  for (const int& x : rt.get(many)) total += x;
  std::cout << "10000 bodies wait, then all go on: " << total << '\n';

  std::cout << rt.get(rt.submit<careful>(rt.submit<connect>())) << '\n';
}
