// SPDX-License-Identifier: MIT
// expect: an argument of submit does not fit the task's parameter
// expect: argument<2>
// expect: expected<.*vector<double
// expect: given<.*vector<troupe::ref<int>
#include <troupe/troupe.hpp>

#include <vector>

double scaled(double by, const std::vector<double>& all);
int main() {
  troupe::runtime rt;
  rt.submit<scaled>(1.0, std::vector{rt.put(1), rt.put(2)});
}
