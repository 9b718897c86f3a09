// SPDX-License-Identifier: MIT
#include "actors/stream.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <caf/actor_cast.hpp>

#include <new>

namespace troupe::detail {

// ---- the channel --------------------------------------------------------------------------------

stream_channel::stream_channel(domain& d, std::size_t capacity, const value_type& element)
    : inside(d),
      capacity(capacity),
      element_(element),
      step_((element.size + element.align - 1) / element.align * element.align),
      cells_(static_cast<char*>(
          ::operator new ((capacity + 1) * step_, std::align_val_t{element.align}))) {}

stream_channel* stream_channel::make(domain& d, std::size_t capacity, const value_type& element) {
  auto channel = std::make_unique<stream_channel>(d, capacity, element);
  stream_channel* c = channel.get();
  caf::actor handle;
  c->actor = stream_actor::make(d.system(), handle, d.at_once(), d, std::move(channel));
  caf::intrusive_ptr_add_ref(c->actor->ctrl());
  caf::intrusive_ptr_add_ref(c->actor->ctrl());
  d.streams().add(*c);
  return c;
}

// The values die on the stack of the side that goes last, where a wait would be out of place.
stream_channel::~stream_channel() {
  object* dead = nullptr;
  object**& burying = seat::mine().burying;
  object** const outer = burying;
  if (!outer) burying = &dead;
  for (; took != put; ++took, take_at = after(take_at))
    if (element_.destroy) element_.destroy(first());
  if (!outer) burying = nullptr;
  if (dead) bury(dead);
  if (failed) failed->release();
  ::operator delete (cells_, std::align_val_t{element_.align});
}

void stream_channel::release() noexcept { caf::intrusive_ptr_release(actor->ctrl()); }

void finish_stream(stream_channel& c, const failure* failed) noexcept {
  if (failed) failed->retain();
  c.inside.streams().remove(c);
  c.actor->tell(finish_msg{failed});
  c.release();
}

// ---- the actor ----------------------------------------------------------------------------------

stream_core::stream_core(domain& d, std::unique_ptr<stream_channel> channel)
    : domain_(d),
      buffer_(channel->capacity),
      channel_(std::move(channel)) {}

void stream_core::on(given_msg&) {
  const auto e = buffer_.given();
  channel_->given.store(buffer_.given_so_far(), std::memory_order_release);
  answer(e);
}

void stream_core::on(taken_msg& m) {
  const auto e = buffer_.taken(m.total);
  channel_->taken.store(m.total, std::memory_order_release);
  answer(e);
}

void stream_core::on(stream_wait_msg& m) {
  who_[m.side] = m.who;
  party_[m.side] = m.party;
  body_[m.side] = m.body;
  if (m.side == stream_buffer::consumer) {
    const auto e = buffer_.taken(m.taken);
    channel_->taken.store(m.taken, std::memory_order_release);
    answer(e);
  }
  answer(buffer_.wait(m.side, m.party));
}

void stream_core::on(stream_withdraw_msg& m) {
  if (buffer_.withdraw(m.side)) answer(m.side);
  who_[m.side] = m.who;
  answer(m.side);
}

void stream_core::on(finish_msg& m) {
  const auto e = buffer_.finish();
  channel_->failed = m.failed;
  channel_->finished.store(true, std::memory_order_release);
  answer(e);
  over_ = true;
  domain_.streams().finished();
}

void stream_core::on(leave_msg&) {
  const auto e = buffer_.leave();
  channel_->left.store(true, std::memory_order_release);
  answer(e);
}

void stream_core::on(close_msg& m) { answer(buffer_.close(m.party)); }

void stream_core::answer(stream_buffer::effects e) {
  for (auto side : {stream_buffer::producer, stream_buffer::consumer})
    if (e.answer[side]) answer(side);
}

// Who is answered may go on at once, end, and its runtime with it.
void stream_core::answer(stream_buffer::side side) {
  if (over_) {  // the producer's runtime may be gone: directly
    stack_letter<ready_msg> m{ready_msg{nullptr}};
    return who_[side]->enqueue(caf::mailbox_element_ptr{&*m}, nullptr);
  }
  if (party_[side] == domain_.number()) return send_ready(domain_, *who_[side], nullptr);
  domain_.streams().answering.fetch_add(1);
  send_ready(domain_, *who_[side], nullptr);
  domain_.streams().answering.fetch_sub(1);
}

// ---- the list -----------------------------------------------------------------------------------

void stream_list::add(stream_channel& c) {
  open_.fetch_add(1, std::memory_order_relaxed);
  std::lock_guard guard{mutex_};
  c.next = all_;
  c.link = &all_;
  if (all_) all_->link = &c.next;
  all_ = &c;
}

void stream_list::remove(stream_channel& c) {
  std::lock_guard guard{mutex_};
  *c.link = c.next;
  if (c.next) c.next->link = c.link;
}

std::vector<caf::strong_actor_ptr> stream_list::handles() {
  std::lock_guard guard{mutex_};
  std::vector<caf::strong_actor_ptr> all;
  for (auto c = all_; c; c = c->next) all.emplace_back(c->actor->ctrl());
  return all;
}

void stream_list::close(std::uint64_t party) {
  std::lock_guard guard{mutex_};
  for (auto c = all_; c; c = c->next) c->actor->tell(close_msg{party});
}

}  // namespace troupe::detail
