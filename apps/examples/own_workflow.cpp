// SPDX-License-Identifier: MIT
// A workflow of one's own, in one file. Linked with troupe::app it is a whole program:
//   own_workflow list
//   own_workflow run config/own_workflow.ini --set primes.below=1000
// args: run config/own_workflow.ini
// expect-output: ^78498 primes below 1000000$
#include <algorithm>
#include <cstdint>
#include <vector>

#include <troupe/app.hpp>

namespace {

namespace app = troupe::app;

void run(app::context& app);
void check(const app::settings& values, app::complaints& wrong);

app::workflow primes{"primes", "Counts primes, a task for each range of numbers.", run, check};
const auto below = primes.integer("below", 1'000'000, "count the primes below this number")
                       .at_least(2)
                       .at_most(1'000'000'000);
const auto step = primes.integer("step", 50'000, "how many numbers a task looks at")
                      .at_least(1)
                      .at_most(1'000'000'000);

bool is_prime(std::int64_t n) {
  for (std::int64_t d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return n >= 2;
}

std::int64_t count(std::int64_t from, std::int64_t to) {
  std::int64_t found = 0;
  for (auto n = from; n < to; ++n) found += is_prime(n);
  return found;
}

std::int64_t sum(const std::vector<std::int64_t>& counts) {
  std::int64_t total = 0;
  for (const auto c : counts) total += c;
  return total;
}

void run(app::context& app) {
  std::vector<troupe::ref<std::int64_t>> counts;
  for (std::int64_t from = 0; from < app[below]; from += app[step])
    counts.push_back(app.rt().submit<count>(from, std::min(from + app[step], app[below])));
  const auto total = app.rt().submit<sum>(counts);
  app.out() << app.get(total) << " primes below " << app[below] << '\n';
}

void check(const app::settings& values, app::complaints& wrong) {
  if (values[below] / values[step] > 1'000'000)
    wrong.about(step, "is so small that there would be more than a million tasks");
}

}  // namespace

int main(int argc, char** argv) { return app::main(argc, argv); }
