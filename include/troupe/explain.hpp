// SPDX-License-Identifier: MIT
// Why tasks have not settled.
//
//   std::cout << rt.explain(ref).text();
//   for (auto& t : rt.tasks({.name = "crawl"})) std::cout << t.text() << '\n';
#pragma once
#include <troupe/options.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

// What a task does, or waits for.
enum class task_state : std::uint8_t {
  pending,    // waits for arguments
  admitting,  // waits for resources
  in_line,    // a call, waits for its actor
  queued,     // waits for a worker, or for a thread of the blocking pool
  running,
  waiting,      // its body waits: for values, or in a stream, or to submit at the bound
  sleeping,     // its body sleeps
  backing_off,  // waits before another try
  forwarding,   // its body has returned a ref, or its coroutine awaits one, which has not settled
  away,         // on another node, on its way there, or waiting for one
  ending,       // it was asked to end, and its body has not returned
  settled,
  elsewhere,  // no task of this runtime makes the value: another node, a CAF actor, another runtime
};
std::string_view name_of(task_state s) noexcept;

// Where a wait was written.
struct call_site {
  const char* file = nullptr;
  std::size_t line = 0;  // as wide as the pointer: so passing it needs no masks
};

// One thing that a task waits for.
struct wait_cause {
  std::string what;      // in words, like "the value of 'load'"
  std::uint64_t on = 0;  // the task that it waits for; 0: none
  std::string resource;  // or actor: its name
};

struct task_status {
  std::uint64_t id = 0;  // unique in the process; 0: none
  std::string name;
  task_state state = task_state::pending;
  // So long it has been so. at_least: so long ago it was first seen so (by an earlier explain() or
  // tasks(), or by who looks for rings); what nobody has seen before has none.
  std::optional<duration> since;
  bool at_least = false;
  std::optional<duration> deadline;  // what is left of it
  std::vector<wait_cause> causes;
  std::string where;  // file and line of the wait, where they are known

  // In one line.
  std::string text() const;
};

// Why an object has not settled: its task first, then those that it waits for, and so on. A snapshot;
// parts of it may be of slightly different moments.
class explanation {
public:
  explicit explanation(std::vector<task_status> tasks) : tasks_(std::move(tasks)) {}
  const std::vector<task_status>& tasks() const { return tasks_; }
  // A line for each task; indented by how far it is from the first.
  std::string text() const;
  std::string json() const;

private:
  std::vector<task_status> tasks_;
};

// Which tasks; what is empty does not choose.
struct task_filter {
  std::string name = {};
  std::optional<task_state> state = {};
  std::size_t most = 1000;
};

std::string to_json(const std::vector<task_status>& tasks);

}  // namespace troupe
