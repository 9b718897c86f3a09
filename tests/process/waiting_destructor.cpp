// SPDX-License-Identifier: MIT
// A value's destructor runs on the stack of whoever dropped the last ref. One that waited there
// once wrote to a stack frame that was gone; now it is told so.
// expect-exit: nonzero
// expect-output: a value's destructor must not wait
#include <troupe/troupe.hpp>

#include <utility>

troupe::runtime* rt;
struct waits {
  bool live = true;
  waits() = default;
  waits(waits&& o) noexcept : live(std::exchange(o.live, false)) {}
  ~waits() {
    if (live) rt->get(rt->submit([] { return 1; }));
  }
};

int main() {
  troupe::runtime r{{.workers = 1}};
  rt = &r;
  auto dropped = r.put(waits{});
  dropped = {};
}
