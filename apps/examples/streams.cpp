// SPDX-License-Identifier: MIT
// expect-output: ^first: 2 3 5 7 11$
// expect-output: ^sum of the squares of the primes below 1000: 49345379$
// expect-output: ^3 lines, then: task 'lines_of' failed: line 4 is torn$
#include <troupe/troupe.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

// Values one by one. The body is at most 64 values ahead of whoever takes them, then it parks.
troupe::stream<int> primes() {
  for (int n = 2;; ++n) {
    bool prime = true;
    for (int d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    if (prime) co_yield n;
  }
}

// From stream to stream: each stage is a task of its own, and they run at the same time.
troupe::stream<int> below(int limit, troupe::stream<int> numbers) {
  for (const int& n : numbers) {
    if (n >= limit) co_return;
    co_yield n;
  }
}
long sum_of_squares(troupe::stream<int> numbers) {
  long sum = 0;
  for (const int& n : numbers) sum += static_cast<long>(n) * n;
  return sum;
}

troupe::stream<std::string> lines_of(const std::vector<std::string>& lines) {
  int number = 0;
  for (const auto& line : lines) {
    ++number;
    if (line.empty()) throw std::runtime_error("line " + std::to_string(number) + " is torn");
    co_yield line;
  }
}

int main() {
  troupe::runtime rt;

  std::cout << "first:";
  int seen = 0;
  for (const int& p : rt.submit<primes>()) {
    std::cout << ' ' << p;
    if (++seen == 5) break;  // the stream goes, and its task is cancelled
  }
  std::cout << '\n';

  auto sum = rt.submit<sum_of_squares>(rt.submit<below>(1000, rt.submit<primes>()));
  std::cout << "sum of the squares of the primes below 1000: " << rt.get(sum) << '\n';

  int lines = 0;
  try {
    auto all = rt.submit<lines_of>(std::vector<std::string>{"a", "b", "c", "", "e"});
    while (auto line = all.next()) ++lines;  // moved out, one by one
  } catch (const troupe::task_error& e) {    // where it happened: after the good lines
    std::cout << lines << " lines, then: " << e.what() << '\n';
  }
}
