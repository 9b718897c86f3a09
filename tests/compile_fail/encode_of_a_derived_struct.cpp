// SPDX-License-Identifier: MIT
// expect: values of this type cannot be encoded
// expect: specialise troupe::codec
#include <troupe/codec.hpp>

struct base {
  int a;
};
struct derived : base {
  int b;
};
int main() { troupe::encode(derived{}); }
