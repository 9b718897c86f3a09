// SPDX-License-Identifier: MIT
// Task Bench on plain CAF, an actor per task: it is told its inputs and its dependents, each by a
// message, runs when it has them all, sends its output on and ends. Policy "sharing": with CAF 0.17's
// work stealing the second core stays idle.
#include "metg.hpp"

#include "caf_run.hpp"

#include <caf/all.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace {

using metg::graph, metg::output, metg::caf_run;

using actors = std::vector<caf::actor>;
using shared_actors = std::shared_ptr<const actors>;  // the next row; empty after the last

}  // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shared_actors)

namespace {

class task : public caf::event_based_actor {
public:
  task(caf::actor_config& config, caf_run& run, long t, long x)
      : event_based_actor(config),
        run_(run),
        t_(t),
        x_(x) {}

  caf::behavior make_behavior() override {
    return {[this](const output& in) {
              inputs_.add(in);
              begin_if_complete();
            },
            [this](const shared_actors& next) {
              next_ = next;
              begin_if_complete();
            }};
  }

private:
  void begin_if_complete() {
    const auto& shape = run_.of.shape;
    if (!next_ || inputs_.size() < shape.dependencies(t_, x_).size()) return;
    const output out = metg::execute_point(run_.of, t_, x_, inputs_);
    for (const long d : shape.dependents(t_, x_)) send((*next_)[static_cast<std::size_t>(d)], out);
    run_.one_less();
    quit();
  }

  caf_run& run_;
  const long t_, x_;
  metg::arrived inputs_;
  shared_actors next_;
};

class on_caf : public metg::system {
public:
  explicit on_caf(unsigned workers) : config_(workers), system_(config_) {}

  void run(const graph& g) override {
    caf_run run{system_, g};
    auto last = spawn_row(run, 0);
    for (long t = 1; t < g.shape.steps; ++t) {
      auto next = spawn_row(run, t);
      for (const auto& a : *last) caf::anon_send(a, next);
      last = std::move(next);
    }
    for (const auto& a : *last) caf::anon_send(a, std::make_shared<const actors>());
    run.wait();
  }

private:
  shared_actors spawn_row(caf_run& run, long t) {
    actors row;
    for (long x = 0; x < run.of.shape.width; ++x)
      row.push_back(system_.spawn<task, caf::hidden + caf::lazy_init>(run, t, x));
    return std::make_shared<const actors>(std::move(row));
  }

  metg::caf_config config_;
  caf::actor_system system_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = metg::parse(argc, argv);
  on_caf system{options.workers};
  metg::sweep(options, system);
}
