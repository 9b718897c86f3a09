// SPDX-License-Identifier: MIT
// expect: a task coroutine can co_await a ref<T>, or a call of another task coroutine
#include <troupe/troupe.hpp>

troupe::task<int> f() { co_return co_await 5; }
int main() {
  troupe::runtime rt;
  rt.submit<f>();
}
