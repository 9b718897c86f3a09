// SPDX-License-Identifier: MIT
// Task Bench on oneTBB: a task_group; a point counts what it still waits for, and whoever makes the
// count zero runs it: the first such successor itself, the others by run().
#include "metg.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <atomic>

namespace {

using metg::graph, metg::output;

struct counted {
  output out;
  std::atomic<long> missing{0};
};

class on_tbb : public metg::system {
public:
  explicit on_tbb(unsigned workers)
      : limit_(tbb::global_control::max_allowed_parallelism, workers),
        arena_(static_cast<int>(workers)) {}

  on_tbb(const on_tbb&) = delete;
  on_tbb& operator=(const on_tbb&) = delete;
  ~on_tbb() noexcept override = default;  // a task_group's may throw

  void prepare(const graph& g) override { grid_.reset(g.shape); }

  void run(const graph& g) override {
    for (long t = 1; t < g.shape.steps; ++t)
      for (long x = 0; x < g.shape.width; ++x)
        grid_.at(t, x).missing.store(static_cast<long>(g.shape.dependencies(t, x).size()),
                                     std::memory_order_relaxed);
    arena_.execute([&] {
      for (long t = 0; t < g.shape.steps; ++t)
        for (long x = 0; x < g.shape.width; ++x)
          if (g.shape.dependencies(t, x).empty()) tasks_.run([this, &g, t, x] { begin(g, t, x); });
      tasks_.wait();
    });
  }

private:
  void begin(const graph& g, long t, long x) {
    while (x >= 0) {
      grid_.at(t, x).out = metg::execute_point(g, t, x, grid_.inputs_of(g.shape, t, x));
      long mine = -1;
      for (const long d : g.shape.dependents(t, x)) {
        if (grid_.at(t + 1, d).missing.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
        if (mine < 0) mine = d;
        else tasks_.run([this, &g, t, d] { begin(g, t + 1, d); });
      }
      ++t;
      x = mine;
    }
  }

  tbb::global_control limit_;
  tbb::task_arena arena_;
  tbb::task_group tasks_;
  metg::grid<counted> grid_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_tbb system{options.workers};
  metg::sweep(options, system);
}
