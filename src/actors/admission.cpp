// SPDX-License-Identifier: MIT
#include "actors/admission.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <vector>

namespace troupe::detail {

void give_back_msg::keep() { holder = caf::strong_actor_ptr{w->who->ctrl()}; }

void last_answer::send(const last_answer& a) {
  a.nudged.tell();
  if (a.who) send_ready(*a.from, *a.who, nullptr);
}

void admission_core::on(ask_resources_msg& m) {
  if (ledger_.closed()) return send_ready(domain_, *m.w->who, nullptr);
  count_leaver(*m.w, 1);
  answer(ledger_.ask(*m.w));
}

// The first to come, as if they were admitted; but not who has only just come: perhaps it will be.
void admission_core::on(send_asks_msg& m) {
  constexpr std::size_t looked_at = 1024;
  constexpr std::int64_t just_now = 1'000'000;
  const std::int64_t now = domain_.clock().now();
  std::vector<resource_wait*> all;
  ledger_.each_near_front(looked_at, [&](const resource_ask& a) {
    auto& w = const_cast<resource_wait&>(static_cast<const resource_wait&>(a));
    if (w.may_leave && now - w.since >= just_now &&
        std::all_of(a.parts.begin(), a.parts.end(), [&](auto& one) { return m.there[one.name]; }))
      all.push_back(&w);
  });
  std::sort(all.begin(), all.end(), [](auto a, auto b) {
    return a->key != b->key ? a->key < b->key : a->order < b->order;
  });
  if (all.size() > m.most) all.resize(m.most);
  for (auto w : all) {
    const auto [waited, admitted] = ledger_.withdraw(*w);
    if (!waited) continue;  // an earlier one that left has made room for it
    count_leaver(*w, -1);
    w->leaves = true;
    send_ready(domain_, *w->who, nullptr);
    answer(admitted);
  }
}

void admission_core::on(give_back_msg& m) { answer(ledger_.give_back(*m.w)); }

void admission_core::on(withdraw_ask_msg& m) {
  caf::abstract_actor& who = *m.w->who;
  const auto [waited, admitted] = ledger_.withdraw(*m.w);
  if (waited) count_leaver(*m.w, -1);
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
    count_leaver(*w, -1);
    chain = chain->next;  // who gets the answer may end, and take its ask with it
    send_ready(domain_, *w->who, nullptr);
  }
}

}  // namespace troupe::detail
