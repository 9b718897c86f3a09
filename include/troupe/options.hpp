// SPDX-License-Identifier: MIT
// What a runtime and a task may be told. Aggregates for designated initialisers; a zero or an empty
// text means: the default. What is out of range is a troupe::error of the runtime's constructor, or
// of submit.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace troupe {

using duration = std::chrono::nanoseconds;

// Amounts by name, like {{"gpu", 0.5}}. Any names; zero to 1e10, counted in ten-thousandths.
using resource_map = std::map<std::string, double>;

struct runtime_options {
  unsigned workers = 0;                  // threads that run tasks, at most 200; 0: one a core
  resource_map resources = {};           // what there is for tasks that ask for it
  std::vector<std::string> labels = {};  // what tasks may require of the place where they run
  // A submit that would make more tasks unsettled than this waits (in a task it parks, and
  // try_submit gives nothing); 0: no bound. When all that is unsettled waits, a task's child is
  // admitted all the same.
  std::size_t max_unsettled_tasks = 0;
  // The same for the bytes of unsettled tasks' arguments: their own, and those that strings and
  // standard containers in them have allocated. What refs name does not count. A task whose
  // arguments alone are more is admitted when no other is unsettled.
  std::size_t max_argument_bytes = 0;
  std::size_t stack_size =
      0;  // bytes of stack that a task's body may count on; 0: 256 KiB; at most 1 GiB
  std::string name = {};     // for messages; default "troupe"
  bool count_names = false;  // keep runtime::counts(), for a progress display: some 100 ns a task
  // Files that are written when the runtime ends, from a log of what its tasks did (some 250 ns and 160
  // bytes a task, the bytes in TMPDIR once they are many; docs/seeing.md). Empty: none. Each has an
  // environment variable, too: TROUPE_TRACE, TROUPE_GRAPH, TROUPE_REPORT; there, and here, the second
  // runtime of a process that writes to the same file writes to FILE.2, and so on.
  std::string trace = {};   // Chrome's format, for ui.perfetto.dev
  std::string graph = {};   // FILE.dot, FILE.json, or FILE.svg (which needs the program dot)
  std::string report = {};  // one page of HTML
};

// How long a task that failed waits before it is tried again: `first`, then each time `factor`
// times as long, at most `most`. first and most are zero or more, factor is 1 or more.
struct retry_backoff {
  duration first = std::chrono::milliseconds(100);
  double factor = 2;
  duration most = std::chrono::seconds(30);
};

// Which exceptions of a body deserve another try. It is not asked about cancelled and
// deadline_exceeded, which never do. Asked where the exception was thrown, with it as the current exception.
using error_filter = bool (*)();

// The filter for exceptions of these types, and those derived from them.
template <class... Es> error_filter errors() {
  return +[]() -> bool {
    auto is = [](auto* type) {
      using E = std::remove_pointer_t<decltype(type)>;
      try {
        throw;
      } catch (const E&) { return true; } catch (...) {
        return false;
      }
    };
    return (is(static_cast<Es*>(nullptr)) || ...);
  };
}

// Of put().
struct put_options {
  unsigned replicas = 1;  // nodes that have the value, with the own one
};

struct task_options {
  std::string name = {};  // for messages; default: the function's name
  // So many tries follow one whose body threw; not of a task that gives a stream, or takes by value
  // what cannot be copied. The last error is the outcome.
  unsigned retries = 0;
  retry_backoff backoff = {};       // between the tries
  error_filter retry_on = nullptr;  // null: all
  // From submit to settle, queueing and all tries included; 0: none. When it passes, the task is
  // asked to end as by cancel(), and settles with deadline_exceeded.
  duration deadline = {};
  int priority = 0;  // higher first; a level is worth 100 ms of waiting, so nothing starves
  resource_map resources = {};  // admitted when the runtime has them; given back when the body ends
  std::vector<std::string> labels = {};  // the runtime must have them all
  bool blocking = false;  // the body blocks in the operating system: it runs on a thread of the
                          // elastic side pool (512 at most)
  std::size_t stack_size = 0;     // bytes of stack for this body; 0: the runtime's; at most 1 GiB
  std::size_t stream_buffer = 0;  // a task that gives a stream: how many values it may be ahead of
                                  // its consumer; 0: 64

  // Of actors only. Their backoff is that between restarts; priority, blocking, stack_size and
  // labels hold for each of their calls (one whose runtime lacks a label lives on another node,
  // <troupe/node.hpp>); the rest of the above means nothing there.
  unsigned concurrency = 0;  // so many calls of const or concurrent_method methods at a time; 0: 1
  bool reentrant = false;    // while a method is parked, others have their turn
  unsigned restarts = 0;     // so often it is made again after it broke
  unsigned retry_calls = 0;  // so many more tries has a call that broke it; 0: at most once
  unsigned snapshot_every =
      0;                  // a class with snapshot(): after so many calls that may have changed
                          // it; 0: each. Taken only if there are restarts
  bool detached = false;  // lives without handles, until stop() or the runtime's end
};

}  // namespace troupe
