// SPDX-License-Identifier: MIT
#include "actors/admission.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"

namespace troupe::detail {

void give_back_msg::keep() { holder = caf::strong_actor_ptr{w->who->ctrl()}; }

void last_answer::send(const last_answer& a) {
  a.nudged.tell();
  if (a.who) send_ready(*a.from, *a.who, nullptr);
}

void admission_core::on(ask_resources_msg& m) {
  if (ledger_.closed()) return send_ready(domain_, *m.w->who, nullptr);
  answer(ledger_.ask(*m.w));
}

void admission_core::on(give_back_msg& m) { answer(ledger_.give_back(*m.w)); }

void admission_core::on(withdraw_ask_msg& m) {
  caf::abstract_actor& who = *m.w->who;
  const auto [waited, admitted] = ledger_.withdraw(*m.w);
  if (waited) send_ready(domain_, who, nullptr);
  send_ready(domain_, who, nullptr);
  answer(admitted);
}

void admission_core::on(close_msg&) { answer(ledger_.close()); }

void admission_core::on(retire_msg& m) {
  retired_ = true;
  rest_.from = &domain_;
  rest_.who = m.who;
}

void admission_core::on(nudge_msg&) { rest_.nudged.add(domain_); }

void admission_core::answer(resource_ask* chain) {
  while (chain) {
    auto w = static_cast<resource_wait*>(chain);
    chain = chain->next;  // who gets the answer may end, and take its ask with it
    send_ready(domain_, *w->who, nullptr);
  }
}

}  // namespace troupe::detail
