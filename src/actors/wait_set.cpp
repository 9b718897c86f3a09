// SPDX-License-Identifier: MIT
#include "actors/wait_set.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>

#include <algorithm>

namespace troupe::detail {

wait_set* wait_set::make(domain& d, object* const* objects, std::size_t count) {
  caf::actor_config cfg;
  auto handle = caf::make_actor<wait_set, caf::strong_actor_ptr>(
      fresh_actor_id(seat::mine()), d.node(), &d.system(), cfg, d, objects, count);
  return static_cast<wait_set*>(handle.release()->get());
}

wait_set::wait_set(caf::actor_config& cfg, domain& d, object* const* objects, std::size_t count)
    : monitorable_actor(cfg),
      domain_(&d),
      party_(d.number()),
      count_(count),
      slots_(new slot[count]),
      left_(objects, objects + count),
      left_slots_(count) {
  for (std::size_t i = 0; i < count; ++i) left_slots_[i] = static_cast<std::uint32_t>(i);
}

// ---- the owner's side ---------------------------------------------------------------------------

void wait_set::register_waits() {
  std::vector<slot*> missing;
  missing.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    slot& s = slots_[i];
    object& o = *left_[i];
    if (!o.is_sealed()) {
      s.wait_for(o, *this, party_);
      s.unheld = true;
      s.at = &shard_of(o);
      s.abroad = s.at->inside != domain_;
      if (s.abroad) {  // either its runtime's end sees this, or this sees that it has settled
        s.at->inside->set_stands();
        std::atomic_thread_fence(std::memory_order_seq_cst);
      }
      if (!s.abroad || !o.is_sealed()) {
        missing.push_back(&s);
        continue;
      }
      s.at->inside->set_is_gone();
    }
    s.answered.store(true, std::memory_order_relaxed);
    found(s);
  }
  if (missing.empty()) return;
  waits_ = static_cast<std::int64_t>(missing.size());
  on_their_way_.store(2 * waits_, std::memory_order_relaxed);  // an acknowledgement and an answer
  domain_->set_stands();
  caf::intrusive_ptr_add_ref(ctrl());  // as long as any is on its way
  for (slot* s : missing) domain_->await(*s);
}

bool wait_set::expect_registered(caf::abstract_actor& owner) {
  owner_ = &owner;
  return acknowledged_.expect(waits_);
}

bool wait_set::expect_found(caf::abstract_actor& owner, std::size_t n) {
  owner_ = &owner;
  return found_.expect(collected_ + static_cast<std::int64_t>(n - std::min(n, untaken_)));
}

void wait_set::found(slot& s) {
  if (s.taken) return;
  s.next_found = nullptr;
  *end_ = &s;
  end_ = &s.next_found;
  ++untaken_;
}

std::size_t wait_set::collect() {
  slot* in_order = nullptr;
  for (slot* s = answered_.exchange(nullptr, std::memory_order_acquire); s; ++collected_) {
    slot* before = s->next_found;
    s->next_found = in_order;
    in_order = s;
    s = before;
  }
  while (slot* s = in_order) {
    in_order = s->next_found;
    found(*s);
  }
  return untaken_;
}

std::size_t wait_set::place_of(const slot& s) const {
  const auto number = static_cast<std::uint32_t>(&s - slots_.get());
  return static_cast<std::size_t>(std::lower_bound(left_slots_.begin(), left_slots_.end(), number) -
                                  left_slots_.begin());
}

std::size_t wait_set::take_first() {
  slot& s = *first_;
  if (!(first_ = s.next_found)) end_ = &first_;
  --untaken_;
  s.taken = true;
  return static_cast<std::size_t>(&s - slots_.get());
}

void wait_set::take(const std::vector<std::size_t>& places) {
  if (places.empty()) return;
  for (auto p : places) slots_[left_slots_[p]].taken = true;
  std::size_t to = places[0];
  for (std::size_t k = 0; k < places.size(); ++k) {  // close the gaps
    const auto from = static_cast<std::ptrdiff_t>(places[k] + 1);
    const auto until =
        static_cast<std::ptrdiff_t>(k + 1 < places.size() ? places[k + 1] : left_.size());
    const auto at = static_cast<std::ptrdiff_t>(to);
    std::move(left_.begin() + from, left_.begin() + until, left_.begin() + at);
    std::move(left_slots_.begin() + from, left_slots_.begin() + until, left_slots_.begin() + at);
    to += static_cast<std::size_t>(until - from);
  }
  left_.resize(to);
  left_slots_.resize(to);
  slot** link = &first_;
  for (std::size_t more = places.size(); *link && more > 0;) {  // mostly the first ones
    if (!(*link)->taken) {
      link = &(*link)->next_found;
      continue;
    }
    *link = (*link)->next_found;
    --untaken_, --more;
  }
  if (!*link) end_ = link;
}

void wait_set::abandon() noexcept {
  std::int64_t n = on_their_way_.load(std::memory_order_acquire);
  while (n > 0 && !on_their_way_.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel)) {}
  if (n > 0) {  // so that the domain does not end before all withdraws are sent
    for (std::size_t i = 0; i < count_; ++i) {
      slot& s = slots_[i];
      if (s.answered.load(std::memory_order_acquire)) continue;
      if (s.abroad && s.left_alone.exchange(true, std::memory_order_acq_rel)) continue;
      on_their_way_.fetch_add(1, std::memory_order_relaxed);
      domain* other = s.abroad ? s.at->inside : nullptr;
      s.at->resolver->tell(withdraw_msg{&s});
      if (other) other->set_is_gone();
    }
    message_came_in();
  }
  caf::intrusive_ptr_release(ctrl());
}

// ---- anyone's side ------------------------------------------------------------------------------

void wait_set::enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) {
  auto ready = content_of<ready_msg>(*m);
  if (!ready) return bounce(m);
  auto s = static_cast<slot*>(ready->w);
  m.reset();
  bool all = false;
  domain* other = nullptr;
  if (s) {
    if (s->abroad && !s->left_alone.exchange(true, std::memory_order_acq_rel))
      other = s->at->inside;
    s->answered.store(true, std::memory_order_release);
    s->next_found = answered_.load(std::memory_order_relaxed);
    while (!answered_.compare_exchange_weak(s->next_found, s, std::memory_order_release,
                                            std::memory_order_relaxed)) {}
    all = found_.arrive();
  } else all = acknowledged_.arrive();
  if (all) send_ready(*domain_, *owner_, nullptr);
  if (other) other->set_is_gone();
  message_came_in();
}

// The last one is the last touch of the domain.
void wait_set::message_came_in() {
  if (on_their_way_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  domain_->set_is_gone();
  caf::intrusive_ptr_release(ctrl());
}

}  // namespace troupe::detail
