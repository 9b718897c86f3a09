// SPDX-License-Identifier: MIT
// expect: a stream's body can co_await a ref<T> only
#include <troupe/troupe.hpp>

troupe::task<int> one();
troupe::stream<int> f() { co_yield co_await one(); }
