// SPDX-License-Identifier: MIT
// A node in a process of its own: worker_node [HOST:PORT to join] prints the address where it listens,
// and runs the graphs' tasks for others, until its standard input ends. With a second argument it is
// a driver that submits tasks without end.
#include <troupe/node.hpp>

#include "tests/node/graph_tasks.hpp"

#include <sys/prctl.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  graph_tasks::export_all();
  troupe::runtime rt{{.workers = 2, .labels = {"far"}, .name = "worker"}};
  troupe::node_options options{.listen = "127.0.0.1:0"};
  options.silence = std::chrono::seconds(2);
  if (argc > 1) options.join = {argv[1]};
  const troupe::node here = rt.join(options);
  std::vector<troupe::ref<graph_tasks::number>> endless;
  if (argc > 2) {
    (void)here.wait_for(1, std::chrono::seconds(10));
    for (graph_tasks::number i = 0; i < 20; ++i)
      endless.push_back(rt.with({.labels = {"elsewhere"}}).submit<graph_tasks::for_ever>(i));
  }
  std::puts(here.address().c_str());
  std::fflush(stdout);
  for (char any; ::read(0, &any, 1) > 0;) {}
}
