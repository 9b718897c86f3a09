// SPDX-License-Identifier: MIT
// expect: take const T& or T
// expect: argument<2>
// expect: expected<int&>
// expect: given<.*ref<int>
#include <troupe/troupe.hpp>

void add_to(int x, int& sum);
int main() {
  troupe::runtime rt;
  rt.submit<add_to>(1, rt.put(0));
}
