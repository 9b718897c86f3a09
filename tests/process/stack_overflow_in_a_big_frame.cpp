// SPDX-License-Identifier: MIT
// The guard below a stack is wide enough for frames of some 10 KiB, on a worker that a parked body
// has moved to.
// expect-exit: nonzero
// expect-output: task '.*dig.*' overflowed its stack of 128 KiB
#include <troupe/troupe.hpp>

#include <chrono>

[[gnu::noinline]] int dig(int n) {
  volatile char frame[20'000];
  frame[n % 20'000] = 1;
  if (n == 3) troupe::here().sleep_for(std::chrono::milliseconds(1));
  return n == -1 ? 0 : dig(n + 1) + frame[n % 20'000];
}

int main() {
  troupe::runtime rt{{.workers = 2, .stack_size = 128 * 1024}};
  auto r = rt.submit<dig>(0);
  (void)rt.wait(std::vector{r}, 1, std::chrono::seconds(60));
}
