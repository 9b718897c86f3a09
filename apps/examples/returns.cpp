// SPDX-License-Identifier: MIT
// More than one result from a task, and a task whose result is another one's.
// expect-output: ^42 is 4 tens and 2 units$
// expect-output: ^together again: 42$
// expect-output: ^3 to the 4th is 81$
// expect-output: ^the only owner has 7$
#include <troupe/troupe.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <tuple>

// A tuple: a ref for each element, and each may go its own way.
std::tuple<int, std::string> split(int x) { return {x / 10, std::to_string(x % 10)}; }
int join(int tens, const std::string& units) { return 10 * tens + std::stoi(units); }

// A ref: this task ends at once, and settles with what the ref names.
troupe::ref<int> power(int x, int n) {
  auto& rt = troupe::here();
  if (n == 0) return rt.put(1);
  return rt.submit([x](int rest) { return x * rest; }, rt.submit<power>(x, n - 1));
}

std::unique_ptr<int> make_seven() { return std::make_unique<int>(7); }

int main() {
  troupe::runtime rt;
  auto [tens, units] = rt.submit<split>(42);
  std::cout << "42 is " << rt.get(tens) << " tens and " << rt.get(units) << " units\n";
  std::cout << "together again: " << rt.get(rt.submit<join>(tens, units)) << '\n';

  std::cout << "3 to the 4th is " << rt.get(rt.submit<power>(3, 4)) << '\n';

  // get of a ref that is kept copies nothing; of the only ref, given up, it moves the value out.
  std::unique_ptr<int> seven = rt.get(rt.submit<make_seven>());
  std::cout << "the only owner has " << *seven << '\n';
}
