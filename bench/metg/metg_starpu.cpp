// SPDX-License-Identifier: MIT
// Task Bench on StarPU: a data handle for each cell of a few rows, which are used in turn; it finds the
// dependencies from who reads and writes them.
#include "metg.hpp"

#include <starpu.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using metg::graph, metg::output;

constexpr long rows = 16;  // a row waits for the readers of the row that it overwrites

// What a task is told; StarPU keeps the address.
struct order {
  const graph* g;
  long t, x;
};

void body(void* buffers[], void* told) {
  const auto& o = *static_cast<const order*>(told);
  const std::size_t n = o.g->shape.dependencies(o.t, o.x).size();
  const auto at = [&](std::size_t i) {
    return reinterpret_cast<output*>(STARPU_VARIABLE_GET_PTR(buffers[i]));
  };
  std::vector<output> inputs(n);
  for (std::size_t i = 0; i < n; ++i) inputs[i] = *at(i);
  *at(n) = metg::execute_point(*o.g, o.t, o.x, inputs);
}

void must(int code, const char* what) {
  if (code == 0) return;
  std::fprintf(stderr, "StarPU cannot %s: error %d\n", what, code);
  std::exit(1);
}

class on_starpu : public metg::system {
public:
  on_starpu(unsigned workers, long width)
      : width_(width),
        cells_(static_cast<std::size_t>(rows * width)),
        handles_(cells_.size()) {
    starpu_conf conf;
    starpu_conf_init(&conf);
    conf.ncpus = static_cast<int>(workers);
    conf.ncuda = conf.nopencl = 0;
    must(starpu_init(&conf), "start");
    starpu_codelet_init(&codelet_);
    codelet_.cpu_funcs[0] = body;
    codelet_.nbuffers = STARPU_VARIABLE_NBUFFERS;
    codelet_.name = "point";
    for (std::size_t i = 0; i < cells_.size(); ++i)
      starpu_variable_data_register(&handles_[i], STARPU_MAIN_RAM,
                                    reinterpret_cast<std::uintptr_t>(&cells_[i]), sizeof(output));
  }
  on_starpu(const on_starpu&) = delete;
  on_starpu& operator=(const on_starpu&) = delete;
  ~on_starpu() override {
    for (auto h : handles_) starpu_data_unregister(h);
    starpu_shutdown();
  }

  void prepare(const graph& g) override {
    orders_.resize(static_cast<std::size_t>(g.shape.tasks()));
  }

  void run(const graph& g) override {
    auto next = orders_.begin();
    for (long t = 0; t < g.shape.steps; ++t)
      for (long x = 0; x < width_; ++x) {
        *next = {&g, t, x};
        submit(*next++);
      }
    must(starpu_task_wait_for_all(), "wait for its tasks");
  }

private:
  starpu_data_handle_t handle(long t, long x) {
    return handles_[static_cast<std::size_t>(t % rows * width_ + x)];
  }
  void submit(order& o) {
    data_.clear();
    for (const long d : o.g->shape.dependencies(o.t, o.x))
      data_.push_back({handle(o.t - 1, d), STARPU_R});
    data_.push_back({handle(o.t, o.x), STARPU_W});
    must(starpu_task_insert(&codelet_, STARPU_DATA_MODE_ARRAY, data_.data(),
                            static_cast<int>(data_.size()), STARPU_CL_ARGS_NFREE, &o, sizeof o, 0),
         "take a task");
  }

  const long width_;
  std::vector<output> cells_;
  std::vector<starpu_data_handle_t> handles_;
  std::vector<starpu_data_descr> data_;
  std::vector<order> orders_;
  starpu_codelet codelet_;
};

}  // namespace

int main(int argc, char** argv) {
  setenv("STARPU_SILENT", "1", 0);
  const auto options = metg::parse(argc, argv);
  on_starpu system{options.workers, options.of.shape.width};
  metg::sweep(options, system);
}
