// SPDX-License-Identifier: MIT
// A stateful actor: it gives the calls of its methods their turns, and has its instance made, made
// again and destroyed.
//
//   being made --born--> alive --a call says that it is broken--> broken --those who have begun
//      ^  |                |                                        |      have ended, and there
//      |  |                |                                        |      are restarts left--> being made
//      |  `-threw, and there are restarts left-'                    |
//      |  `-----threw------+--stopped, or its last handle gone and--+--no restarts left--> over
//                             nobody waits
//
// A call is a task whose body waits for its turn (task_turns.cpp): join when it is made, turn when
// it may begin, left_turn when its body has ended.
#pragma once
#include "actors/inline_actor.hpp"
#include "actors/messages.hpp"
#include "graph/turns.hpp"

#include <troupe/detail/hosted.hpp>

#include <caf/actor.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::detail {

struct host;

class host_core {
public:
  // Owns the record, which lives as long as anybody has the address of its CAF actor.
  host_core(domain& d, std::unique_ptr<host> h);
  ~host_core();
  // A call by a user's CAF actor: made in its sender's place. False: it is none.
  bool intercept(caf::mailbox_element& m) const;
  void on(join_msg& m);
  void on(inputs_ready_msg& m);
  void on(left_turn_msg& m);
  void on(step_out_msg& m);
  void on(step_in_msg& m);
  void on(born_msg& m);
  void on(lost_instance_msg& m);
  void on(no_handles_msg& m);
  void on(stop_host_msg& m);
  void on(survey_msg& m);

  // What runs a user's code, or makes a task.
  struct errands {
    host* of = nullptr;
    bool make_again = false, give_up_making = false, over = false;
    unsigned breaks = 0;
    unsigned holds = 0;            // of the record, to be given back
    const failure* why = nullptr;  // over: with a reference
  };
  errands rest() { return std::exchange(rest_, {}); }
  void restore(const errands& e) { rest_ = e; }
  static void finish(const errands& e) {
    if (e.of) [[unlikely]]
      run(e);
  }
  bool closed() const { return over_; }
  const turns& line() const { return turns_; }
  bool being_made() const { return making_; }

private:
  static void run(const errands& e);
  void tell(turn* chain);
  void holds_one_more();
  void let_go(const actor_turn* t);
  template <class F> void each_holder(F f) const {
    if (holder_.turn) f(holder_.task);
    for (auto& h : holders_) f(h.task);
  }
  void refuse(actor_turn& t);
  void refuse_all(const failure* why);
  void note_break(const failure* why, bool counts = true);
  void lose(const lost_instance_msg& m);
  bool is_wanted() const;
  void give_up_making();
  void settle_down();
  void make_again();
  void give_back_hold();

  turns turns_;
  errands rest_;
  domain& domain_;
  const std::unique_ptr<host> record_;
  host& host_;
  const failure* refusal_ = nullptr;  // whoever calls gets this
  bool making_ = true, broken_ = false, ending_ = false, over_ = false;
  bool gave_up_ = false;   // its being made elsewhere
  bool hopeless_ = false;  // no node can make it
  struct holder {
    const actor_turn* turn = nullptr;  // not to be followed
    std::uint64_t task = 0;
  };
  holder holder_{};  // of a turn, and others
  std::vector<holder> holders_;
  unsigned breaks_ = 0;
  std::size_t refused_ = 0;          // and not ended
  std::string story_;                // of the breaks
  lost_instance_msg lost_{nullptr};  // it is gone, but not yet born
};

using host_actor =
    inline_actor<host_core, join_msg, left_turn_msg, inputs_ready_msg, step_out_msg, step_in_msg,
                 born_msg, lost_instance_msg, no_handles_msg, stop_host_msg, survey_msg>;

struct host final : hosted {
  host(const actor_type& t, domain& d, const task_options* options);
  static host* make(const actor_type& t, domain& d, const task_options* options, bool elsewhere);
  // One hold is that of all handles: it goes when the actor has heard that they are gone, so after all
  // that was sent through them. One goes when it is over; and a call that comes later has one.
  void release();

  std::string name;  // for messages; the actor's, or its class's
  bool named = false, detached = false;
  retry_backoff backoff;
  host_actor* actor = nullptr;
  caf::actor handle;
  std::shared_ptr<const std::atomic<bool>> domain_lives;
  std::atomic<int> holds{2};
  const failure* why_over = nullptr;
  // Calls that may have changed it since it was made, and of which the snapshot is.
  std::atomic<std::uint64_t> changes{0};
  std::uint64_t saved_at = 0;  // guarded by saving, as is the snapshot
  std::mutex saving;
  // Of an instance that is elsewhere, guarded by saving: the task that has it made, and whether
  // nobody wants it any more.
  ref<void> maker;
  bool unwanted = false;
  std::size_t place = 0;                      // in its runtime's list
  std::atomic<std::uint64_t> constructor{0};  // the task that makes the instance
};
// One more handle. False: the last one is gone, and it ends.
bool retain_if_alive(hosted& h) noexcept;
inline host& host_of(hosted& h) { return static_cast<host&>(h); }
inline const host& host_of(const hosted& h) { return static_cast<const host&>(h); }

// The stateful actors of one runtime that are not over. Thread-safe.
class host_list {
public:
  // Throws troupe::error if one of that name lives.
  void add(host& h);
  // The last touch of the runtime by an actor that is over.
  void remove(host& h);
  bool empty() const;
  // One more handle of the actor of that name; throws troupe::error: there is none, or it is
  // another class's.
  host* find(const std::string& name, const actor_type& type) const;
  std::vector<caf::actor> handles() const;
  // For tests: f(host) for each.
  template <class F> void each(F f) const {
    for (auto h : all_) f(*h);
  }

private:
  std::string near_names(const std::string& name) const;
  mutable std::mutex mutex_;
  std::vector<host*> all_;  // guarded by mutex_, as is the next
  std::unordered_map<std::string, host*> names_;
};

}  // namespace troupe::detail
