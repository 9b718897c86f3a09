// SPDX-License-Identifier: MIT
// The inside of a runtime: its actor system, its shards, its counters. Lives until the runtime and
// all objects that outlived it are gone.
#pragma once
#include "actors/admission.hpp"
#include "actors/clock.hpp"
#include "actors/gate.hpp"
#include "actors/host.hpp"
#include "actors/kin.hpp"
#include "actors/outside.hpp"
#include "actors/shard.hpp"
#include "actors/side_pool.hpp"
#include "actors/stream.hpp"
#include "runtime/watcher.hpp"

#include <troupe/runtime.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace caf::scheduler {
class test_coordinator;
}

namespace troupe::detail {

class failure;
class inspector;
class log;

// What one thread has counted. Written by that thread alone (but the last line of a domain, by all
// others), read by anyone.
struct alignas(64) books {
  std::atomic<std::int64_t> made{0}, submitted{0}, settled{0}, ended{0};
  std::atomic<std::int64_t> reached_bound{0}, left_bound{0};  // submits that wait at the bound
};

class domain {
public:
  // `external`: the program's actor system; null: one of its own. Throws troupe::error.
  domain(caf::actor_system* external, runtime_options options);
  domain(const domain&) = delete;
  domain& operator=(const domain&) = delete;
  // The runtime goes away: settles everything, stops all threads, and deletes the domain with its
  // last object.
  void end();

  // Of this runtime among all that there ever were in the process.
  std::uint64_t number() const { return number_; }
  const runtime_options& options() const { return options_; }
  caf::actor_system& system() const { return *system_; }
  const caf::node_id& node() const { return node_; }
  job_hub* hub() const { return hub_; }             // null: a deterministic scheduler
  bool at_once() const { return hub_ != nullptr; }  // store and resolver run where they are called
  std::size_t stack_size() const { return options_.stack_size; }
  const task_scope& inner_scope() const { return inner_scope_; }

  shard& nowhere() { return nowhere_; }
  shard& shard_here() {
    if (watcher_) [[unlikely]]
      return any_shard();
    return shards_[seat::mine().number & (shards_.size() - 1)];  // their number is a power of two
  }
  const std::vector<shard>& shards() const { return shards_; }
  const caf::actor& store_front() const { return store_front_; }
  detail::clock& clock() { return *clock_; }
  stream_list& streams() { return streams_; }
  host_list& hosts() { return hosts_; }
  // False once it has ended; outlives it.
  const std::shared_ptr<std::atomic<bool>>& lives() const { return lives_; }
  admission_actor* admission() { return admission_; }  // null: the runtime has no resources
  gate* bound_gate() { return gate_.get(); }           // null: no bound

  detail::inspector& inspector() { return *inspector_; }

  // ---- counters
  void count(const seat& s, std::atomic<std::int64_t> books::*what, std::int64_t n = 1) {
    auto& c = books_[s.number].*what;
    if (s.number != seat::most - 1)
      c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_release);
    else c.fetch_add(n, std::memory_order_acq_rel);
  }
  void submitted(const task& t, const seat& s) {
    count(s, &books::submitted);
    if (notes_.load(std::memory_order_relaxed)) [[unlikely]]
      note_submitted(t);
  }
  void settled(const task& t, outcome how, const seat& s) {
    count(s, &books::settled);
    if (notes_.load(std::memory_order_relaxed)) [[unlikely]]
      note_settled(t, how);
  }
  void ending(const task& t) {
    if (notes_.load(std::memory_order_relaxed)) [[unlikely]]
      note_ending(t);
  }
  // The last thing that a task does: the domain may be gone when this returns.
  void ended(const seat& s) { count(s, &books::ended); }
  std::size_t total(std::atomic<std::int64_t> books::*what) const;
  std::vector<name_count> name_counts() const;
  statistics stats();
  caf::actor find_task(object& o);

  // ---- the end
  // Nothing begins any more.
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void stop();
  // Their calls that wait are refused, and all that come. Of those that there are now.
  void stop_hosts();
  // What has begun and waits is woken with `cancelled`.
  bool closing() const { return closing_.load(std::memory_order_relaxed); }
  const failure* ended_early(const task& t) const;
  void drain();
  void orphan_gone() {
    if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // ---- cancelling
  // Tasks that wait and have a parent.
  roster& waiting() { return waiting_; }
  // A task was asked to end that has children or gave its body a token: somebody must sweep once
  // no actor's handler is running on the stack.
  void want_sweep() {
    sweeps_.fetch_add(1);  // first: whoever takes it counts it down
    if (sweep_due_.exchange(true)) sweeps_.fetch_sub(1);
  }
  bool take_sweep() { return sweep_due_.exchange(false); }
  // Asks all to end whose ancestors were asked, and tells the bodies that hold tokens. Runs what
  // users have registered with those tokens.
  void sweep();
  void add_token(task& t);
  void remove_token(task& t);

  // Sends a wait of one of its tasks or threads to the object's resolver, perhaps another
  // runtime's.
  void await(waiter& w) {
    shard& s = shard_of(w.awaited());
    if (s.inside != this) awaits_abroad(s);
    s.resolver->tell(await_msg{&w});  // which may answer it: then w may be gone, and this domain
  }

  // A wait_set to which messages are on their way, from now on; and no more. end() waits for them:
  // the second is the last touch of the domain.
  // Likewise a task whose value is on another node.
  void set_stands() { standing_sets_.fetch_add(1, std::memory_order_seq_cst); }
  void set_is_gone() { standing_sets_.fetch_sub(1, std::memory_order_acq_rel); }
  // Before a task or thread of this runtime waits at an actor of another one.
  void waits_abroad() { awaits_abroad_.store(true); }
  // One of its tasks waits at the gate of another runtime.
  void waits_at(gate& other) {
    awaits_abroad_.store(true);
    if (closing_.load()) other.actor().tell(close_msg{number_});
  }

  // ---- other threads
  void run_aside(task& t);
  void ran_aside() {
    if (gate_) gate_->leave_busy();
  }

  // ---- other nodes
  std::shared_ptr<detail::outside> outside() const;                          // null: there are none
  bool is_node() const { return is_node_.load(std::memory_order_relaxed); }  // a hint
  void open(std::shared_ptr<detail::outside> where);                         // null: no more

  // ---- the bound
  // Some worker has nothing to do.
  bool has_room() const { return hub_ ? hub_->workers_resting() > 0 : runnable() == 0; }
  bool workers_rest() const { return hub_->workers_resting() >= options_.workers; }
  void perhaps_idle() {
    if (gate_) gate_->perhaps_idle();
  }

  // ---- deterministic scheduler
  template <class M> void deliver_later(caf::abstract_actor& who, M m);
  // One job, or the next sleep's end if that is not past `limit`. False: nothing can go on.
  bool step(std::int64_t limit = timers::never);
  // The same of several runtimes that go on together: what step() does from now on. step_alone() does
  // what it did.
  void step_with(std::function<bool(std::int64_t limit)> together) {
    together_ = std::move(together);
  }
  bool step_alone(std::int64_t limit);
  std::size_t runnable() const;                   // jobs that wait for a turn
  watcher* watching() const { return watcher_; }  // usually null
  // Likewise; a log may come and go while tasks run.
  observer* observed_by() const { return observer_.load(std::memory_order_acquire); }
  // The log, while there is one. writes_log: it is this runtime's own, for its files.
  detail::log* logging() const { return logging_.load(std::memory_order_acquire); }
  bool writes_log() const { return writes_log_; }
  // For its files, or because another node asks for it; or none does any more. By one thread.
  void keep_log(bool on);
  void may_fail(weak_point where) const {
    if (watcher_) [[unlikely]]
      watcher_->may_fail(where);
  }

private:
  struct own_system;
  ~domain();
  void count_name(const task& t, std::size_t name_count::*what);
  void note_submitted(const task& t);
  void note_settled(const task& t, outcome how);
  void note_ending(const task& t);
  void tell_tokens(bool all);
  bool all_ended() const {
    // In this order: what is submitted meanwhile counts.
    const std::size_t left = total(&books::left_bound), ended = total(&books::ended);
    return ended >= total(&books::submitted) && left >= total(&books::reached_bound) &&
           streams_.all_finished();
  }

  void close_resolvers(std::uint64_t party);
  void each_other(const std::function<void(domain&)>& f);
  std::vector<totals> ask_shards(bool may_park);
  void wait_until(const std::function<bool()>& holds);
  std::string unended() const;
  void awaits_abroad(shard& s);
  shard& any_shard();
  bool watched_step(std::int64_t limit);

  const std::uint64_t number_;
  runtime_options options_;
  std::unique_ptr<own_system> own_;
  caf::actor_system* system_;
  caf::node_id node_;
  job_hub* hub_ = nullptr;
  caf::scheduler::test_coordinator* stepped_ = nullptr;
  std::function<bool(std::int64_t)> together_;
  task_scope inner_scope_;
  shard nowhere_;
  std::vector<shard> shards_;
  caf::actor store_front_;
  std::unique_ptr<detail::clock> clock_;
  side_pool aside_{*this};
  stream_list streams_;
  host_list hosts_;
  const std::shared_ptr<std::atomic<bool>> lives_ = std::make_shared<std::atomic<bool>>(true);
  caf::actor admission_handle_;
  admission_actor* admission_ = nullptr;
  std::unique_ptr<gate> gate_;
  std::unique_ptr<detail::inspector> inspector_;
  // something is to be done when a task is submitted, settles or ends
  std::atomic<bool> notes_{false};

  std::vector<books> books_;
  watcher* watcher_ = nullptr;                // with stepped_; it outlives the runtime
  std::atomic<observer*> observer_{nullptr};  // that, or the log
  std::unique_ptr<detail::log> log_;
  std::atomic<detail::log*> logging_{nullptr};
  bool writes_log_ = false;
  std::atomic<bool> stopping_{false}, closing_{false}, awaits_abroad_{false};
  std::atomic<std::int64_t> orphans_{0}, standing_sets_{0};

  roster waiting_;
  std::atomic<bool> sweep_due_{false};
  std::atomic<int> sweeps_{0};  // wanted or running
  std::mutex tokens_mutex_;
  std::vector<task*> tokens_;  // guarded by tokens_mutex_: tasks whose bodies hold a token

  mutable std::mutex outside_mutex_;
  std::shared_ptr<detail::outside> outside_;  // guarded by outside_mutex_
  std::atomic<bool> is_node_{false};

  mutable std::mutex names_mutex_;
  std::vector<name_count> names_;  // guarded by names_mutex_, as is the next
  std::unordered_map<std::string, std::size_t> name_places_;
};

}  // namespace troupe::detail
