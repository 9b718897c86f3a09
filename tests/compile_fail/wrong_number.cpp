// SPDX-License-Identifier: MIT
// expect: another number of arguments than the function has parameters
#include <troupe/troupe.hpp>

int add(int a, int b);
int main() {
  troupe::runtime rt;
  rt.submit<add>(1);
}
