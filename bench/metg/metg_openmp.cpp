// SPDX-License-Identifier: MIT
// Task Bench on OpenMP 5: tasks with depend iterators over the last row's cells.
#include "metg.hpp"

namespace {

using metg::cell, metg::graph;

class on_openmp : public metg::system {
public:
  explicit on_openmp(unsigned workers) : workers_(workers) {}

  void prepare(const graph& g) override { grid_.reset(g.shape); }

  void run(const graph& g) override {
#pragma omp parallel num_threads(workers_)
#pragma omp single
    for (long t = 0; t < g.shape.steps; ++t)
      for (long x = 0; x < g.shape.width; ++x) submit(g, t, x);
  }

private:
  void submit(const graph& g, long t, long x) {
    const auto from = g.shape.dependencies(t, x);
    cell* const mine = &grid_.at(t, x);
    const auto work = [this, &g, mine, t, x] {
      mine->out = metg::execute_point(g, t, x, grid_.inputs_of(g.shape, t, x));
    };
    if (from.empty()) {
#pragma omp task firstprivate(work) depend(out : *mine)
      work();
      return;
    }
    [[maybe_unused]] cell* const last = &grid_.at(t - 1, 0);  // the compiler sees no use in depend
    const long n = static_cast<long>(from.size());
#pragma omp task firstprivate(work) depend(iterator(long i = 0                         \
                                                    : n),                              \
                                           in                                          \
                                           : last[from[static_cast <std::size_t>(i)]]) \
    depend(out                                                                         \
           : *mine)
    work();
  }

  const unsigned workers_;
  metg::grid<cell> grid_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_openmp system{options.workers};
  metg::sweep(options, system);
}
