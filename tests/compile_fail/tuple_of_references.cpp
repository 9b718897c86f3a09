// SPDX-License-Identifier: MIT
// expect: the elements are values: no references, no const
#include <troupe/troupe.hpp>

int one, two;
int main() {
  troupe::runtime rt;
  rt.submit([] { return std::tie(one, two); });
}
