// SPDX-License-Identifier: MIT
// What an actor says of those who wait for it. Whoever asks several sees each at another moment; what
// was said twice of the same wait held all the time between (docs/design.md 41).
#pragma once
#include "actors/caf_compat.hpp"
#include "graph/resources.hpp"

#include <troupe/detail/object.hpp>
#include <troupe/explain.hpp>

#include <caf/actor_control_block.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::detail {

class task;
struct nested_run;

enum class wait_kind : std::uint8_t {
  input,      // an argument
  value,      // its body, in a get
  some,       // its body, some of several values
  awaited,    // its coroutine, or what its body has returned
  child,      // runs on its stack
  turn,       // of its actor
  turn_back,  // the same, to go on
  resource,
  item,  // of a stream
  room,  // in a stream
  bound,
  sleep,
  back_off,
  limit,  // of a wait
  deadline
};

// Keeps a task.
class task_hold {
public:
  task_hold() = default;
  explicit task_hold(task& t);
  task* get() const { return task_; }
  explicit operator bool() const { return task_ != nullptr; }

private:
  task* task_ = nullptr;
  caf::strong_actor_ptr keeps_;
};
// Keeps an object's record. A record counts few of them: one for each survey, however many wait.
class record_hold {
public:
  explicit record_hold(object& o);
  record_hold(record_hold&& o) noexcept : object_(std::exchange(o.object_, nullptr)) {}
  ~record_hold();

private:
  object* object_;
};

using record_holds = std::unordered_map<object*, record_hold>;

struct seen_wait {
  task_hold who;
  wait_kind is = wait_kind::input;
  std::uint32_t to_spare = 0;
  bool over = false;  // its task has been woken, and has not taken it back yet
  // Tell it from a later wait.
  const void* place = nullptr;
  std::uint64_t number = 0;
  // On whom: the task that makes the object, or another one; 0: somebody else, or nobody.
  std::uint64_t on = 0;
  object* what = nullptr;
  call_site at = {};
  std::uint64_t began = 0;     // ticks; 0: not known; or:
  std::int64_t since = 0;      // of the runtime's clock, as is the next
  std::int64_t due = 0;        // of a clock's
  std::uint32_t resource = 0;  // its name's number
  std::int64_t amount = 0;     // ten-thousandths
  std::string of = {};         // the name of an actor
};
struct seen_holder {
  std::uint64_t who = 0;
  std::uint32_t resource = 0;
  std::int64_t amount = 0;
  std::string name;
};
// The maker of an object, asked of its store.
struct seen_maker {
  object* what = nullptr;
  task_hold who = {};  // none: it has settled, or no task of this runtime makes it
};

struct survey_part {
  std::vector<seen_wait> waits;
  record_holds records;  // of what is waited for
  std::vector<seen_holder> holders;
  std::vector<seen_maker> makers;  // the object has been filled in
};

// Of the bodies below that of `top` on its stack.
void add_below(const task& top, const nested_run* under, survey_part& to);

}  // namespace troupe::detail
