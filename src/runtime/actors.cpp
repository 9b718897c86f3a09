// SPDX-License-Identifier: MIT
// Stateful actors at the door: how they are made, found and named.
#include "actors/host.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "runtime/functions.hpp"
#include "runtime/requirements.hpp"
#include "runtime/settings.hpp"

#include <troupe/actor.hpp>

namespace troupe::detail {

namespace {
void check_actor_options(const actor_type& type, const task_options& o) {
  const std::string actor = "actor '" + (o.name.empty() ? std::string(type.name) : o.name) + "': ";
  auto refuse = [&](bool given, const char* what) {
    if (given) throw error(actor + what);
  };
  refuse(o.retries != 0, "retries are of a task: an actor has restarts, and retry_calls");
  refuse(o.retry_on,
         "retry_on is of a task: a method throws actor_broken to have its actor restarted");
  refuse(o.deadline != duration::zero(),
         "an actor has no deadline: give it to a call, with({.deadline = ...}).call<...>()");
  refuse(!o.resources.empty(),
         "an actor cannot ask for resources: let its methods submit tasks that do");
  refuse(o.stream_buffer != 0,
         "stream_buffer is of a call: with({.stream_buffer = ...}).call<...>()");
  refuse(o.retry_calls != 0 && o.restarts == 0,
         "retry_calls without restarts: a call is tried again on an actor that was made again");
  refuse(o.snapshot_every != 0 && (o.restarts == 0 || !type.save),
         "snapshot_every is for a class with snapshot() and restore(), and an actor with restarts");
  refuse(o.backoff.first < duration::zero() || o.backoff.most < duration::zero() ||
             !(o.backoff.factor >= 1),
         "a back-off wants first >= 0, factor >= 1 and most >= 0");
  if (o.stack_size != 0) check_stack_size(o.stack_size, "task_options.stack_size");
}

// Its labels are not those of its own runtime.
void check_actor_elsewhere(const actor_type& type, const task_options& o, const task_type* maker) {
  const std::string actor = "actor '" + (o.name.empty() ? std::string(type.name) : o.name) +
                            "' would live on another node, which has its labels: ";
  if (!maker) throw error(actor + "an argument of its constructor is not encodable");
  const known_function& made = maker->travels->function();
  if (const auto own = find_function(made.name, made.types); own.other_types)
    throw error(actor + own.why_not);
  if (o.reentrant) throw error(actor + "it cannot be reentrant there");
  if (o.restarts > 0 && type.save && !type.snapshot)
    throw error(actor + "what its snapshot() gives is not encodable");
}
}  // namespace

void is_made_by(hosted& h, const task& constructor) noexcept {
  host_of(h).constructor = constructor.id();
}

hosted* create_actor(domain& d, const actor_type& type, const task_options* options,
                     const task_type* maker) {
  if (d.stopping()) throw cancelled("no actor is made any more: the runtime was stopped");
  bool elsewhere = false;
  if (options) {
    check_actor_options(type, *options);
    elsewhere = !can_meet(d.options(), *options) && d.outside();
    if (elsewhere) check_actor_elsewhere(type, *options, maker);
    else check_labels(d.options(), *options);
  }
  host* h = host::make(type, d, options, elsewhere);
  if (d.stopping()) d.stop_hosts();  // which may have been before it was there
  return h;
}

void give_up_actor(hosted& h) {
  host_of(h).actor->tell(born_msg{failure::make(failure::kind::cancelled, h.type->name,
                                                "its constructor could not be submitted")});
}

hosted* find_actor(domain& d, const std::string& name, const actor_type& type) {
  return d.hosts().find(name, type);
}

void check_call_options(const task_options& o) {
  if (o.retries != 0 || o.retry_on || !o.resources.empty() || o.concurrency != 0 || o.reentrant ||
      o.restarts != 0 || o.retry_calls != 0 || o.snapshot_every != 0 || o.detached)
    throw error(
        "a call's options are name, deadline, priority, labels, blocking, stack_size and "
        "stream_buffer; the others are given to the actor, or to a task");
}

void add_options_of(const hosted& h, task_options& options) {
  if (!h.elsewhere && h.lives->load(std::memory_order_acquire))
    check_labels(h.inside->options(), options);
  const task_options& own = h.calls;
  options.blocking |= own.blocking;
  if (options.stack_size == 0) options.stack_size = own.stack_size;
  if (options.priority == 0) options.priority = own.priority;
  options.labels.insert(options.labels.end(), own.labels.begin(), own.labels.end());
}

void check_pool_size(std::size_t n) {
  if (n == 0 || n > 65536) throw error("a pool has 1 to 65536 actors, not " + std::to_string(n));
}

std::size_t least_busy(hosted* const* hosts, std::size_t n) {
  if (n == 0)
    throw error("a pool that was default-constructed has no actors: use actor_pool<T>(n)");
  thread_local std::size_t last = 0;
  std::size_t best = ++last % n;
  auto least = hosts[best]->load.load(std::memory_order_relaxed);
  for (std::size_t k = 1, i = best; k < n && least != 0; ++k) {
    if (++i == n) i = 0;
    if (const auto load = hosts[i]->load.load(std::memory_order_relaxed); load < least) {
      least = load;
      best = i;
    }
  }
  return last = best;
}

domain& domain_of(const hosted& h) {
  if (!h.lives->load(std::memory_order_acquire))
    throw cancelled("the runtime of actor '" + name_of_actor(h) + "' has ended");
  return *h.inside;
}

const task_scope& inner_scope_of(const hosted& h) { return domain_of(h).inner_scope(); }
const std::string& name_of_actor(const hosted& h) { return host_of(h).name; }

void throw_no_actor() {
  throw error("a handle that names no actor: it was default-constructed or moved from");
}
void throw_not_copyable(const hosted& h) {
  throw error("actor '" + name_of_actor(h) +
              "' cannot have restarts: an argument of its constructor cannot be copied. Make it "
              "inside the constructor, or take it by a shared_ptr");
}
void throw_no_retry_of_call(const hosted& h, std::string_view method) {
  throw error("'" + std::string(method) + "' of actor '" + name_of_actor(h) +
              "' cannot be tried again (retry_calls): it gives a stream, or takes by value what "
              "cannot be copied");
}

void throw_call_stays(const hosted& h, std::string_view method) {
  throw error("'" + std::string(method) + "' of actor '" + name_of_actor(h) +
              "' cannot be called: the actor lives on another node, and the method gives a stream, "
              "or what it takes or gives is not encodable");
}

}  // namespace troupe::detail
