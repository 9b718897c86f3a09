// SPDX-License-Identifier: MIT
// Sees who waits for whom: finds rings of waits, and explains why a task has not settled.
//
//   inspector --survey--> resolvers, admission, clock, gate, streams, hosts --ready--> inspector
//   inspector --survey--> stores --ready--> inspector      who makes what is waited for
//   inspector --cancel (in_ring)--> stores --cancel--> the tasks of a ring
//
// Nothing stands still for a survey, so what it shows never was so all at once. But a ring does not
// change: the waits of a ring that two surveys have found, one after the other, all held between them.
// Whoever a clock will wake, or can be woken by who is not known (another node, a program's thread, an
// actor of the program), is in no ring.
//
// Its thread looks some times a second, for a hundredth of a core at most, as long as bodies wait; else
// it sleeps. Under a deterministic scheduler it looks when nothing else can go on, and when a
// simulation tells it to.
#pragma once
#include "actors/survey.hpp"
#include "graph/wait_graph.hpp"

#include <troupe/explain.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

class client;
class domain;

// All that one survey has seen.
class census {
public:
  std::vector<seen_wait> waits;
  std::vector<seen_holder> holders;
  record_holds records;                                 // of all that is waited for
  std::unordered_map<const object*, task_hold> makers;  // of what is waited for and not there
  // The maker of what it waits for; 0: it may come at any time.
  std::uint64_t on(const seen_wait& w) const;
  std::string name_of(std::uint64_t task) const;

private:
  mutable std::unordered_map<std::uint64_t, std::string> names_;  // once one is asked for
};

class inspector {
public:
  explicit inspector(domain& d) : domain_(d) {}
  ~inspector() { stop(); }
  // A body waits, or a task for what its body has returned: rings are possible.
  void wake() {
    if (!awake_.load(std::memory_order_relaxed)) [[unlikely]]
      start();
  }
  // It begins no look any more. has_ended(): and none is under way.
  void ask_to_stop();
  bool has_ended() const { return !running_.load(); }
  // Nothing of it runs any more, and it holds nothing.
  void stop();

  // Deterministic: nothing is runnable. True: rings were found, and something is.
  bool look_at_rest();
  // Deterministic: as the thread does, while all goes on. False: it does so already.
  bool look();

  // Of a task that was found in a ring.
  std::string story_of(const task& t);
  void forget(const task& t);

  // Any thread or task that may wait.
  explanation explain(object& o);
  std::vector<task_status> tasks(const task_filter& filter);

private:
  using ask = std::function<void(caf::abstract_actor&)>;
  using await = std::function<void(std::size_t answers, const ask&)>;
  void start() noexcept;
  void loop();
  census take(const await& how, bool at_rest = false);
  void ask_makers(census& c, const std::vector<object*>& objects, const await& how, bool at_rest);
  await own_way();
  wait_graph::verdict rings_in(const census& c, std::vector<const seen_wait*>& tags) const;
  static bool is_same(const census& then, const census& now,
                      const std::vector<std::uint64_t>& stuck);
  void accuse(const census& c, const wait_graph::verdict& v,
              const std::vector<const seen_wait*>& tags, bool at_rest);
  std::string tell(const wait_graph::ring& r, const census& c,
                   const std::vector<const seen_wait*>& tags) const;
  std::size_t look_once();
  std::string words(const census& c, const seen_wait& w) const;
  struct turn_to_ask;
  // Keeps since when each task that a census has seen is known to be as it is.
  void note(const census& c);
  std::optional<duration> seen_so(const task& t, const std::vector<const seen_wait*>& waits) const;
  task_status status_of(const census& c, task& t, const std::vector<const seen_wait*>& waits) const;

  domain& domain_;
  std::atomic<bool> awake_{false}, running_{false};
  std::atomic<int> surveys_{0};  // that people have asked for
  std::size_t waits_begun_ = 0;  // deterministic
  bool looking_ = false;         // deterministic
  std::mutex mutex_;
  std::condition_variable bell_;
  std::thread thread_;  // guarded by mutex_, as is the next
  bool stopped_ = false;
  bool rung_ = false;                 // likewise
  caf::actor own_;                    // what is answered; its thread's
  std::unique_ptr<census> suspects_;  // the last census, if it had rings that it alone has seen
  std::size_t told_ = 0;              // messages and tasks at the last look at rest
  struct condition {
    std::uint64_t is = 0, since = 0;  // ticks
  };
  mutable std::mutex conditions_mutex_;
  std::unordered_map<std::uint64_t, condition> conditions_;  // of the last census
  std::mutex stories_mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<const std::string>> stories_;
};

}  // namespace troupe::detail
