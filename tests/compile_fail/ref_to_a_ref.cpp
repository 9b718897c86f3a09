// SPDX-License-Identifier: MIT
// expect: an argument of submit does not fit the task's parameter
// expect: argument<2>
// expect: expected<int>
// expect: given<.*ref<troupe::ref<int>
#include <troupe/troupe.hpp>

int add(int a, int b);
int main() {
  troupe::runtime rt;
  rt.submit<add>(1, rt.put(rt.put(2)));
}
