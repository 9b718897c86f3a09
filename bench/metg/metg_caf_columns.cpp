// SPDX-License-Identifier: MIT
// Task Bench on plain CAF as Charm++ does it: an actor per column, which runs the column's tasks one
// after the other, each when its inputs have come as messages.
#include "caf_run.hpp"
#include "metg.hpp"

#include <caf/all.hpp>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace {

using metg::graph, metg::output, metg::caf_run;

using columns = std::vector<caf::actor>;
using shared_columns = std::shared_ptr<const columns>;
struct next_task {};

}  // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shared_columns)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(next_task)

namespace {

class column : public caf::event_based_actor {
public:
  column(caf::actor_config& config, caf_run& run, long x)
      : event_based_actor(config),
        run_(run),
        x_(x) {}

  caf::behavior make_behavior() override {
    return {[this](const shared_columns& others) {
              others_ = others;
              send(this, next_task{});
            },
            [this](const output& in) {
              rows_of(in.t + 1).add(in);
              if (others_) run_what_is_complete();
            },
            [this](next_task) { run_what_is_complete(); }};
  }

private:
  // A column may be a few rows ahead of one that it does not read for a while.
  metg::arrived& rows_of(long t) {
    const auto ahead = static_cast<std::size_t>(t - t_);
    while (waiting_.size() <= ahead) waiting_.emplace_back();
    return waiting_[ahead];
  }
  bool complete() const {
    return t_ < run_.of.shape.steps && (waiting_.empty() ? 0 : waiting_.front().size()) ==
                                           run_.of.shape.dependencies(t_, x_).size();
  }
  // One task for each message, so that columns without dependencies take turns.
  void run_what_is_complete() {
    if (!complete()) return;
    const auto& shape = run_.of.shape;
    const output out = metg::execute_point(run_.of, t_, x_, rows_of(t_));
    for (const long d : shape.dependents(t_, x_))
      send((*others_)[static_cast<std::size_t>(d)], out);
    waiting_.erase(waiting_.begin());
    const bool last = ++t_ == shape.steps;
    if (!last && complete()) send(this, next_task{});
    if (last) {
      others_ = nullptr;
      quit();
    }
    run_.one_less();
  }

  caf_run& run_;
  const long x_;
  long t_ = 0;
  std::vector<metg::arrived> waiting_;  // what has come for row t_ and the rows after it
  shared_columns others_;
};

class on_caf : public metg::system {
public:
  explicit on_caf(unsigned workers) : config_(workers), system_(config_) {}

  void run(const graph& g) override {
    caf_run run{system_, g};
    auto made = std::make_shared<columns>();
    for (long x = 0; x < g.shape.width; ++x)
      made->push_back(system_.spawn<column, caf::hidden + caf::lazy_init>(run, x));
    const shared_columns all = std::move(made);
    for (const auto& a : *all) caf::anon_send(a, all);
    run.wait();
  }

private:
  metg::caf_config config_;
  caf::actor_system system_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_caf system{options.workers};
  metg::sweep(options, system);
}
