// SPDX-License-Identifier: MIT
// The door's functions that are no templates.
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include "actors/slab_pool.hpp"
#include "actors/task.hpp"
#include "runtime/settings.hpp"
#include "runtime/wait.hpp"

#include <troupe/caf.hpp>

namespace troupe {

namespace {
detail::task& running() {
  detail::task* t = detail::seat::mine().running;
  if (!t)
    throw error("here() is for a running task: this thread runs none; a program uses its runtime");
  return *t;
}
runtime_options for_system(runtime_options options) {
  if (options.workers != 0)
    throw error(
        "runtime_options.workers: the program's actor system has its workers already; give their "
        "number to troupe::configure");
  return options;
}
}  // namespace

const task_scope& here() { return running().inside().inner_scope(); }
std::string_view task_scope::name() const { return running().name_of_task(); }
std::stop_token task_scope::stop_token() const { return running().stop_token(); }
unsigned task_scope::attempt() const { return running().attempt(); }

statistics scope::stats() const { return domain_->stats(); }

runtime::runtime(runtime_options options)
    : runtime(nullptr, detail::settle_options(std::move(options))) {}
runtime::runtime(int& argc, char** argv, runtime_options options)
    : runtime(nullptr, detail::settle_options(std::move(options), &argc, argv)) {}
runtime::runtime(caf::actor_system& system, runtime_options options)
    : runtime(&system, detail::settle_options(for_system(std::move(options)))) {}
runtime::runtime(caf::actor_system* system, runtime_options options)
    : scope(new detail::domain(system, std::move(options))),
      inside_(inside()) {}
runtime::~runtime() { inside_->end(); }

void runtime::stop() { inside_->stop(); }
void runtime::drain() const { inside_->drain(); }
std::vector<name_count> runtime::counts() const { return inside_->name_counts(); }
const runtime_options& runtime::options() const { return inside_->options(); }
caf::actor_system& runtime::system() const { return inside_->system(); }
caf::actor runtime::store_actor() const { return inside_->store_front(); }
std::vector<caf::actor> runtime::store_actors() const {
  std::vector<caf::actor> all;
  for (auto& s : inside_->shards()) all.push_back(s.store_handle);
  return all;
}
std::vector<caf::actor> runtime::resolver_actors() const {
  std::vector<caf::actor> all;
  for (auto& s : inside_->shards()) all.push_back(s.resolver_handle);
  return all;
}

namespace detail {

namespace {
void check_options(const task_options& o, const task_type& type) {
  const std::string name{o.name.empty() ? type.name : std::string_view{o.name}};
  if (o.stack_size != 0) check_stack_size(o.stack_size, "task_options.stack_size");
  if (o.deadline < duration::zero())
    throw error("task '" + name + "': its deadline is " + in_words(o.deadline) +
                "; it counts from the submit, and 0 means none");
  if (o.concurrency != 0 || o.reentrant || o.restarts != 0 || o.retry_calls != 0 ||
      o.snapshot_every != 0 || o.detached)
    throw error("task '" + name +
                "': concurrency, reentrant, restarts, retry_calls, snapshot_every and detached are "
                "of actors: with({...}).actor<T>(...)");
  if (o.retries == 0) return;
  if (!type.run_again)
    throw error("task '" + name +
                "' cannot be tried again: an argument that it takes by value cannot be copied. "
                "Take it by const T&, or put() it first");
  if (o.backoff.first < duration::zero() || o.backoff.most < duration::zero() ||
      !(o.backoff.factor >= 1))
    throw error("task '" + name + "': a back-off wants first >= 0, factor >= 1 and most >= 0");
}
}  // namespace

new_task create_task(domain& d, const task_type& type, const task_options* options) {
  if (d.stopping()) throw cancelled("no task is submitted any more: the runtime was stopped");
  if (options) check_options(*options, type);
  seat& s = seat::mine();
  object* out = allocate_object(d, *type.result, s);
  try {
    task* t = task::make(d, type, out, options, s);
    return {t->call(), t, out, t->parts()};
  } catch (...) {
    out->holds.store(1, std::memory_order_relaxed);
    abandon_object(out);
    throw;
  }
}

namespace {
bool start_at_bound(domain& d, new_task& t, object* const* missing, std::size_t n, bool only_try) {
  // While it is at the bound it counts as a task that has not ended: the runtime's end waits for it.
  d.count(seat::mine(), &books::reached_bound);
  t.at_bound = true;
  const std::size_t bytes = d.options().max_argument_bytes > 0 ? t.actor->measure() : 0;
  if (!pass_gate(d, bytes, only_try)) return false;
  try {
    t.actor->start(missing, n);
  } catch (...) {
    d.bound_gate()->actor().tell(left_msg{bytes});
    throw;
  }
  d.count(seat::mine(), &books::left_bound);
  return true;
}
}  // namespace

bool start_task(new_task& t, object* const* missing, std::size_t n, bool only_try) {
  domain& d = t.actor->inside();
  if (d.bound_gate() && !t.actor->is_constructor()) [[unlikely]]
    return start_at_bound(d, t, missing, n, only_try);
  t.actor->start(missing, n);
  return true;
}

void abandon_task(new_task t) noexcept {
  object* out = t.out;
  domain& d = t.actor->inside();
  t.actor->abandon();  // gives back the task's hold of the record
  abandon_object(out);
  if (t.at_bound) d.count(seat::mine(), &books::left_bound);
}

object* create_object(domain& d, const value_type& type) {
  object* o = allocate_object(d, type, seat::mine());
  o->holds.store(1, std::memory_order_relaxed);
  return o;
}

void put_failure(object& o, const failure* why) noexcept {
  shard& s = shard_of(o);
  if (auto w = s.inside->observed_by()) [[unlikely]]
    w->saw_put(o);
  s.store->tell(put_msg{&o, {outcome::failure, why}});
}

void put_object(object* o) noexcept {
  shard& s = shard_of(*o);
  if (auto w = s.inside->observed_by()) [[unlikely]]
    w->saw_put(*o);
  s.store->tell(put_msg{o, {outcome::value, o->storage()}});
}

void put_alias(object& o, object& of) noexcept {
  if (of.failed) {
    auto why = static_cast<const failure*>(of.value);
    why->retain();
    return put_failure(o, why);
  }
  shard& s = shard_of(o);
  if (auto w = s.inside->observed_by()) [[unlikely]]
    w->saw_put(o);
  of.retain();
  keeper(o) = &of;
  s.store->tell(put_msg{&o, {outcome::alias, of.value}});
}

void abandon_object(object* o) noexcept {
  domain& d = *o->home.load(std::memory_order_relaxed)->inside;
  if (auto w = d.watching()) w->saw_unmade(*o);
  d.count(seat::mine(), &books::made, -1);
  release_memory(o);
}

cancel_result cancel_object(domain& d, object* o) {
  if (!o) throw_empty_input();
  if (o->is_sealed()) return cancel_result::already_settled;
  refuse_waits();
  const task* running = seat::mine().running;
  if (domain& mine = running ? running->inside() : d; shard_of(*o).inside != &mine)
    mine.waits_abroad();
  auto result = cancel_result::already_settled;
  await_answers(d, 1, [&](caf::abstract_actor& me) {
    shard_of(*o).store->tell(cancel_msg{.o = o, .into = &result, .who = &me});
  });
  return result;
}

const task_scope& scope_of(const object* o) {
  if (!o) throw_empty_input();
  if (const task* t = seat::mine().running) return t->inside().inner_scope();
  return o->home.load(std::memory_order_relaxed)->inside->inner_scope();
}

caf::actor find_task_actor(domain& d, object* o) {
  if (!o) throw_empty_input();
  return d.find_task(*o);
}

}  // namespace detail

const char* caf_version() noexcept { return detail::caf_version_text(); }

}  // namespace troupe
