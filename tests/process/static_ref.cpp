// SPDX-License-Identifier: MIT
// Refs in statics and thread_locals are dropped after main, when their runtime and what the thread
// knew are gone.
// expect-output: value 42
// expect-output: destroyed 2
// expect-output: destroyed 3
#include <troupe/troupe.hpp>

#include <cstdio>
#include <thread>

struct loud {
  int n;
  explicit loud(int n) : n(n) {}
  loud(loud&& o) noexcept : n(std::exchange(o.n, 0)) {}
  ~loud() {
    if (n) std::printf("destroyed %d\n", n);
  }
};

troupe::ref<int> first;
thread_local troupe::ref<loud> second;
troupe::ref<loud> third;

int main() {
  troupe::runtime rt{{.workers = 1}};
  first = rt.submit([] { return 42; });
  std::printf("value %d\n", rt.get(first));
  std::thread{[&] { second = rt.put(loud{2}); }}.join();
  third = rt.put(loud{3});
}
