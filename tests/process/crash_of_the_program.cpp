// SPDX-License-Identifier: MIT
// A fault that is no overflow stays what it is: the program's own, with the system's exit code.
// expect-exit: nonzero
// expect-output: about to crash
#include <troupe/troupe.hpp>

#include <cstdio>

int main() {
  troupe::runtime rt{{.workers = 1}};
  rt.get(rt.submit([] {
    std::puts("about to crash");
    std::fflush(stdout);
    volatile int* nowhere = nullptr;
    return *nowhere;
  }));
}
