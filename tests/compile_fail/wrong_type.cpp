// SPDX-License-Identifier: MIT
// expect: an argument of submit does not fit the task's parameter
// expect: argument<2>
// expect: expected<.*vector<int
// expect: given<.*ref<.*string
#include <troupe/troupe.hpp>

#include <string>
#include <vector>

int sum(int start, const std::vector<int>& all);
int main() {
  troupe::runtime rt;
  rt.submit<sum>(1, rt.put(std::string("text")));
}
