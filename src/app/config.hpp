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
};

struct configuration {
  const workflow* chosen = nullptr;  // set when there are no errors
  settings values;
  problems errors;  // all of them
};

// Pure: reads no file, no environment and no clock; never throws for what the request holds.
configuration read_config(const config_request& request, const std::vector<const workflow*>& known);

// What every workflow shares: [workflow] name, [runtime] what its options are called.
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

  common_keys();
};

const common_keys& common();

// The sections a file may have: the common ones, then one for each workflow.
std::vector<const section*> sections(const std::vector<const workflow*>& known);

std::string variable_name(const key_spec& spec);  // TROUPE_SECTION__KEY

// The program's TROUPE_ variables that name a key.
std::vector<std::pair<std::string, std::string>> read_environment();

}  // namespace troupe::app
