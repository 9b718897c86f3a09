// SPDX-License-Identifier: MIT
// Task Bench on Troupe, in the natural way: each point is a submit that takes the refs of its
// dependencies in the last row, and gives a ref for the next.
#include "metg.hpp"

#include <array>
#include <deque>
#include <troupe/troupe.hpp>
#include <utility>
#include <vector>

namespace {

using metg::graph, metg::output;
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
    std::vector<row> rows(static_cast<std::size_t>(g.shape.steps));
    const row* last = nullptr;
    for (row& next : rows) {
      next.reserve(static_cast<std::size_t>(g.shape.width));
      for (long x = 0; x < g.shape.width; ++x)
        next.push_back(submit(g, &next - rows.data(), x, last));
      last = &next;
    }
    for (row& r : rows) rt_.get(std::move(r));
  }

private:
  troupe::ref<output> submit(const graph& g, long t, long x, const row* last) {
    const auto from = g.shape.dependencies(t, x);
    const auto in = [&](std::size_t i) -> const auto& {
      return (*last)[static_cast<std::size_t>(from[i])];
    };
    switch (from.size()) {
      case 0: return rt_.submit<few_inputs<>>(&g, t, x);
      case 1: return rt_.submit<few_inputs<output>>(&g, t, x, in(0));
      case 2: return rt_.submit<few_inputs<output, output>>(&g, t, x, in(0), in(1));
      case 3: return rt_.submit<few_inputs<output, output, output>>(&g, t, x, in(0), in(1), in(2));
      default: break;
    }
    row all;
    all.reserve(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) all.push_back(in(i));
    return rt_.submit<many_inputs>(&g, t, x, std::move(all));
  }

  troupe::runtime rt_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_troupe system{options.workers};
  metg::sweep(options, system);
}
