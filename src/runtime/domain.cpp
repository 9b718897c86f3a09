// SPDX-License-Identifier: MIT
#include "runtime/domain.hpp"

#include "actors/lane_policy.hpp"
#include "actors/responder.hpp"
#include "actors/task.hpp"
#include "runtime/failure.hpp"
#include "runtime/requirements.hpp"
#include "runtime/wait.hpp"
#include "seeing/files.hpp"
#include "seeing/inspector.hpp"

#include <troupe/caf.hpp>

#include <caf/actor_cast.hpp>
#include <caf/logger.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <thread>

namespace troupe {

void configure(caf::actor_system_config& config, unsigned workers) {
  config.set(
      "scheduler.max-threads",
      std::size_t{workers > 0 ? workers : std::max(1u, std::thread::hardware_concurrency())});
  config.set("scheduler.max-throughput", std::size_t{100});
  config.add_error_category(caf::atom("troupe"), detail::render_error);
  config.module_factories.push_back([](caf::actor_system& sys) -> caf::actor_system::module* {
    return new detail::lane_coordinator(sys);
  });
}

namespace detail {

struct domain::own_system {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  explicit own_system(unsigned workers) {
    configure(config, workers);
    system = std::make_unique<caf::actor_system>(config);
    // This thread would otherwise keep the logger, for which ~actor_system waits: on another thread
    // for ever.
    caf::logger::set_current_actor_system(nullptr);
  }
};

namespace {
std::atomic<std::uint64_t> numbers{1};
// All runtimes of the process that have not ended, so that one that ends can take back its waits
// for the objects of others.
struct living_runtimes {
  std::mutex mutex;
  std::vector<domain*> all;
};
living_runtimes& living() {  // never destroyed: a static runtime may end later than any static
  static auto* l = new living_runtimes;
  return *l;
}
}  // namespace

domain::domain(caf::actor_system* external, runtime_options options)
    : number_(numbers.fetch_add(1)),
      options_(std::move(options)),
      own_(external ? nullptr : std::make_unique<own_system>(options_.workers)),
      system_(external ? external : own_->system.get()),
      node_(system_->node()),
      inner_scope_(this),
      books_(seat::most) {
  if (auto lanes = dynamic_cast<lane_coordinator*>(&system_->scheduler())) hub_ = &lanes->hub();
  else if (!(stepped_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler())))
    throw error(
        "the actor system has another scheduler than Troupe's: call troupe::configure(config) "
        "before the actor_system is made from it");
  options_.workers = static_cast<unsigned>(system_->scheduler().num_workers());
  auto watched = stepped_ ? dynamic_cast<const watched_config*>(&system_->config()) : nullptr;
  if (watched && watched->by->attach(*this)) watcher_ = watched->by;
  nowhere_.inside = this;
  shards_.resize(std::bit_ceil(std::clamp<std::size_t>(options_.workers + 2, 8, 64)));
  for (auto& s : shards_) {
    s.inside = this;
    s.store = store_actor::make(*system_, s.store_handle, at_once(), *this);
    s.resolver = resolver_actor::make(*system_, s.resolver_handle, at_once(), *this);
  }
  store_front_ = make_store_front(*system_);
  clock_ = std::make_unique<detail::clock>(*this);
  if (const auto totals = totals_of(options_); !totals.empty())
    admission_ = admission_actor::make(*system_, admission_handle_, at_once(), *this, totals);
  if (options_.max_unsettled_tasks > 0 || options_.max_argument_bytes > 0)
    gate_ =
        std::make_unique<gate>(*this, options_.max_unsettled_tasks, options_.max_argument_bytes);
  inspector_ = std::make_unique<detail::inspector>(*this);
  if (watcher_) observer_ = watcher_;
  else if (at_once() && is_logged(options_)) {
    keep_log(true);
    writes_log_ = true;
  }
  if (gate_ || options_.count_names || watcher_) notes_ = true;
  std::lock_guard guard{living().mutex};
  living().all.push_back(this);
}

domain::~domain() = default;

void domain::end() {
  if (const task* me = seat::mine().running; me && &me->inside() == this) {
    std::fputs("troupe: a runtime is destroyed by one of its own tasks, which it would wait for\n",
               stderr);
    std::terminate();
  }
  inspector_->ask_to_stop();
  wait_until([this] { return inspector_->has_ended(); });
  inspector_->stop();
  stop();
  closing_.store(true);
  close_resolvers(number_);
  if (awaits_abroad_.load()) each_other([&](domain& other) { other.close_resolvers(number_); });
  clock_->actor().tell(close_msg{number_});
  tell_tokens(true);
  wait_until([this] { return all_ended() && sweeps_.load() == 0 && hosts_.empty(); });
  lives_->store(false);
  // Another runtime's resolver may still be on its way out of a task of this one that it answered.
  if (awaits_abroad_.load())
    each_other([](domain& other) {
      (void)other.ask_shards(false);
      while (other.streams_.answering.load() != 0) std::this_thread::yield();
    });
  aside_.stop();
  clock_->stop();
  // From here on only refs that outlive the runtime send messages, and those run where they are
  // called.
  std::vector<totals> all(2 * shards_.size());
  std::size_t i = 0;
  const std::size_t others = (admission_ ? 1 : 0) + (gate_ ? 1 : 0);
  await_answers(*this, all.size() + others, [&](caf::abstract_actor& me) {
    if (admission_) admission_->tell(retire_msg{nullptr, &me});
    if (gate_) gate_->actor().tell(retire_msg{nullptr, &me});
    for (auto& s : shards_) {
      s.store->tell(retire_msg{&all[i++], &me});
      s.resolver->tell(retire_msg{&all[i++], &me});
    }
  });
  // All is answered, and all objects are sealed: what is on its way to a set comes in.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  wait_until([this] { return standing_sets_.load(std::memory_order_seq_cst) == 0; });
  if (gate_) gate_->stop();
  std::size_t gone = 0;
  for (auto& t : all) gone += t.store.gone;
  if (admission_) admission_->cleanup(caf::error{}, nullptr);
  if (gate_) gate_->actor().cleanup(caf::error{}, nullptr);
  end_store_front(store_front_);
  for (auto& s : shards_) {
    s.store->cleanup(caf::error{}, nullptr);
    s.resolver->cleanup(caf::error{}, nullptr);
  }
  {
    std::lock_guard guard{living().mutex};
    living().all.erase(std::find(living().all.begin(), living().all.end(), this));
  }
  if (watcher_) std::exchange(watcher_, nullptr)->closing(clock_->now());
  observer_ = nullptr;
  logging_ = nullptr;
  if (writes_log_) write_what_was_seen(*log_, options_);
  clock_.reset();
  own_.reset();
  const auto alive =
      static_cast<std::int64_t>(total(&books::made)) - static_cast<std::int64_t>(gone);
  // Until now it went below zero with each object that died after its store had retired: so only the
  // last of them, or this function, takes it from one to zero.
  orphans_.fetch_add(alive + 1, std::memory_order_acq_rel);
  orphan_gone();
}

// Before such a wait is sent: either end() sees that there are some, or this sees that it did not.
void domain::awaits_abroad(shard& s) {
  awaits_abroad_.store(true);
  if (closing_.load()) s.resolver->tell(close_msg{number_});
}

// Under the lock: none of them ends meanwhile. What dies on this stack is buried after it.
void domain::each_other(const std::function<void(domain&)>& f) {
  object* dead = nullptr;
  object** const outer = std::exchange(seat::mine().burying, &dead);
  {
    std::lock_guard guard{living().mutex};
    for (auto other : living().all)
      if (other != this) f(*other);
  }
  seat::mine().burying = outer;
  if (dead) bury(dead);
}

void domain::close_resolvers(std::uint64_t party) {
  for (auto& s : shards_) s.resolver->tell(close_msg{party});
  streams_.close(party);
  if (gate_) gate_->actor().tell(close_msg{party});
}

caf::actor domain::find_task(object& o) {
  refuse_waits();
  caf::actor found;
  await_answers(*this, 1, [&](caf::abstract_actor& me) {
    shard_of(o).store->tell(find_task_msg{&o, &found, &me});
  });
  return found;
}

// ---- the end ------------------------------------------------------------------------------------

// Who waits to begin, or to submit, is told now.
void domain::stop() {
  stopping_.store(true);
  clock_->actor().tell(no_tries_msg{});
  if (admission_) admission_->tell(close_msg{number_});
  if (gate_) gate_->actor().tell(close_msg{number_});
  stop_hosts();
}

void domain::stop_hosts() {
  for (auto& handle : hosts_.handles()) {
    auto h = static_cast<host_actor*>(caf::actor_cast<caf::abstract_actor*>(handle));
    h->tell(stop_host_msg{failure::make(
        failure::kind::cancelled, options_.name,
        "the call was cancelled: the runtime '" + options_.name + "' of its actor was stopped")});
  }
}

const failure* domain::ended_early(const task& t) const {
  const std::string name{t.name_of_task()};
  return failure::make(failure::kind::cancelled, name,
                       "task '" + name + "' was cancelled: its runtime '" + options_.name +
                           "' was stopped before it had a value");
}

// ---- cancelling ---------------------------------------------------------------------------------

void domain::sweep() {
  kin* some[32];
  auto wanted = [](kin& k) {  // each once: it is asked now, or has settled
    return k.was_asked() == kin::no && !k.settled.load() && k.asked_in_all() == kin::ancestor;
  };
  auto hold = [](kin& k) { caf::intrusive_ptr_add_ref(task::of(k).ctrl()); };
  int done = 0;
  do {
    for (std::size_t n = 1; n > 0;) {
      n = waiting_.gather(some, std::size(some), wanted, hold);
      for (std::size_t i = 0; i < n; ++i) {
        (void)task::of(*some[i]).ask_to_end(kin::ancestor);
        task::of(*some[i]).release();
      }
    }
    tell_tokens(false);
    ++done;
  } while (take_sweep());
  sweeps_.fetch_sub(done);  // the last touch: the domain may be gone after it
}

// What users have registered runs without the lock.
void domain::tell_tokens(bool all) {
  std::vector<std::stop_source> asked;
  {
    std::lock_guard guard{tokens_mutex_};
    for (task* t : tokens_)
      if (auto& source = *t->stop_source(); !source.stop_requested() && (all || t->asked_to_end()))
        asked.push_back(source);
  }
  for (auto& source : asked) source.request_stop();
}

void domain::add_token(task& t) {
  std::lock_guard guard{tokens_mutex_};
  tokens_.push_back(&t);
}

void domain::remove_token(task& t) {
  std::lock_guard guard{tokens_mutex_};
  const auto at = std::find(tokens_.begin(), tokens_.end(), &t);
  *at = tokens_.back();
  tokens_.pop_back();
}

void domain::drain() {
  if (const task* me = seat::mine().running; me && &me->inside() == this)
    throw error(
        "drain() inside a task would wait for that task itself: call it from the program, or get "
        "the refs that are to be settled");
  refuse_waits();
  wait_until([this] { return all_ended(); });
}

// A task that ends tells nobody: it would pay for that each time, and could not touch the domain
// after it has counted itself. So look now and then; meanwhile a task parks, and a worker that runs
// a CAF actor's handler runs tasks.
void domain::wait_until(const std::function<bool()>& holds) {
  if (!at_once()) {
    while (!holds())
      if (!step()) throw deadlock("nothing can go on, and " + unended() + " have not ended");
    return;
  }
  for (auto nap = std::chrono::microseconds(10); !holds();
       nap = std::min(2 * nap, std::chrono::microseconds(1000))) {
    seat& s = seat::mine();
    if (s.running && !s.running->inside().closing()) {
      try {
        sleep_in_task(s.running->inside(), nap);
      } catch (
          const error&) {  // that task's runtime ends as well, or a value's destructor is running
        std::this_thread::sleep_for(nap);
      }
    } else if (caf::resumable* job = s.worker && s.home == hub_ ? hub_->next(*s.lane) : nullptr) {
      if (is_task(*job)) resume_task(static_cast<task*>(job));
      else if (!run_if_answer(*job, *s.unit)) hub_->push_inbox(job);
    } else {
      std::this_thread::sleep_for(nap);
    }
  }
}

std::string domain::unended() const {
  return std::to_string(total(&books::submitted) - total(&books::ended)) + " tasks";
}

void domain::run_aside(task& t) {
  if (gate_) gate_->enter_busy();
  if (aside_.push(t)) return;
  ran_aside();
  system_->scheduler().enqueue(&t);
}

std::shared_ptr<outside> domain::outside() const {
  std::lock_guard guard{outside_mutex_};
  return outside_;
}
void want_here(object& o) noexcept {
  const shard* s = o.home.load(std::memory_order_relaxed);
  if (auto where = s->inside->outside()) where->fetch(o);
}

void domain::open(std::shared_ptr<detail::outside> where) {
  std::lock_guard guard{outside_mutex_};
  is_node_.store(where != nullptr, std::memory_order_relaxed);
  outside_ = std::move(where);
}

// ---- deterministic scheduler --------------------------------------------------------------------

namespace {
// A message on its way: under a deterministic scheduler it has a turn of its own.
template <class M> class delivery final : public caf::resumable, public caf::ref_counted {
public:
  delivery(domain& d, caf::abstract_actor& who, M m) : domain_(d), who_(who.ctrl()), message_(m) {}
  resume_result resume(caf::execution_unit* unit, std::size_t) override {
    stack_letter<M> m{message_};
    who_->enqueue(caf::mailbox_element_ptr{&*m}, unit);
    if constexpr (std::is_same_v<M, cancel_msg>)
      if (domain_.take_sweep()) domain_.sweep();
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }

private:
  domain& domain_;
  caf::strong_actor_ptr who_;
  M message_;
};
}  // namespace

template <class M> void domain::deliver_later(caf::abstract_actor& who, M m) {
  system_->scheduler().enqueue(new delivery<M>(*this, who, m));
}
template void domain::deliver_later(caf::abstract_actor&, ready_msg);
template void domain::deliver_later(caf::abstract_actor&, cancel_msg);
template void domain::deliver_later(caf::abstract_actor&, turn_msg);

bool domain::step(std::int64_t limit) { return together_ ? together_(limit) : step_alone(limit); }
bool domain::step_alone(std::int64_t limit) {
  if (runnable() == 0 && gate_ && gate_->actor().core().tasks_wait() && clock_->sleepers() == 0) {
    gate_->actor().tell(idle_msg{true});  // and not on to a deadline, which is nobody's to wait for
    return true;
  }
  if (runnable() == 0 && inspector_->look_at_rest()) return true;
  return watcher_ ? watched_step(limit) : stepped_->try_run_once() || clock_->advance(limit);
}

// The same in the order that the watcher chooses. When it is slow, a time limit may pass before
// what is runnable has run.
bool domain::watched_step(std::int64_t limit) {
  watcher_->turn();
  if (watcher_->looks() && inspector_->look()) return true;
  auto& jobs = stepped_->jobs;
  const bool idle = jobs.empty();
  if (idle || watcher_->fails(weak_point::slow)) {
    const bool goes_on = clock_->advance(limit, watcher_->lateness());
    if (goes_on || limit != timers::never) watcher_->saw_time(clock_->now());
    if (goes_on || idle || limit != timers::never) return goes_on;
  }
  const auto job = jobs.begin() + static_cast<std::ptrdiff_t>(watcher_->choose_job(jobs.size()));
  std::rotate(jobs.begin(), job, job + 1);
  return stepped_->try_run_once();
}

std::size_t domain::runnable() const { return stepped_->jobs.size(); }

// Any thread could have been the first to send a message about the object: its shard is any. A few
// are enough to meet in one, or not.
shard& domain::any_shard() { return shards_[watcher_->choose_shard(3)]; }

}  // namespace detail
}  // namespace troupe
