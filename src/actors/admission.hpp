// SPDX-License-Identifier: MIT
// The admission actor: tasks that ask for resources begin when it says so.
#pragma once
#include "actors/inline_actor.hpp"
#include "actors/messages.hpp"
#include "actors/nudges.hpp"
#include "graph/resources.hpp"

#include <caf/actor.hpp>

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::detail {

class domain;

// Retired: a question that is answered after the release (the answer is the last that its domain
// waits for).
struct last_answer {
  domain* from = nullptr;
  caf::abstract_actor* who = nullptr;
  nudges nudged = {};
  static void send(const last_answer& a);
};

class admission_core {
public:
  admission_core(domain& d, const std::vector<std::int64_t>& totals)
      : domain_(d),
        ledger_(totals) {}
  void on(ask_resources_msg& m);
  void on(give_back_msg& m);
  void on(withdraw_ask_msg& m);
  void on(send_asks_msg& m);
  void on(close_msg& m);
  void on(survey_msg& m);
  void on(retire_msg& m);
  void on(nudge_msg& m);

  last_answer rest() { return std::exchange(rest_, {}); }
  void restore(const last_answer& r) { rest_ = r; }
  static void finish(const last_answer& r) { last_answer::send(r); }
  bool closed() const { return retired_; }
  const resources& ledger() const { return ledger_; }
  // Any thread: whether somebody waits, about now, who may leave.
  bool anyone_may_leave() const { return leavers_.load(std::memory_order_relaxed) > 0; }

private:
  void answer(resource_ask* chain);
  void count_leaver(const resource_wait& w, int n) {
    if (w.may_leave)
      leavers_.store(leavers_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  domain& domain_;
  resources ledger_;
  last_answer rest_;
  bool retired_ = false;
  std::atomic<int> leavers_{0};  // who wait and may leave
};

using admission_actor =
    inline_actor<admission_core, ask_resources_msg, give_back_msg, withdraw_ask_msg, send_asks_msg,
                 close_msg, survey_msg, retire_msg, nudge_msg>;

}  // namespace troupe::detail
