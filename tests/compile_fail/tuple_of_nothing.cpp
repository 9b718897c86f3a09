// SPDX-License-Identifier: MIT
// expect: a task that returns std::tuple<> has nothing to give
#include <troupe/troupe.hpp>

int main() {
  troupe::runtime rt;
  rt.submit([] { return std::tuple<>{}; });
}
