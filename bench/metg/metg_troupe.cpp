// SPDX-License-Identifier: MIT
// Task Bench on Troupe, in the natural way: each point is a submit that takes the refs of its
// dependencies in the last row, and gives a ref for the next. Up to three inputs are parameters of
// their own, more are a vector of refs. A task does the submitting, so that its waits park it and no
// third thread takes a core from two workers. It waits now and then for a row of the burst before,
// so that some hundred tasks are pending and their records stay in the caches.
#include "metg.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <troupe/troupe.hpp>
#include <utility>
#include <vector>

namespace {

using metg::graph, metg::output;
constexpr long tasks_of_a_burst = 256;

using row = std::vector<troupe::ref<output>>;

output many_inputs(const graph* g, long t, long x, const troupe::values<output>& inputs) {
  return metg::execute_point(*g, t, x, inputs);
}
template <class... Outputs>
output few_inputs(const graph* g, long t, long x, const Outputs&... in) {
  return metg::execute_point(*g, t, x, std::array<output, sizeof...(in)>{in...});
}

class on_troupe : public metg::system {
public:
  explicit on_troupe(unsigned workers) : rt_({.workers = workers}) {}

  void run(const graph& g) override {
    rt_.get(rt_.submit([&g] { submit_all(troupe::here(), g); }));
  }

private:
  // Rows are dropped as they have been passed on; what no task reads is got at the end.
  static void submit_all(const troupe::scope& rt, const graph& g) {
    const long rows_of_a_burst = std::max(1L, tasks_of_a_burst / g.shape.width);
    row last, next, of_last_burst, ends;
    for (long t = 0; t < g.shape.steps; ++t) {
      for (long x = 0; x < g.shape.width; ++x) {
        next.push_back(submit(rt, g, t, x, last));
        if (g.shape.dependents(t, x).empty()) ends.push_back(next.back());
      }
      last.swap(next);
      next.clear();
      if ((t + 1) % rows_of_a_burst == 0) rt.get(std::exchange(of_last_burst, last));
    }
    last.clear();
    rt.get(std::move(ends));
  }

  static troupe::ref<output> submit(const troupe::scope& rt, const graph& g, long t, long x,
                                    const row& last) {
    const auto from = g.shape.dependencies(t, x);
    const auto in = [&](std::size_t i) -> const auto& {
      return last[static_cast<std::size_t>(from[i])];
    };
    switch (from.size()) {
      case 0: return rt.submit<few_inputs<>>(&g, t, x);
      case 1: return rt.submit<few_inputs<output>>(&g, t, x, in(0));
      case 2: return rt.submit<few_inputs<output, output>>(&g, t, x, in(0), in(1));
      case 3: return rt.submit<few_inputs<output, output, output>>(&g, t, x, in(0), in(1), in(2));
      default: break;
    }
    row all;
    all.reserve(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) all.push_back(in(i));
    return rt.submit<many_inputs>(&g, t, x, std::move(all));
  }

  troupe::runtime rt_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_troupe system{options.workers};
  metg::sweep(options, system);
}
