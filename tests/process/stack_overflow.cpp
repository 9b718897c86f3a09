// SPDX-License-Identifier: MIT
// A body that overflows its stack ends the program with a message, not with a bare crash.
// expect-exit: nonzero
// expect-output: task 'dig a hole' overflowed its stack of 256 KiB
// expect-output: stack_size
// expect-output: --troupe-stack-size
#include <troupe/troupe.hpp>

#include <cstdio>

[[gnu::noinline]] int dig(int n) {
  volatile char frame[200] = {};
  frame[n % 200] = 1;
  return n == -1 ? 0 : dig(n + 1) + frame[n % 200];
}

int main() {
  troupe::runtime rt{{.workers = 2}};
  std::printf("%d\n", rt.get(rt.with({.name = "dig a hole"}).submit<dig>(0)));
}
