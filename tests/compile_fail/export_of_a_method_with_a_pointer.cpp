// SPDX-License-Identifier: MIT
// expect: a method cannot be exported: each parameter and the result must be encodable
#include <troupe/export.hpp>

struct counter {
  explicit counter(int) {}
  int add(int* x) { return *x; }
};

int main() { troupe::export_actor<counter(int), &counter::add>(); }
