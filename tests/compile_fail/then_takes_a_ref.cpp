// SPDX-License-Identifier: MIT
// expect: then's function takes the value, not the ref
#include <troupe/troupe.hpp>

int main() {
  troupe::runtime rt;
  rt.put(1).then([](troupe::ref<int> r) { return r; });
}
