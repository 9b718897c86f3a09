// SPDX-License-Identifier: MIT
// Six hot paths, each so many times, for counting instructions: scripts/check-instructions.
//   instructions PATH TIMES
// All of a path happens on the one worker, in the same order each time. The program's thread waits
// with a time limit, so it does not help.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <troupe/troupe.hpp>
#include <utility>
#include <vector>

namespace {

constexpr long tasks = 465;  // of a round, as many as fib(12) makes
using refs = std::vector<troupe::ref<long>>;

long same(long i) { return i; }
long next(long i) { return i + 1; }

// submit, run in its getter's place, get, drop
long flood() {
  auto& rt = troupe::here();
  refs all;
  all.reserve(tasks);
  for (long i = 0; i < tasks; ++i) all.push_back(rt.submit<same>(i));
  long total = 0;
  for (auto& r : all) total += rt.get(r);
  return total;
}

// await, sealed, ready: each link waits for the last
long chain() {
  auto& rt = troupe::here();
  auto last = rt.submit<same>(0);  // not begun before this body parks
  for (long i = 1; i < tasks; ++i) last = rt.submit<next>(std::move(last));
  return rt.get(last);
}

long fib(long n) {
  if (n < 2) return n;
  auto& rt = troupe::here();
  auto a = rt.submit<fib>(n - 1), b = rt.submit<fib>(n - 2);
  return rt.get(a) + rt.get(b);
}
long nested() { return fib(12); }

// a task with many inputs that are there; an input counts as a task
long inputs() {
  auto& rt = troupe::here();
  refs all;
  all.reserve(tasks);
  for (long i = 0; i < tasks; ++i) all.push_back(rt.put(i));
  long total = 0;
  for (int uses = 0; uses < 10; ++uses)
    total += rt.get(rt.submit(
        [](const troupe::values<long>& in) {
          long sum = 0;
          for (long x : in) sum += x;
          return sum;
        },
        all));
  return total;
}

// put, get, drop
long objects() {
  auto& rt = troupe::here();
  long total = 0;
  for (long i = 0; i < tasks; ++i) total += rt.get(rt.put(i));
  return total;
}

// calls of a stateful actor: the first is run by its getter, then each makes the next one begin
class adder {
public:
  long add(long x) { return n_ += x; }
  long take() { return std::exchange(n_, 0); }

private:
  long n_ = 0;
};
long calls() {
  auto& rt = troupe::here();
  static const auto a = rt.with({.name = "adder", .detached = true}).actor<adder>();
  refs all;
  all.reserve(tasks);
  for (long i = 1; i < tasks; ++i) all.push_back(a.call<&adder::add>(i));
  for (auto& r : all) (void)rt.get(r);
  return rt.get(a.call<&adder::take>());
}

struct path {
  std::string_view name;
  long (*run)();
  long gives;
};
constexpr path paths[] = {{"flood", flood, tasks*(tasks - 1) / 2},
                          {"chain", chain, tasks - 1},
                          {"nested", nested, 144},
                          {"inputs", inputs, 10 * (tasks * (tasks - 1) / 2)},
                          {"objects", objects, tasks*(tasks - 1) / 2},
                          {"calls", calls, tasks*(tasks - 1) / 2}};

}  // namespace

int main(int argc, char** argv) {
  for (const auto& p : paths)
    if (argc == 3 && p.name == argv[1]) {
      troupe::runtime rt{{.workers = 1}};
      const long times = std::atol(argv[2]);
      const long got = rt.get(rt.submit([run = p.run, times, gives = p.gives] {
        for (long i = 0; i < times; ++i)
          if (const long x = run(); x != gives) return x;
        return gives;
      }),
                              std::chrono::hours(1));
      if (got == p.gives) return 0;
      std::fprintf(stderr, "%s gave %ld, not %ld\n", argv[1], got, p.gives);
      return 1;
    }
  std::fputs("usage: instructions flood|chain|nested|inputs|objects|calls TIMES\n", stderr);
  return 2;
}
