// SPDX-License-Identifier: MIT
#include "actors/lean_actor.hpp"

#include <caf/default_attachable.hpp>
#include <caf/detail/sync_request_bouncer.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <utility>

namespace troupe::detail {

namespace {
using link = caf::default_attachable;
link::observe_token link_of(const caf::abstract_actor& other) {
  return {other.address(), link::link};
}
void send_exit(const caf::abstract_actor& from, caf::abstract_actor& to) {
  to.enqueue(nullptr, caf::make_message_id(),
             caf::make_message(caf::exit_msg{from.address(), caf::error{}}), nullptr);
}
}  // namespace

void lean_actor::keep(caf::attachable_ptr observer) {
  observer->next = std::move(observers_);
  observers_ = std::move(observer);
}

std::size_t lean_actor::remove(const caf::attachable::token& what, bool only_first) {
  std::size_t n = 0;
  for (caf::attachable_ptr* at = &observers_; *at && !(only_first && n > 0);)
    if ((*at)->matches(what)) {
      *at = std::move((*at)->next);
      ++n;
    } else {
      at = &(*at)->next;
    }
  return n;
}

void lean_actor::attach(caf::attachable_ptr observer) {
  const bool late = exclusive_critical_section([&] {
    if (is_over()) return true;
    keep(std::move(observer));
    return false;
  });
  if (late) observer->actor_exited(caf::error{}, nullptr);
}

std::size_t lean_actor::detach(const caf::attachable::token& what) {
  return exclusive_critical_section([&] { return remove(what, false); });
}

void lean_actor::add_link(caf::abstract_actor* other) {
  const bool late = joined_exclusive_critical_section(this, other, [&] {
    if (is_over()) return true;
    if (other->add_backlink(this)) keep(link::make_link(address(), other->address()));
    return false;
  });
  if (late) send_exit(*this, *other);
}

void lean_actor::remove_link(caf::abstract_actor* other) {
  const auto token = link_of(*other);
  joined_exclusive_critical_section(this, other, [&] {
    other->remove_backlink(this);
    remove(token, true);
  });
}

// These two are called with both mutexes held.
bool lean_actor::add_backlink(caf::abstract_actor* other) {
  const auto token = link_of(*other);
  if (is_over()) {
    send_exit(*this, *other);
    return false;
  }
  for (auto at = observers_.get(); at; at = at->next.get())
    if (at->matches(token)) return false;
  keep(link::make_link(address(), other->address()));
  return true;
}

bool lean_actor::remove_backlink(caf::abstract_actor* other) {
  return remove(link_of(*other), true) > 0;
}

void lean_actor::tell_observers() {
  auto all = exclusive_critical_section([&] {
    setf(is_cleaned_up_flag);
    return std::exchange(observers_, nullptr);
  });
  for (; all; all = std::move(all->next)) all->actor_exited(caf::error{}, nullptr);
}

void lean_actor::refuse(const caf::mailbox_element& m) {
  caf::detail::sync_request_bouncer{caf::make_error(caf::sec::request_receiver_down)}(m);
}

}  // namespace troupe::detail
