// SPDX-License-Identifier: MIT
// expect: a stream of values that cannot be copied: co_yield std::move\(x\)
#include <troupe/troupe.hpp>

#include <memory>

troupe::stream<std::unique_ptr<int>> f() {
  auto p = std::make_unique<int>(1);
  co_yield p;
}
