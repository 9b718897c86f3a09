// SPDX-License-Identifier: MIT
// Task Bench on Taskflow: silent_dependent_async, with the last row's handles as predecessors.
#include "metg.hpp"

#include <taskflow/taskflow.hpp>
#include <utility>
#include <vector>

namespace {

using metg::cell, metg::graph;

class on_taskflow : public metg::system {
public:
  explicit on_taskflow(unsigned workers) : executor_(workers) {}

  void prepare(const graph& g) override { grid_.reset(g.shape); }

  void run(const graph& g) override {
    std::vector<tf::AsyncTask> last, next, from;
    for (long t = 0; t < g.shape.steps; ++t) {
      for (long x = 0; x < g.shape.width; ++x) {
        auto work = [this, &g, t, x] {
          grid_.at(t, x).out = metg::execute_point(g, t, x, grid_.inputs_of(g.shape, t, x));
        };
        if (g.shape.of == metg::shape::trivial) {
          executor_.silent_async(std::move(work));
          continue;
        }
        from.clear();
        for (const long d : g.shape.dependencies(t, x))
          from.push_back(last[static_cast<std::size_t>(d)]);
        next.push_back(executor_.silent_dependent_async(std::move(work), from.begin(), from.end()));
      }
      std::swap(last, next);
      next.clear();
    }
    executor_.wait_for_all();
  }

private:
  tf::Executor executor_;
  metg::grid<cell> grid_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_taskflow system{options.workers};
  metg::sweep(options, system);
}
