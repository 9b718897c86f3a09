// SPDX-License-Identifier: MIT
#include <troupe/troupe.hpp>

#include <cstdio>

int times(int a, int b) { return a * b; }

int main() {
  troupe::runtime rt;
  std::printf("%d\n", rt.get(rt.submit<times>(rt.put(6), 7)));
}
