// SPDX-License-Identifier: MIT
#include "actors/gate.hpp"

#include "actors/clock.hpp"
#include "actors/shard.hpp"
#include "runtime/domain.hpp"

#include <thread>

namespace troupe::detail {

void gate_core::on(enter_msg& m) {
  entrance& e = *m.e;
  if (bound_.enter(e)) send_ready(domain_, *e.who, nullptr);
  done();
}

void gate_core::on(left_msg& m) {
  answer(bound_.left(m.bytes));
  done();
}

void gate_core::on(withdraw_entry_msg& m) {
  caf::abstract_actor& who = *m.e->who;
  const auto [waited, admitted] = bound_.withdraw(*m.e);
  if (waited) send_ready(domain_, who, nullptr);
  send_ready(domain_, who, nullptr);
  answer(admitted);
  done();
}

void gate_core::on(idle_msg& m) {
  if (bound_.tasks_waiting() == 0 || retired_) return;
  if (!m.sure) {
    const std::uint64_t moment = domain_.bound_gate()->idle_moment();
    if (moment == 0) return;
    if (moment != m.moment) return domain_.bound_gate()->actor().tell(idle_msg{false, moment});
  }
  answer(bound_.unstick());
  done();
}

void gate_core::on(close_msg& m) {
  answer(m.party == domain_.number() ? bound_.close() : bound_.refuse(m.party));
  done();
}

void gate_core::on(retire_msg& m) {
  retired_ = true;
  rest_.from = &domain_;
  rest_.who = m.who;
}

void gate_core::answer(entry* chain) {
  while (chain) {
    auto e = static_cast<entrance*>(chain);
    chain = chain->next;  // who gets the answer goes on, and its entry is gone
    send_ready(domain_, *e->who, nullptr);
  }
}

// Who becomes idle after this sees that a task waits; who was idle before is seen now.
void gate_core::done() {
  peak_.store(bound_.peak(), std::memory_order_relaxed);
  const bool wait = bound_.tasks_waiting() > 0;
  if (wait != tasks_wait_.load(std::memory_order_relaxed)) tasks_wait_.store(wait);
  if (wait && domain_.at_once() && domain_.workers_rest())
    domain_.bound_gate()->actor().tell(idle_msg{});
}

gate::gate(domain& d, std::size_t most_tasks, std::size_t most_bytes)
    : domain_(d),
      actor_(gate_actor::make(d.system(), handle_, d.at_once(), d, most_tasks, most_bytes)) {
  if (auto h = d.hub()) h->watch(*this);
}

void gate::stop() {
  if (auto h = domain_.hub()) h->unwatch(*this);
  while (nudges_.load() != 0) std::this_thread::yield();
}

void nudges::tell() const {
  if (n > 0) of->bound_gate()->nudged(n);
}

std::uint64_t gate::idle_moment() {
  job_hub& hub = *domain_.hub();
  const auto before = hub.resting();
  const std::uint64_t entries = entries_.load();
  if (before.workers != domain_.options().workers || busy_.load() != 0) return 0;
  if (messages_under_way() || domain_.clock().sleepers() > 0 || hub.anything_queued()) return 0;
  const auto now = hub.resting();
  if (now.workers != before.workers || now.wakes != before.wakes || busy_.load() != 0 ||
      entries != entries_.load())
    return 0;
  return 1 + now.wakes + entries;  // both only grow
}

// A program's thread may handle what workers have sent: it is asked to say when it has.
bool gate::messages_under_way() {
  auto under_way = [this](auto& actor) {
    if (actor.is_idle()) return false;
    nudges_.fetch_add(1);
    actor.tell(nudge_msg{});
    return true;
  };
  if (auto a = domain_.admission(); a && under_way(*a)) return true;
  if (under_way(domain_.clock().actor())) return true;
  for (int i = 0; i < 2; ++i) {  // they tell each other
    for (auto& s : domain_.shards())
      if (under_way(*s.store)) return true;
    for (auto& s : domain_.shards())
      if (under_way(*s.resolver)) return true;
  }
  return false;
}

}  // namespace troupe::detail
