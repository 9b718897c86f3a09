// SPDX-License-Identifier: MIT
// A task on its way: its actor is there, its call is put in place, and it starts or is undone.
#pragma once
#include <troupe/detail/function.hpp>
#include <troupe/options.hpp>

#include <cstddef>
#include <new>
#include <utility>

namespace troupe::detail {

class domain;  // the inside of a runtime (src/runtime/domain.hpp)
class stream_channel;

struct new_task {
  void* call = nullptr;
  task* actor = nullptr;
  object* out = nullptr;
  object* const* parts = nullptr;  // of a tuple: an object for each element
  bool at_bound = false;
};
new_task create_task(domain& d, const task_type& type, const task_options* options);
// Throws before it begins, or not at all. Waits at the runtime's bound; false: only_try, and there
// is no room.
bool start_task(new_task& t, object* const* missing, std::size_t n, bool only_try);
void abandon_task(new_task t) noexcept;
// The way of a stream's values from this task, not yet started, to the consumer, who leaves it with
// leave_stream.
stream_channel* open_stream(domain& d, const new_task& t, const task_options* options,
                            const value_type& element);
[[noreturn]] void throw_no_stream();
[[noreturn]] void throw_no_retries();
// A task whose call is being put in place: undone unless it starts.
template <class Call> class draft {
public:
  draft(domain& d, const task_type& type, const task_options* options)
      : task_(create_task(d, type, options)) {}
  draft(const draft&) = delete;
  draft& operator=(const draft&) = delete;
  ~draft() {
    if (call_) call_->~Call();
    if (task_.actor) abandon_task(task_);
  }
  template <class... Xs> void emplace(Xs&&... xs) {
    call_ = ::new (task_.call) Call(std::forward<Xs>(xs)...);
  }
  template <class Visit> void each_input(Visit& visit) const { call_->each_input(visit); }
  object* part(std::size_t i) const { return task_.parts[i]; }
  const new_task& made() const { return task_; }
  // Gives the task's object, and one ref to it (or to each of its parts instead); null: only_try,
  // and there is no room.
  template <class Missing> object* start(const Missing& missing, bool only_try) {
    if (!start_task(task_, missing.data(), missing.size(), only_try)) return nullptr;
    call_ = nullptr;
    return std::exchange(task_, {}).out;
  }

private:
  new_task task_;
  Call* call_ = nullptr;
};

}  // namespace troupe::detail
