// SPDX-License-Identifier: MIT
#include "actors/task.hpp"

#include "actors/overflow.hpp"
#include "actors/seat.hpp"
#include "actors/shard.hpp"
#include "actors/stream.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "runtime/requirements.hpp"
#include "runtime/wait.hpp"

#include <caf/actor_cast.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace troupe::detail {

// ---- memory -------------------------------------------------------------------------------------

std::size_t task::call_offset(const task_type& type) {
  const std::size_t after = sizeof(task) + sizeof(kin) + type.inputs * sizeof(waiter);
  return (after + type.align - 1) & ~(type.align - 1);
}

// What caf::make_actor does, with our own memory. All threads share the count inside a node_id:
// each task is lent the domain's.
task* task::make(domain& d, const task_type& type, object* out, const task_options* options,
                 seat& s) {
  d.may_fail(weak_point::memory);
  alignas(caf::node_id) char lent[sizeof(caf::node_id)];
  std::memcpy(lent, static_cast<const void*>(&d.node()), sizeof lent);
  auto memory = static_cast<char*>(s.blocks.take(block_size(type)));
  auto control = new (memory)
      caf::actor_control_block(fresh_actor_id(s), reinterpret_cast<caf::node_id&>(lent),
                               &d.system(), &task::destroy, &task::free_memory);
  control->strong_refs.store(2, std::memory_order_relaxed);
  auto t = new (memory + sizeof_control) task(s.blank, d, type, out);
  if (task* parent = s.running;
      parent && parent->domain_ == &d && type.role != task_role::constructor)
    t->adopt_by(*parent, s);
  try {
    if (options) t->take_options(*options);
    if (type.parts) t->make_parts();
  } catch (...) {
    t->abandon();
    throw;
  }
  return t;
}

task::task(caf::actor_config& cfg, domain& d, const task_type& type, object* out)
    : lean_actor(cfg),
      domain_(&d),
      type_(type),
      out_(out),
      stack_need_(static_cast<std::uint32_t>(d.stack_size())) {
  new (this + 1) kin;
  out->maker = this;
}

void task::adopt_by(task& parent, seat& s) {
  kin& up = parent.family();
  if (up.spawned++ == 0) up.pass_by_settled(s.gone, [&s](kin* k) { free_block_of(k, s); });
  family().word.store(reinterpret_cast<std::uintptr_t>(&up), std::memory_order_release);
}

task::~task() {
  release_memory(out_);
  if (extras_)
    for (auto part : extras_->parts) release_memory(part);
}

void task::destroy(caf::abstract_actor* a) {
  auto t = static_cast<task*>(a);
  const std::size_t size = block_size(t->type_);
  t->~task();
  std::memcpy(
      static_cast<void*>(a), &size,
      sizeof size);  // for free_memory, which may come later: weak references keep the block
}

void task::free_memory(caf::actor_control_block* c) { free_memory(c, seat::mine()); }
void task::free_memory(caf::actor_control_block* c, seat& s) {
  auto k = reinterpret_cast<kin*>(reinterpret_cast<char*>(c) + sizeof_control + sizeof(task));
  auto free = [&s](kin* gone) { free_block_of(gone, s); };
  if (!k->childless()) return s.gone.over(k, free);
  kin* up = k->up();
  free(k);
  if (up) s.gone.one_gone(up, free);
}

void task::free_block_of(kin* k, seat& s) {
  k->forget();
  auto place = reinterpret_cast<char*>(k) - sizeof(task);
  std::size_t size;
  std::memcpy(&size, place, sizeof size);
  s.blocks.give(place - sizeof_control, size);
}

void task::take_options(const task_options& options) {
  task_extras& x = extras();
  x.options = options;
  if (!options.name.empty()) traits_ |= named;
  if (type_.role == task_role::method) {  // its actor has the labels
  } else if (auto where = type_.travels && !can_meet(domain_->options(), options)
                              ? domain_->outside()
                              : nullptr) {
    x.away = std::make_unique<away_state>();
    x.away->where = std::move(where);
    x.away->must_leave = true;
  } else {
    check_labels(domain_->options(), options);
    x.asks.parts = parts_of(domain_->options(), options);
  }
  x.asks.who = x.back_off.who = x.deadline.who = this;
  x.deadline.is = sleeper::deadline;
  x.back_off.is = sleeper::back_off;
  if (options.deadline > duration::zero()) {
    domain_->clock().start();
    x.deadline.due = domain_->clock().after(options.deadline);
  }
  if (options.blocking || options.stack_size > stack_need_) traits_ |= alone;
  stack_need_ = std::max(stack_need_, static_cast<std::uint32_t>(options.stack_size));
}

std::size_t task::measure() {
  const std::size_t held = type_.footprint ? type_.footprint(call()) : 0;
  return extras().footprint = type_.size + held;
}

// As CAF does it, but without a read-modify-write where nobody else can have a reference.
void task::release() { release(seat::mine()); }
void task::release(seat& s) {
  auto c = ctrl();
  // Somebody who has its address may make a handle of it at any time.
  if (c->strong_refs.load(std::memory_order_acquire) != 1 || exposed_)
    return caf::intrusive_ptr_release(c);
  c->strong_refs.store(0, std::memory_order_relaxed);
  destroy(this);
  if (c->weak_refs.load(std::memory_order_acquire) == 1) free_memory(c, s);
  else caf::intrusive_ptr_release_weak(c);
}

void task::abandon() noexcept {
  if (extras_) {
    for (auto part : extras_->parts) abandon_object(part);
    finish_feeding(nullptr);
  }
  keeps_place_ = true;
  release_run(seat::mine());
}

// Both references at once, if it has its place's as well and nobody else has one: a put that still
// waits in a mailbox has one (put_msg::keep), so when there are two the store has taken the put in and
// gives no handle away any more.
void task::release_run(seat& s) {
  auto c = ctrl();
  if (keeps_place_ && c->strong_refs.load(std::memory_order_acquire) == 2 && !exposed_) {
    c->strong_refs.store(1, std::memory_order_relaxed);
  } else if (keeps_place_) {
    caf::intrusive_ptr_release(c);
  }
  release(s);
}

std::string_view task::name_of_task() const {
  return has_own_name() ? std::string_view{extras_->options.name} : type_.name;
}

// ---- waiting for inputs -------------------------------------------------------------------------

void task::start(object* const* missing, std::size_t n) {
  if (n > type_.inputs) extras().more = std::vector<waiter>(n - type_.inputs);
  if (type_.role == task_role::method) note_behind(seat::mine());
  domain& d = *domain_;
  seat& s = seat::mine();
  d.submitted(*this, s);
  const bool timed = extras_ && extras_->options.deadline > duration::zero();
  if (timed && extras_->deadline.due <= d.clock().now())  // the submit has waited at the bound
    (void)ask_to_end(kin::deadline);
  if (n == 0) {
    if (timed) d.clock().actor().tell(sleep_msg{&extras_->deadline});
    return type_.role == task_role::method ? join(true) : schedule(s);
  }
  family().awaited = static_cast<std::uint32_t>(n);
  const auto all = static_cast<std::int32_t>(n);
  const bool follows = d.is_node() && may_follow();
  arrivals.begin(all, countdown::in_use);
  if (type_.role == task_role::method) join(false);
  for (std::size_t i = 0; i < n; ++i) {
    waiter* w = i < type_.inputs ? new (inputs() + i) waiter : &extras_->more[i - type_.inputs];
    w->wait_for(*missing[i], *this, d.number());
    w->follows = follows;
    d.await(*w);
  }
  if (timed) d.clock().actor().tell(sleep_msg{&extras_->deadline});
  if (!arm()) return;
  if (arrivals.arrived(all) == all) schedule();
  else end_unbegun(family().asked_in_all(), false);
}

void task::enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) {
  if (auto ready = content_of<ready_msg>(*m)) {
    const auto how = ready->is;
    if (ready->w) ready->w->answered.store(true, std::memory_order_relaxed);
    m.reset();  // before it is counted: the count may free the message with its sender's frame, and
                // this task
    bool due = false;
    if (how != ready_msg::plain) [[unlikely]] {
      if (how == ready_msg::elsewhere) family().follows.store(true, std::memory_order_relaxed);
      else due = arrivals.force();
    }
    if (arrivals.arrive() || due) schedule();
  } else if (auto turn = content_of<turn_msg>(*m)) {
    const failure* refusal = turn->refusal;
    m.reset();
    take_turn(refusal);
  } else if (auto cancel = content_of<cancel_msg>(*m)) {
    const cancel_msg how = *cancel;
    m.reset();
    domain& d = *domain_;
    const cancel_result result = ask_to_end(how.in_ring         ? kin::ring
                                            : how.past_deadline ? kin::deadline
                                                                : kin::cancel);
    if (how.into) *how.into = result;
    if (how.who) send_ready(d, *how.who, nullptr);
  } else {
    refuse(*m);
  }
}

void task::schedule() noexcept { schedule(seat::mine()); }
void task::schedule(seat& s) noexcept {
  // Once it is published, it may run, end, and its runtime with it: nothing of either is touched
  // then.
  caf::actor_system& system = domain_->system();
  const bool at_once = domain_->at_once();
  if (extras_ || type_.role == task_role::method || follows()) [[unlikely]]
    return schedule_as_asked(s);
  publish();
  queue(system, at_once, s);
}

// What is published may be gone at once. False: it was not.
template <class Publish> bool task::publish_as_asked(seat& s, Publish publish) noexcept {
  caf::actor_system& system = domain_->system();
  const bool at_once = domain_->at_once();
  const int priority = at_once ? this->priority() : 0;
  job_hub* const hub = domain_->hub();
  const bool aside = blocking() && at_once && stage_ < stage::unbegun;
  domain& d = *domain_;
  if (!publish()) return false;
  if (aside) d.run_aside(*this);
  else if (priority != 0) hub->push_keyed(this, advance_of(priority));
  else queue(system, at_once, s);
  return true;
}

// With options, or of a call.
void task::schedule_as_asked(seat& s) noexcept {
  if (type_.role == task_role::method) {
    if (turn().outside) return ask_turn_back();
    if (stage_ == stage::pending && !turn().has_turn) return ask_turn();
  } else if (stage_ == stage::admitting) {
    stage_ = stage::pending;
    if (extras_->asks.leaves && leave_for_resources()) return;
  } else if (stage_ == stage::pending && (must_leave() || follows()) && leave_home()) return;
  else if (stage_ == stage::pending && wants_resources()) return ask_resources();
  if (auto w = domain_->observed_by(); w && stage_ == stage::pending) [[unlikely]]
    w->saw(moment::queued, *this);
  publish_as_asked(s, [this] {
    publish();
    return true;
  });
}

// Its turn has come. False: it has settled meanwhile.
bool task::queue_in_turn(seat& s) noexcept {
  return publish_as_asked(s, [this] {
    claim in_line = claim::in_line;
    return out_->claim.compare_exchange_strong(in_line,
                                               is_private() ? claim::reserved : claim::queued);
  });
}

inline void task::publish() {
  if (parked_on_) woken_.store(parked_on_, std::memory_order_release);
  else if (stage_ != stage::pending) woken_.store(own_step(), std::memory_order_release);
  else out_->claim.store(is_private() ? claim::reserved : claim::queued, std::memory_order_release);
}

inline void task::queue(caf::actor_system& system, bool at_once, seat& s) {
  auto unit = s.unit_of(system);
  if (unit && s.on && !s.visiting && !s.running && !s.next && at_once)
    s.next = this;  // sent by a task that has just ended
  else if (unit) unit->exec_later(this);
  else system.scheduler().enqueue(this);
}

bool task::claim_it() { return out_->claim_it(is_private() ? claim::reserved : claim::queued); }

// ---- running ------------------------------------------------------------------------------------

bool task::has_more_tries() const {
  if (type_.role == task_role::plain) return extras_->attempt <= extras_->options.retries;
  return turn().tries > 0;
}

void task::run() noexcept {
  end_wait();  // for inputs
  if (extras_) [[unlikely]] {
    if (keeps_call()) return forget_call();
    if (goes_elsewhere()) return;
  }
  task* outer = std::exchange(seat::mine().running, this);
  verdict v;
  const failure* failed = nullptr;
  const stage before = std::exchange(stage_, stage::running);
  if (before == stage::suspended) waits_for_objects(false);
  const bool replied = before == stage::away && has_reply(),
             resumed = before == stage::suspended || replied;
  bool again = false;
  const bool plain = type_.role == task_role::plain;
  const bool has_tries = (extras_ || !plain) && has_more_tries();
  if (!resumed && domain_->stopping()) failed = domain_->ended_early(*this);
  else if (!resumed && !rests() && asked_to_end()) failed = early_end(family().asked_in_all());
  else {
    // the only place that catches everything: what a body throws is its object's outcome
    try {
      if (auto w = domain_->observed_by()) [[unlikely]] {
        if (!replied || !rests())
          w->saw(resumed && !replied ? moment::resume : moment::begin, *this,
                 outer ? static_cast<std::int64_t>(outer->number()) : 0);
        if (!resumed) domain_->may_fail(weak_point::body);
      }
      v = replied ? take_reply()
                  : (has_tries ? type_.run_again : type_.run)(call(), out_->storage());
      if (v.is == verdict::failed_input)
        failed = failure::through(*static_cast<const failure*>(v.which->value), name_of_task());
      else if (!plain && v.is != verdict::suspended) save_actor();
    } catch (const brought& b) {
      failed = b.why;
      again = plain ? has_tries && failed->kind_of() == failure::kind::thrown : broke_elsewhere(b);
    } catch (...) {
      again = plain ? has_tries && deserves_retry() : broke_its_actor();
      failed = failure::of_exception(name_of_task(), std::current_exception());
    }
    if (kin::any_standing() && v.is != verdict::suspended && !rests()) [[unlikely]]
      if (const auto why = family().asked_in_all(); why != kin::no) {  // whatever it gave
        again = false;
        if (failed) failed->release();
        else if (v.is == verdict::forward && v.which) v.which->drop();
        else if (v.is == verdict::value && out_->type->destroy)
          out_->type->destroy(out_->storage());
        failed = early_end(why);
      }
  }
  seat& s = seat::mine();  // perhaps of another thread by now
  s.on->check();
  if (!failed && v.is == verdict::suspended) {
    s.running = outer;
    return suspend(*v.which);
  }
  again = again && !domain_->stopping();
  if (extras_) [[unlikely]] {
    extras_->standing = {};
    if (failed && keeps_call()) give_up_call();
  }
  if (!again && !keeps_call()) destroy_call();
  seat& now = type_.destroy ? seat::mine() : s;  // an argument's destructor may have waited
  now.running = outer;
  if (extras_) [[unlikely]]
    give_back_resources();
  if (!plain && !again) leave_turn(failed);
  if (again) {
    if (!plain) return ask_turn_again(failed);
    failed->release();
    return back_off();
  }
  if (failed) settle({outcome::failure, failed}, now);
  else if (v.is == verdict::forward) forward(v.which, v.levels);
  else settle({outcome::value, out_->storage()}, now);
}

void task::settle_unstarted(std::exception_ptr why) {
  end_wait();
  if (auto w = domain_->observed_by(); w && stage_ == stage::suspended) [[unlikely]]
    w->saw(moment::resume, *this);  // a coroutine, for the last time: its frames are destroyed
  if (stage_ == stage::suspended) waits_for_objects(false);
  destroy_call();
  if (extras_) give_back_resources();
  const failure* failed = failure::of_exception(name_of_task(), std::move(why));
  if (type_.role != task_role::plain) leave_turn(failed);
  settle({outcome::failure, failed});
}

void put_msg::keep() {
  if (o->maker) maker = caf::strong_actor_ptr{o->maker->ctrl()};
}

[[gnu::always_inline]] inline void task::put_outcome(outcome how, seat& s) {
  kin& k = family();
  if (k.spawned != 0) k.pass_by_settled(s.gone, [&s](kin* gone) { free_block_of(gone, s); });
  if (!rests()) {
    k.settled.store(true, std::memory_order_release);
    domain_->settled(*this, how, s);
  }
  object* last = out_;
  if (extras_) [[unlikely]]
    finish_feeding(how.is == outcome::failure ? static_cast<const failure*>(how.what) : nullptr);
  shard_of(*out_).store->tell(put_msg{out_, how});
  if (extras_ && type_.parts) [[unlikely]]
    last = settle_parts(how);
  if (last->is_sealed() && exposed_)
    tell_monitors();  // else the store tells them when it has taken the put in
}

void task::settle(outcome how) { settle(how, seat::mine()); }
void task::settle(outcome how, seat& s) {
  put_outcome(how, s);
  if (extras_) [[unlikely]]
    finish();
  else end(s);
}

// It has settled, and its call is gone.
void task::finish() {
  if (extras_ && extras_->stop) domain_->remove_token(*this);
  if (keeps_call()) return keep_call();
  if (!extras_ || extras_->options.deadline <= duration::zero()) return end(seat::mine(), rests());
  stage_ = stage::leaving;        // the clock may know it still
  intrusive_ptr_add_ref(ctrl());  // for a place in a queue
  await_itself(1);
  domain_->clock().actor().tell(wake_msg{&extras_->deadline});
  if (arrivals.leave()) schedule();
}

inline void task::end(seat& s, bool rested) {
  domain& d = *domain_;
  d.ending(*this);
  release_run(s);
  if (rested) d.set_is_gone();
  else d.ended(s);
}

// A functor that a user has attached runs here, perhaps inside a store's handler: it must not wait,
// and what dies meanwhile is buried afterwards.
void task::tell_monitors() {
  seat& s = seat::mine();
  object* dead = nullptr;
  object** const outer = std::exchange(s.burying, &dead);
  tell_observers();
  s.burying = outer;
  if (dead) bury(dead, s);
}

// Settles here and now; its call is destroyed, and its waits are taken back, where it is taken from
// a queue.
void task::end_unbegun(kin::asked why, bool queued) {
  if (queued) intrusive_ptr_add_ref(ctrl());  // the place that it has there will be stale
  if (queued && type_.role == task_role::method) turn().met.store(true);  // its turn has come
  out_->claim.store(claim::claimed);
  stage_ = stage::unbegun;
  const failure* failed = early_end(why);
  if (type_.role == task_role::constructor) leave_turn(failed);
  put_outcome({outcome::failure, failed}, seat::mine());
  schedule();
}

// It has settled without having begun, or the clock was to forget it.
void task::leave() {
  if (!take_back()) return;
  if (stage_ == stage::unbegun) {
    destroy_call();
    if (type_.role == task_role::method) return end_without_turn();
    if (extras_) give_back_resources();
    return finish();
  }
  end(seat::mine(), rests());
}

}  // namespace troupe::detail
