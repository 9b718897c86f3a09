// SPDX-License-Identifier: MIT
// More than one result from a task, and tasks that go on from a result.
// expect-output: ^42 is 4 tens and 2 units$
// expect-output: ^4 squared is 16$
// expect-output: ^together again: 42$
#include <troupe/troupe.hpp>

#include <iostream>
#include <string>
#include <tuple>

std::tuple<int, std::string> split(int x) { return {x / 10, std::to_string(x % 10)}; }
int join(int tens, const std::string& units) { return 10 * tens + std::stoi(units); }

int main() {
  troupe::runtime rt;
  auto [tens, units] = rt.submit<split>(42);  // a ref for each element
  std::cout << "42 is " << rt.get(tens) << " tens and " << rt.get(units) << " units\n";

  auto line = tens.then([](int x) { return x * x; }).then([](int x) {
    return "4 squared is " + std::to_string(x);
  });
  std::cout << rt.get(line) << '\n';
  std::cout << "together again: " << rt.get(rt.submit<join>(tens, units)) << '\n';
}
