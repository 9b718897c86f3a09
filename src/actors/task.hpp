// SPDX-License-Identifier: MIT
// The task actor: waits for its inputs, runs its body on a strand, puts what the body gave into the
// store, and ends.
//
//   pending --inputs ready--> (asks for resources --ready-->)
//      |                      queued --claimed--> running --body returned--> settled --> ended
//      |                        |         ^        | | |                       ^  ^
//      |                        |   ready |  parks | | `-a ref-> forwarding -ready-'
//      |                        |       parked <---' `-threw-> backing off -> running
//      |                        |       suspended <-'   a coroutine: without its strand
//      `------asked to end------+----------------------------------------------'
//   One that is queued (or cannot run here) may be away: another node runs it. When it has, and the value
//   stays there, the task rests: it has settled, and its call is kept (task_away.cpp).
#pragma once
#include "actors/caf_compat.hpp"
#include "actors/countdown.hpp"
#include "actors/kin.hpp"
#include "actors/lean_actor.hpp"
#include "actors/messages.hpp"
#include "actors/outside.hpp"
#include "actors/strand.hpp"
#include "actors/wait_set.hpp"

#include <troupe/detail/hosted.hpp>
#include <troupe/options.hpp>

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string_view>
#include <vector>

namespace troupe::detail {

class domain;
class failure;
struct seat;
class stream_channel;

// The wait before a try that is not the first.
duration wait_before(unsigned attempt, const retry_backoff& b);

// What few tasks need.
struct task_extras {
  task_options options;
  std::vector<waiter> more;  // waits for inputs in containers
  waiter own;                // the wait for what the body returned, or for what a coroutine awaits
  object* inner = nullptr;   // what the body returned
  unsigned levels = 0;       // so many refs lie around the value that it leads to
  unsigned attempt = 1;
  sleeper back_off, deadline;
  std::unique_ptr<std::stop_source> stop;  // once its body has asked for a token
  resource_wait asks;         // for resources: before it is queued, until its body ends
  bool asked = false;         // since its body last ended
  std::size_t footprint = 0;  // bytes of its arguments, as the gate has counted them
  // Of the wait of the task itself (not of its body) that `arrivals` counts now.
  std::int32_t missing = 0, total = 0;  // missing 0: the inputs' wait
  bool taken_back = false;              // it was given up, and its answers are collected
  std::vector<object*>
      parts;              // of a tuple: an object for each element; the task holds their memory
  standing_set standing;  // what the body's last wait for some of many has left
  std::unique_ptr<away_state> away;
  stream_channel* feeds = nullptr;  // where the body's values go, until it has settled
};

// One block: [control block | task | kin | waits for the direct inputs | the call]. Two references from
// birth: one for its run, one for its place in a queue (or, while it waits, in resolvers' lists).
// Places are interchangeable: what to do is in `claim` and `woken_`. Behind the task lies its kin,
// which stays until its last child's has gone.
class task final : public lean_actor, public caf::resumable {
public:
  // Throws std::bad_alloc.
  static task* make(domain& d, const task_type& type, object* out, const task_options* options,
                    seat& s);
  task(caf::actor_config& cfg, domain& d, const task_type& type, object* out);
  ~task() override;

  void* call() { return reinterpret_cast<char*>(this) + call_offset(type_); }
  // The call is in place: wait for these inputs (none of them null), or be queued at once.
  void start(object* const* missing, std::size_t n);
  // Never started: the call was not constructed.
  void abandon() noexcept;

  // The body gives a stream: takes over the producer's reference. Before start().
  void feed(stream_channel* c) { extras().feeds = c; }

  // Precondition: claimed (or private, and begun for the first time), or suspended and woken. Uses up the reference for the
  // run.
  void run() noexcept;
  // Parks on what has been registered with `arrivals`. Precondition: it runs, on its strand.
  void park();

  // For whoever took it from a queue: whether its body is parked and woken, and its strand; or
  // own_step(), when the next step is the task's own, not its body's.
  static strand* own_step() { return reinterpret_cast<strand*>(1); }
  bool is_woken() const { return woken_.load(std::memory_order_acquire) != nullptr; }
  strand* take_woken() {
    return is_woken() ? woken_.exchange(nullptr, std::memory_order_acq_rel) : nullptr;
  }
  // Nothing is left to do for its place in a queue.
  bool is_stale() const {
    return out_->claim.load(std::memory_order_acquire) == claim::claimed && !is_woken();
  }
  bool is_private() const { return (traits_ & alone) != 0; }
  // True: the caller runs it, now. False: somebody else has.
  bool claim_it();
  // Precondition: claimed, and not begun.
  bool is_child_of(const task& t) const { return family().up() == &t.family(); }
  void queue_again() {
    intrusive_ptr_add_ref(ctrl());  // the place that it had may be gone
    schedule();
  }
  // The next step of a task that waited for itself, not for its body. True: its body is to be run.
  [[nodiscard]] bool go_on();
  void settle_unstarted(std::exception_ptr why);

  // ---- away
  // Precondition: the caller has its place in a queue, or its lock.
  bool may_travel() const;
  const task_type& type() const { return type_; }
  const task_options* options() const { return extras_ ? &extras_->options : nullptr; }
  // What is left of its deadline; 0: it has none.
  std::int64_t time_left() const;
  // For a node, with the reference of its place. Precondition: claimed, and not begun.
  void set_out(std::shared_ptr<outside> where);
  // It has been sent, or is to be; from now on it may be recalled.
  void is_away() {
    if (arm()) schedule();
  }
  // Once after each set_out(). After is_away() it may be gone when this returns.
  void bring(away_reply reply);
  // For a node, before it is brought: its value is on another node, where it stays. It has settled, as
  // far as everybody but its object is concerned.
  void rest();
  // Its body waits for objects: whoever is served may be given more meanwhile.
  void waits_for_objects(bool begins) {
    if (type_.serves) [[unlikely]]
      tell_served(begins);
  }
  bool goes_where_it_must() const { return must_leave(); }
  // It has set out to where the values of its inputs are.
  bool follows() const { return family().follows.load(std::memory_order_relaxed); }

  // ---- asked to end
  // From anywhere, while it is known to be unsettled.
  cancel_result ask_to_end(kin::asked why);
  bool asked_to_end() const { return kin::any_standing() && family().asked_in_all() != kin::no; }
  // For its body, where it would park: throws cancelled if it was asked to end or its runtime ends.
  void refuse_if_asked() const {
    if (is_to_end()) [[unlikely]]
      refuse_as_asked();
  }
  // Before its body waits for o: throws deadlock if that is a call of its own actor, which cannot
  // begin meanwhile.
  void refuse_wait_for_itself(const object* o) const {
    if (type_.role == task_role::method && turn().behind) [[unlikely]]
      refuse_if_behind(o);
  }
  // Others may have its actor's turn while its body waits.
  bool lets_others_in() const { return type_.role == task_role::method && turn().of->reentrant; }
  const actor_turn* turn_of_call() const {  // null: it is none
    return type_.role == task_role::method ? &turn() : nullptr;
  }
  // Around a park of its body: so that a cancel finds it.
  void begin_wait() {
    if (kin& k = family(); k.has_parent() && k.place == kin::nowhere) enter_roster();
  }
  void end_wait() {
    if (family().place != kin::nowhere) leave_roster();
  }
  std::stop_token stop_token();
  unsigned attempt() const { return extras_ ? extras_->attempt : 1; }
  std::stop_source* stop_source() const { return extras_ ? extras_->stop.get() : nullptr; }

  kin& family() { return *reinterpret_cast<kin*>(this + 1); }
  const kin& family() const { return *reinterpret_cast<const kin*>(this + 1); }
  static task& of(kin& k) { return reinterpret_cast<task*>(&k)[-1]; }
  // Frees the blocks of tasks that are over and whose children the calling thread has seen go.
  static void free_block_of(kin* k, seat& s);
  // The stack has been left: may the wait be over already?
  void left_stack() {
    if (arrivals.leave()) schedule();
  }
  void release();
  void release(seat& s);
  // Its place's reference is its own from now on, to be released at the end.
  void keep_place() { keeps_place_ = true; }

  domain& inside() const { return *domain_; }
  object* out() const { return out_; }
  object* const* parts() const { return extras_ ? extras_->parts.data() : nullptr; }
  // Whether a body that waits now, or is woken before its wait is over, meets `cancelled`.
  bool is_to_end() const {
    return (kin::any_standing() || extras_ || domain_closing()) && looks_up();
  }
  bool is_constructor() const { return type_.role == task_role::constructor; }
  std::size_t stack_need() const { return stack_need_; }
  bool blocking() const { return extras_ && extras_->options.blocking; }
  int priority() const { return extras_ ? extras_->options.priority : 0; }
  std::size_t footprint() const { return extras_ ? extras_->footprint : 0; }
  // Its footprint from now on. Precondition: the call is in place.
  std::size_t measure();
  // For people: small, from 1, and no other task of the process has it.
  std::uint64_t number() const { return number_of(id()); }
  static std::uint64_t number_of(std::uint64_t id) {  // 0: none
    return id == 0 ? 0 : (id & ~(std::uint64_t{1} << 62)) + 1;
  }
  std::string_view name_of_task() const;  // any thread
  bool has_own_name() const { return (traits_ & named) != 0; }
  standing_set& standing() { return extras().standing; }
  const resource_ask* asks() const { return extras_ ? &extras_->asks : nullptr; }  // for tests
  // Of one of its waits in a resolver, that is not its body's: for what its body has returned, or its
  // coroutine awaits; else for an input.
  bool is_own_wait(const waiter& w) const { return extras_ && &w == &extras_->own; }
  // Its handle has been given to somebody, who may monitor it.
  void expose() { exposed_ = true; }

  countdown arrivals;  // of inputs; and while it runs, of what its body waits for

  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit* unit) override;
  resume_result resume(caf::execution_unit* unit, std::size_t) override;
  subtype_t subtype() const override { return caf::resumable::function_object; }
  void intrusive_ptr_add_ref_impl() override { caf::intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { release(); }
  void tell_monitors();

private:
  // What its own next step is.
  enum class stage : std::uint8_t {
    pending,
    fetching,
    admitting,
    running,
    suspended,
    backing_off,
    readmitting,
    forwarding,
    away,
    unbegun,
    leaving
  };

  static std::size_t call_offset(const task_type& type);
  static std::size_t block_size(const task_type& type) {
    return sizeof_control + call_offset(type) + type.size;
  }
  static constexpr std::size_t sizeof_control = CAF_CACHE_LINE_SIZE;
  waiter* inputs() { return reinterpret_cast<waiter*>(&family() + 1); }
  task_extras& extras() {
    if (!extras_) extras_ = std::make_unique<task_extras>();
    return *extras_;
  }
  static void destroy(caf::abstract_actor* a);
  static void free_memory(caf::actor_control_block* c);
  static void free_memory(caf::actor_control_block* c, seat& s);
  void take_options(const task_options& options);
  void make_parts();
  object* settle_parts(outcome how);
  bool wants_resources() const;
  // Once its inputs are there, and before another try: the answer makes it go on.
  void ask_resources();
  bool must_leave() const { return extras_ && extras_->away && extras_->away->must_leave; }
  bool has_reply() const { return extras_->away->reply.is != away_reply::none; }
  bool rests() const { return extras_ && extras_->away && extras_->away->rests; }
  bool may_leave() const;
  // It may be sent to where its inputs' values are, instead of waiting for them.
  bool may_follow() const;
  // False: there is no other node, and it goes on here.
  bool leave_home();
  bool leave_for_resources();
  bool goes_elsewhere();
  bool keeps_call() const { return extras_ && extras_->away && extras_->away->keeps_call; }
  void keep_call();
  void forget_call();
  void give_up_call();
  void count_out();
  bool fetch_inputs();
  void tell_served(bool waits);
  bool leave_in_turn();
  bool broke_elsewhere(const brought& b);
  verdict take_reply();
  void take_snapshot(decoder& from, const away_reply& reply);
  void give_back_resources();
  void schedule() noexcept;
  void schedule(seat& s) noexcept;
  void schedule_as_asked(seat& s) noexcept;
  void destroy_call() {
    if (type_.destroy) type_.destroy(call());
  }
  void publish();
  template <class Publish> bool publish_as_asked(seat& s, Publish publish) noexcept;
  bool queue_in_turn(seat& s) noexcept;
  void queue(caf::actor_system& system, bool at_once, seat& s);
  bool looks_up() const;
  bool domain_closing() const;
  [[noreturn]] void refuse_as_asked() const;
  void enter_roster();
  void leave_roster();
  void release_run(seat& s);
  void adopt_by(task& parent, seat& s);
  void put_outcome(outcome how, seat& s);
  void settle(outcome how);
  void settle(outcome how, seat& s);
  void finish();
  void end_unbegun(kin::asked why, bool queued);
  void leave();
  void end(seat& s, bool rested = false);
  void forward(object* inner, unsigned levels);
  void finish_forwarding();
  void settle_as_inner();
  void suspend(object& on);
  // A call of a stateful actor (task_turns.cpp).
  actor_turn& turn() { return *static_cast<actor_turn*>(call()); }
  const actor_turn& turn() const { return const_cast<task*>(this)->turn(); }
  void join(bool ready);
  void ask_turn_back();
  void ask_turn(const left_turn_msg* again = nullptr);
  void ask_turn_again(const failure* failed);
  void note_behind(seat& s);
  void take_turn(const failure* refusal);
  void let_others_in();
  bool broke_its_actor();
  void save_actor();
  void leave_turn(const failure* failed);
  static const failure* take_break(actor_turn& t, const failure* failed);
  void end_without_turn();
  void finish_call();
  bool has_more_tries() const;
  void refuse_if_behind(const object* o) const;
  void finish_feeding(const failure* failed) noexcept;
  bool deserves_retry();
  void back_off();
  void await_object(object& o);
  void await_itself(std::int32_t n);
  [[nodiscard]] bool arm();
  bool take_back();
  const failure* early_end(kin::asked why) const;

  domain* domain_;
  const task_type& type_;
  object* out_;
  std::unique_ptr<task_extras> extras_;
  strand* parked_on_ = nullptr;
  std::atomic<strand*> woken_{nullptr};
  std::uint32_t stack_need_;
  // Of a task from its birth. named: its options have a name. alone: it is not claimed by a getter (it
  // needs a stack or a thread of its own, or has not got its resources yet).
  enum trait : std::uint8_t { named = 1, alone = 2 };
  std::uint8_t traits_ = 0;
  bool exposed_ = false;  // written by the store before the put
  stage stage_ = stage::pending;
  bool keeps_place_ = false;
};

// Whether a job from a hub is a task.
inline bool is_task(const caf::resumable& job) { return &typeid(job) == &typeid(task); }
// What a worker does with it: drives it, and releases its place.
void resume_task(task* t);
// Runs `first` and what its strand finds after it. The caller keeps the reference of first's place.
// `ours`: claimed by the caller.
void drive(task* first, bool ours = false);
// The next claimed task that may run on the very stack of `on`; null: leave it.
task* another_on(strand& on);

}  // namespace troupe::detail
