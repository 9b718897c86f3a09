// SPDX-License-Identifier: MIT
// The same on a thread of the side pool, where a body has a stack of its own size.
// expect-exit: nonzero
// expect-output: task 'blocks' overflowed its stack of 512 KiB
#include <troupe/troupe.hpp>

[[gnu::noinline]] int dig(int n) {
  volatile char frame[500] = {};
  frame[n % 500] = 1;
  return n == -1 ? 0 : dig(n + 1) + frame[n % 500];
}

int main() {
  troupe::runtime rt{{.workers = 1}};
  rt.get(rt.with({.name = "blocks", .blocking = true, .stack_size = 512 * 1024}).submit<dig>(0));
}
