// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <troupe/app/key.hpp>

#include "app/problem.hpp"

namespace troupe::app {

// All that may set a key, the weakest first.
struct config_request {
  std::string file = {}, text = {};  // the file's name and what it holds
  std::vector<std::pair<std::string, std::string>> environment = {};  // TROUPE_SECTION__KEY, value
  std::vector<std::string> sets = {};  // section.key=value; the last wins
  std::optional<std::string> workers = {};
  enum { a_run, a_node, either } purpose = a_run;  // a node runs no workflow of its own
};

struct configuration {
  const workflow* chosen = nullptr;  // set when there are no errors, but for a node
  settings values;
  problems errors;  // all of them
};

// Pure: reads no file, no environment and no clock; never throws for what the request holds.
configuration read_config(const config_request& request, const std::vector<const workflow*>& known);

// What every workflow shares: [workflow] name, [runtime] and [cluster] what their options are called.
struct common_keys {
  section chosen{"workflow", "Which workflow to run."};
  section machine{"runtime", "What the tasks run on."};
  key<std::string> name =
      chosen.text("name", "", "the workflow to run; its keys stand in the section of that name")
          .may_be_empty();
  key<std::int64_t> workers =
      machine.integer("workers", 0, "threads that run tasks; 0: one for each core")
          .at_least(0)
          .at_most(200);
  key<std::uint64_t> stack_size =
      machine.size("stack_size", 0, "stack of a task; 0: the library's own default")
          .at_most(std::uint64_t{1} << 30);
  key<std::vector<std::string>> resources =
      machine.list("resources", {}, "what tasks may ask for, as in gpu 2, disk 0.5").may_be_empty();
  key<std::vector<std::string>> labels =
      machine.list("labels", {}, "what tasks may require of this place").may_be_empty();
  key<std::int64_t> max_unsettled_tasks =
      machine.integer("max_unsettled_tasks", 0, "then a submit waits; 0: no bound").at_least(0);
  key<std::uint64_t> max_argument_bytes =
      machine.size("max_argument_bytes", 0, "the same for their arguments; 0: no bound");
  key<duration> timeout =
      machine
          .duration(
              "timeout", std::chrono::seconds(0),
              "a run that takes longer ends with code 124, and says what was not done; 0: never")
          .at_least(std::chrono::milliseconds(0));
  key<duration> explain =
      machine
          .duration("explain", std::chrono::seconds(0),
                    "so often a run says on stderr why tasks wait; 0: only when it is interrupted")
          .at_least(std::chrono::milliseconds(0));
  key<std::string> trace =
      machine.text("trace", "", "file of what ran when, for ui.perfetto.dev").may_be_empty();
  key<std::string> graph =
      machine.text("graph", "", "file of the task graph: .dot, .svg or .json").may_be_empty();
  key<std::string> report =
      machine.text("report", "", "file of a page about the run: .html").may_be_empty();

  section cluster{"cluster", "The nodes that run tasks together; without any of it there is none."};
  key<std::string> listen =
      cluster.text("listen", "", "HOST:PORT where others reach this node; port 0: any that is free")
          .may_be_empty();
  key<std::string> advertise =
      cluster.text("advertise", "", "HOST:PORT by which they know it, if that is another")
          .may_be_empty();
  key<std::vector<std::string>> join =
      cluster.list("join", {}, "HOST:PORT of nodes to connect to; they tell of all others")
          .may_be_empty();
  key<std::string> node_name =
      cluster.text("name", "", "of this node, for people; default: made from the process id")
          .may_be_empty();
  key<std::int64_t> slots =
      cluster.integer("slots", 0, "so many tasks of others at a time; 0: one for each worker")
          .at_least(0)
          .at_most(100'000);
  key<std::string> certificate =
      cluster.text("certificate", "", "PEM file; with key and ca all connections are mutual TLS")
          .may_be_empty();
  key<std::string> key_file =
      cluster.text("key", "", "PEM file of the certificate's private key").may_be_empty();
  key<std::string> authority =
      cluster.text("ca", "", "PEM file of the authority that has signed all nodes' certificates")
          .may_be_empty();
  key<duration> silence =
      cluster.duration("silence", std::chrono::seconds(5), "a node that is silent so long is lost")
          .at_least(std::chrono::milliseconds(50))
          .at_most(std::chrono::hours(1));
  key<duration> patience =
      cluster
          .duration("patience", std::chrono::seconds(10), "so long a run waits for the first node")
          .at_least(std::chrono::milliseconds(0))
          .at_most(std::chrono::hours(24));
  key<duration> drain =
      cluster
          .duration("drain", std::chrono::seconds(30),
                    "so long a node that is to end (SIGTERM) waits for what runs there")
          .at_least(std::chrono::milliseconds(0))
          .at_most(std::chrono::hours(24));
  key<std::vector<std::string>> load =
      cluster.list("load", {}, "shared libraries whose tasks this node runs").may_be_empty();

  common_keys();
};

const common_keys& common();

// The sections a file may have: the common ones, then one for each workflow.
std::vector<const section*> sections(const std::vector<const workflow*>& known);

std::string variable_name(const key_spec& spec);  // TROUPE_SECTION__KEY

// The program's TROUPE_ variables that name a key.
std::vector<std::pair<std::string, std::string>> read_environment();

}  // namespace troupe::app
