// SPDX-License-Identifier: MIT
#include "actors/shard.hpp"

#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace troupe::detail {

// ---- objects ------------------------------------------------------------------------------------

namespace {
std::size_t record_size(const value_type& type) {
  return object::offset(type.align) + std::max(type.size, sizeof(object*));
}
}  // namespace

object*& keeper(object& o) { return *static_cast<object**>(o.storage()); }

namespace {
object* make_object(domain& d, const value_type& type, seat& s) {
  auto o = new (s.blocks.take(record_size(type))) object(&d.nowhere(), &type);
  d.count(s, &books::made);
  return o;
}
[[gnu::noinline]] object* make_watched(domain& d, const value_type& type, seat& s) {
  d.may_fail(weak_point::memory);
  object* o = make_object(d, type, s);
  d.watching()->saw_made(*o);
  return o;
}
}  // namespace

object* allocate_object(domain& d, const value_type& type, seat& s) {
  if (d.watching()) [[unlikely]]
    return make_watched(d, type, s);
  return make_object(d, type, s);
}

void hold_memory(object* o) noexcept { o->holds.fetch_add(1, std::memory_order_relaxed); }

void release_memory(object* o) noexcept { release_memory(o, seat::mine()); }
void release_memory(object* o, seat& s) noexcept {
  if (o->holds.load(std::memory_order_acquire) != 1 &&
      o->holds.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  const std::size_t size = record_size(*o->type);
  o->~object();
  s.blocks.give(o, size);
}

shard& decide_shard(object& o) {
  shard* s = o.home.load(std::memory_order_relaxed);
  if (s->store) return *s;
  shard* mine = &s->inside->shard_here();
  return o.home.compare_exchange_strong(s, mine, std::memory_order_acq_rel,
                                        std::memory_order_acquire)
             ? *mine
             : *s;
}

void object::last_ref_gone() noexcept { shard_of(*this).store->tell(drop_msg{this}); }

bool object::sole() const noexcept {
  for (auto o = const_cast<object*>(this);; o = keeper(*o)) {
    if (o->refs.load(std::memory_order_acquire) != 1 && !o->split) return false;
    if (!o->aliased) return true;
  }
}

namespace {
[[gnu::noinline]] void bury_mourned(object* o, seat& s) noexcept {
  domain& told = *o->home.load(std::memory_order_relaxed)->inside;
  const bool is_watched = o->mourner == static_cast<std::uint8_t>(mourner::simulation);
  if (is_watched) told.watching()->saw_gone(*o);
  release_memory(o, s);
  if (!is_watched) told.orphan_gone();  // which may be gone then, too
}
}  // namespace

void bury(object* dead) noexcept { bury(dead, seat::mine()); }
void bury(object* dead, seat& s) noexcept {
  if (auto outer = s.burying) {  // a value that dies with another
    object* last = dead;
    while (last->next_dead) last = last->next_dead;
    last->next_dead = *outer;
    *outer = dead;
    return;
  }
  s.burying = &dead;
  while (object* o = dead) {
    dead = o->next_dead;
    if (o->failed) static_cast<const failure*>(o->value)->release();
    else if (o->aliased) keeper(*o)->drop();
    else if (o->type->destroy) o->type->destroy(o->storage());
    if (o->mourner) [[unlikely]]
      bury_mourned(o, s);
    else release_memory(o, s);
  }
  s.burying = nullptr;
}

namespace {
template <class M> void send(domain& d, caf::abstract_actor& who, M content) {
  if (!d.at_once()) return d.deliver_later(who, content);
  stack_letter<M> m{content};
  who.enqueue(caf::mailbox_element_ptr{&*m}, seat::mine().unit_of(d.system()));
}
}  // namespace
void send_ready(domain& d, caf::abstract_actor& who, waiter* w, ready_msg::kind how) {
  send(d, who, ready_msg{w, how});
}
void send_turn(domain& d, caf::abstract_actor& who, turn_msg m) { send(d, who, m); }
void send_cancel(domain& d, caf::abstract_actor& who, cancel_msg m) { send(d, who, m); }

// ---- the store ----------------------------------------------------------------------------------

store_core::store_core(domain& d)
    : domain_(d),
      mourner_(d.watching() ? mourner::simulation : mourner::nobody) {}

void store_core::on(put_msg& m) {
  object& o = *m.o;
  const auto effects = table_.put(o, m.how);
  o.maker = nullptr;
  o.lies.store(whereabouts::here, std::memory_order_release);
  if (effects.tell) shard_of(o).resolver->tell(sealed_msg{&o});
  if (m.maker) static_cast<task*>(caf::actor_cast<caf::abstract_actor*>(m.maker))->tell_monitors();
  if (effects.reap) reap(&o);
}

void store_core::on(drop_msg& m) {
  if (table_.drop(*m.o).reap) reap(m.o);
}

void store_core::on(watch_msg& m) {
  const auto effects = table_.watch(*m.o);
  if (effects.tell) shard_of(*m.o).resolver->tell(sealed_msg{m.o});
  if (effects.fetch) [[unlikely]]
    if (auto where = domain_.outside()) where->fetch(*m.o);
}

void store_core::on(ask_msg& m) {
  m.into->store = table_.counts();
  send_ready(domain_, *m.who, nullptr);
}

void store_core::on(retire_msg& m) {
  m.into->store = table_.counts();
  retired_ = true;
  mourner_ = mourner::runtime;
  errands_of(rest_, domain_).answer = m.who;
}

void store_core::on(find_task_msg& m) {
  if (!m.o->present && m.o->maker) {  // it cannot end before this store has its put
    m.o->maker->expose();
    *m.into = caf::actor_cast<caf::actor>(caf::strong_actor_ptr{m.o->maker->ctrl()});
  }
  send_ready(domain_, *m.who, nullptr);
}

void store_core::on(cancel_msg& m) {
  if (!m.o->present && m.o->maker) {
    send_cancel(domain_, *m.o->maker, m);  // its task answers
    if (!(rest_.more && rest_.more->sweep) && domain_.take_sweep())
      errands_of(rest_, domain_).sweep = true;  // else the one that is due takes this one along
    return;
  }
  if (m.into) *m.into = cancel_result::already_settled;
  if (m.who) send_ready(domain_, *m.who, nullptr);
}
void store_core::on(nudge_msg&) { errands_of(rest_, domain_).nudged.add(domain_); }

void store_core::reap(object* o) {
  o->mourner = static_cast<std::uint8_t>(mourner_) & 3;
  o->next_dead = rest_.dead;
  rest_.dead = o;
}

std::size_t store_core::unburied() const {
  std::size_t n = 0;
  for (const object* o = rest_.dead; o; o = o->next_dead) ++n;
  return n;
}

void store_core::run(const errands& e) {
  e.nudged.tell();
  if (e.answer) send_ready(*e.from, *e.answer, nullptr);
  if (e.sweep) e.from->sweep();
}

// ---- the resolver -------------------------------------------------------------------------------

void resolver_core::on(await_msg& m) {
  object& o = m.w->awaited();
  if (m.w->unheld) [[unlikely]]
    return await_unheld(*m.w, o);
  await(*m.w, o);
}

task_graph::answer resolver_core::await(waiter& w, object& o) {
  const auto found = graph_.await(o, w);
  switch (found) {
    case task_graph::answer::none: break;
    case task_graph::answer::fetch:
      if (auto where = domain_.outside()) where->fetch(o);
      [[fallthrough]];
    case task_graph::answer::watch: shard_of(o).store->tell(watch_msg{&o}); break;
    case task_graph::answer::ready:
      send_ready(domain_, *w.who, &w,
                 w.follows && graph_.is_elsewhere(o) ? ready_msg::elsewhere : ready_msg::plain);
  }
  return found;
}

// What nobody else may hold: its waiter hears that it has come in, and until then the object lives.
void resolver_core::await_unheld(waiter& w, object& o) {
  caf::abstract_actor& who = *w.who;
  if (await(w, o) != task_graph::answer::ready && graph_.keep(o)) hold_memory(&o);
  send_ready(domain_, who, nullptr);
}

void resolver_core::on(sealed_msg& m) {
  object& o = *m.o;
  edge* chain = graph_.sealed(o, at_once);
  const bool more = o.waiting != nullptr;
  if (more) {  // the rest have a turn of their own, after what others have sent; the object stays
    if (!m.more) hold_memory(&o);
    shard_of(o).resolver->tell(sealed_msg{&o, true});
  }
  const bool let_go = graph_.let_go(o);
  answer(chain);
  if (!more && m.more) release_memory(&o);
  if (let_go) release_memory(&o);
}

void resolver_core::on(elsewhere_msg& m) {
  const auto [chain, fetch] = graph_.elsewhere(*m.o);
  if (fetch)
    if (auto where = domain_.outside()) where->fetch(*m.o);
  if (chain && graph_.keep(*m.o)) hold_memory(m.o);
  answer(chain, ready_msg::elsewhere);
  release_memory(m.o);
}

void resolver_core::on(withdraw_msg& m) {
  caf::abstract_actor& who = *m.w->who;
  if (graph_.withdraw(*m.w)) {
    if (graph_.keep(m.w->awaited())) hold_memory(&m.w->awaited());
    send_ready(domain_, who, m.w);
  }
  send_ready(domain_, who, nullptr);
}

void resolver_core::on(close_msg& m) {
  edge* chain = graph_.close(m.party);
  for (auto e = chain; e; e = e->next) {
    object& o = static_cast<waiter*>(e)->awaited();
    if (graph_.keep(o)) hold_memory(&o);
  }
  answer(chain);
}

void resolver_core::on(ask_msg& m) {
  m.into->graph = graph_.counts();
  send_ready(domain_, *m.who, nullptr);
}

void resolver_core::on(retire_msg& m) {
  m.into->graph = graph_.counts();
  retired_ = true;
  errands_of(rest_, domain_).answer = m.who;
}

void resolver_core::on(nudge_msg&) { errands_of(rest_, domain_).nudged.add(domain_); }

void resolver_core::answer(edge* chain, ready_msg::kind how) {
  while (chain) {
    auto w = static_cast<waiter*>(chain);
    chain = chain->next;  // who gets the answer may end, and take its waits with it
    send_ready(domain_, *w->who, w, how);
  }
}

template void store_actor::tell(put_msg);
template void store_actor::tell(drop_msg);
template void store_actor::tell(watch_msg);
template void resolver_actor::tell(await_msg);
template void resolver_actor::tell(sealed_msg);

}  // namespace troupe::detail
