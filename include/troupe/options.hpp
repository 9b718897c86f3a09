// SPDX-License-Identifier: MIT
// What a runtime and a task may be told. Aggregates for designated initialisers; a zero or an empty
// text means: the default.
#pragma once
#include <cstddef>
#include <string>

namespace troupe {

struct runtime_options {
  unsigned workers = 0;  // threads that run tasks; 0: one for each core
  std::size_t stack_size =
      0;  // bytes of stack that a task's body may count on; 0: 256 KiB; at most 1 GiB
  std::string name = {};     // for messages; default "troupe"
  bool count_names = false;  // keep runtime::counts(), for a progress display: some 100 ns a task
};

struct task_options {
  std::string name = {};  // for messages; default: the function's name
  bool blocking = false;  // the body blocks in the operating system: it runs on a thread of the
                          // elastic side pool
  std::size_t stack_size = 0;  // bytes of stack for this body; 0: the runtime's; at most 1 GiB
};

}  // namespace troupe
