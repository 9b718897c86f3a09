// SPDX-License-Identifier: MIT
// A runtime that is a static ends after main's thread_locals, which its last waits once used.
// expect-output: value 1
#include <troupe/troupe.hpp>

#include <chrono>
#include <cstdio>

int slow() {
  troupe::here().sleep_for(std::chrono::milliseconds(5));
  return 1;
}
troupe::runtime& rt() {
  static troupe::runtime r{{.workers = 1}};
  return r;
}

int main() { std::printf("value %d\n", rt().get(rt().submit<slow>())); }
