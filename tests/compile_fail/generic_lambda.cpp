// SPDX-License-Identifier: MIT
// expect: the function given to submit cannot be called with these arguments
#include <troupe/troupe.hpp>

int main() {
  troupe::runtime rt;
  rt.submit([](auto x, auto y) { return x + y; }, rt.put(1));
}
