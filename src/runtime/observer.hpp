// SPDX-License-Identifier: MIT
// Who is told what happens to the tasks of a runtime. A runtime without one has a null pointer, tested
// next to what is read anyway.
#pragma once
#include <cstdint>

namespace troupe::detail {

class failure;
struct object;
struct outcome;
class task;

// What happens to a task. Submit, settle and end come exactly once; begin once, and again after each
// retry.
// Not each task has the others: asks (for resources), queued (said of those only that have waited for
// more than arguments), gives (its body has returned a ref), away (to another node).
enum class moment : std::uint8_t {
  submit,
  begin,
  park,
  resume,
  sleep,
  retry,
  settle,
  end,
  asks,
  queued,
  gives,
  away
};

class observer {
public:
  virtual ~observer() = default;
  // `number`: of a sleep, how long in ns; of a settle, -1 (a value) or its failure::kind; of a begin, the
  // task on whose stack it is (0: none).
  virtual void saw(moment what, const task& t, std::int64_t number = 0) noexcept = 0;
  // An object that no task makes; or (its store has it) a part of a tuple.
  virtual void saw_put(const object& o) noexcept = 0;
  virtual void saw_input(const task& t, const object& o) noexcept = 0;
  // Its body waits for it; or (null) the program.
  virtual void saw_wait(const task* t, const object& o) noexcept = 0;
  virtual void saw_failure(const task&, const failure&) noexcept {}  // before it settles with that

  void settles(const task& t, const outcome& how) noexcept;
};

}  // namespace troupe::detail
