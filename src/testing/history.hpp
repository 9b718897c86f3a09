// SPDX-License-Identifier: MIT
// What a simulation has seen: its events in order, and the state of every task.
#pragma once
#include "runtime/watcher.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::testing::detail {

using troupe::detail::moment;

class history {
public:
  void task(std::int64_t now, moment what, const troupe::detail::task& t, std::int64_t number);
  void put(std::int64_t now) {
    ++counts_.puts;
    events_.push_back({now, 0, 0, line::put});
  }
  void made(const troupe::detail::object& o) {
    ++counts_.made;
    if (!objects_.insert(&o).second && broken_.empty())
      broken_ = "an object is made where another one lives";
  }
  void gone(const troupe::detail::object& o) {
    ++counts_.gone;
    if (objects_.erase(&o) == 0 && broken_.empty()) broken_ = "an object is gone that is not there";
  }
  void unmade(const troupe::detail::object& o) {
    gone(o);
    --counts_.gone;
    --counts_.made;
  }
  std::size_t objects() const { return objects_.size(); }  // that live
  void time(std::int64_t now) { events_.push_back({now, 0, 0, line::time}); }
  void fault(std::int64_t now, std::string_view point);
  void over(std::int64_t now) { events_.push_back({now, 0, 0, line::over}); }

  struct counters {
    std::size_t submitted = 0, settled = 0, ended = 0, puts = 0, made = 0, gone = 0;
  };
  const counters& counts() const { return counts_; }
  // Empty, or the first thing that must not have happened.
  const std::string& broken() const { return broken_; }
  // Calls f(address, number) for each task that has not ended.
  template <class F> void each_unended(F f) const {
    for (std::uint32_t n : alive_) f(tasks_[n - 1].address, n);
  }
  // It has begun (since its last retry) and not settled.
  bool is_in_body(std::uint32_t task) const {
    const known_task& k = tasks_[task - 1];
    return k.begun && !k.settled;
  }
  std::string name(std::uint32_t task) const;
  std::string text() const;

private:
  // submitted --> begun --> settled --> ended; without begun, if it cannot begin
  struct known_task {
    const troupe::detail::task* address;
    std::string name;
    std::uint32_t parent;  // 0: none
    std::uint32_t place;   // in alive_
    bool asked = false;    // to end, before it settled
    bool begun = false, parked = false, settled = false, ended = false;
  };
  enum class line : std::uint8_t {
    submit,
    begin,
    park,
    resume,
    sleep,
    retry,
    settle,
    end,
    put,
    time,
    fault,
    over
  };
  struct event {
    std::int64_t now;
    std::int64_t number;
    std::uint32_t task;  // from 1; 0: none
    line what;
  };

  std::uint32_t number_of(const troupe::detail::task& t);
  void hold(bool holds, std::uint32_t task, const char* what);
  void hold_no_ancestor_was_asked(std::uint32_t task);

  std::vector<event> events_;
  std::vector<known_task> tasks_;  // by number - 1
  std::vector<std::uint32_t> alive_;
  std::unordered_map<const troupe::detail::task*, std::uint32_t>
      numbers_;  // looked up, never listed
  std::unordered_set<const troupe::detail::object*> objects_;
  std::vector<std::string> points_;
  counters counts_;
  std::string broken_;
};

}  // namespace troupe::testing::detail
