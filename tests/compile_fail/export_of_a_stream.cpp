// SPDX-License-Identifier: MIT
// expect: this function cannot be exported
// expect: it must not give a stream
#include <troupe/export.hpp>

troupe::stream<int> count(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}
int main() { troupe::export_tasks<count>(); }
