// SPDX-License-Identifier: MIT
// METG(50 %): the smallest task, as wall time * cores / tasks, with which a system still reaches half
// of the machine's peak. Task Bench's definition: https://github.com/StanfordLegion/task-bench
#pragma once
#include "graph.hpp"

#include <string>

namespace metg {

struct options {
  std::string pattern;  // as on the command line; "imbalance" is nearest with an uneven kernel
  graph of;             // its steps and iterations are the sweep's to choose, where they are 0
  unsigned workers = 2;
  double peak_gflops = 0;  // of all workers together
};

// metg_NAME PATTERN WIDTH [--peak GFLOPS] [--workers N] [--steps N] [--iterations N]
// metg_NAME --measure-peak [--workers N]
// Measures the peak if it is not given. Ends the program where that is all that is asked for, and on
// a wrong command line. The environment's BENCH_WORKERS goes for --workers.
options parse(int argc, char** argv);

// Runs graphs on its workers. run() begins with the first task's submit and returns after the
// last task's end; what prepare() does is not timed.
class system {
public:
  virtual ~system() = default;
  virtual void prepare(const graph&) {}
  virtual void run(const graph&) = 0;
};

// From large tasks to the smallest; prints one line of JSON.
void sweep(const options& o, system& s);

}  // namespace metg
