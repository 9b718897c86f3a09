// SPDX-License-Identifier: MIT
// How each actor answers a survey.
#include "actors/survey.hpp"

#include "actors/clock.hpp"
#include "actors/gate.hpp"
#include "actors/host.hpp"
#include "actors/shard.hpp"
#include "actors/stream.hpp"
#include "actors/task.hpp"
#include "actors/wait_set.hpp"
#include "runtime/domain.hpp"

namespace troupe::detail {

task_hold::task_hold(task& t) : task_(&t), keeps_(t.ctrl()) {}
record_hold::record_hold(object& o) : object_(&o) { hold_memory(&o); }
record_hold::~record_hold() {
  if (object_) release_memory(object_);
}

namespace {
// Null: none, or another runtime's.
task* as_task(caf::abstract_actor* who, const domain& d) {
  auto t = who && typeid(*who) == typeid(task) ? static_cast<task*>(who) : nullptr;
  return t && &t->inside() == &d ? t : nullptr;
}

void add_body(seen_wait&& w, const body_wait* body, survey_part& to) {
  if (body) {
    w.at = body->at;
    w.began = body->began;
    add_below(*w.who.get(), body->under, to);
  }
  w.over = w.who.get()->arrivals.due();
  to.waits.push_back(std::move(w));
}
}  // namespace

// Each of them runs the next one in its place.
void add_below(const task& top, const nested_run* under, survey_part& to) {
  for (const task* runs = &top; under; runs = under->waits, under = under->below)
    to.waits.push_back({.who = task_hold{*under->waits},
                        .is = wait_kind::child,
                        .place = under,
                        .number = runs->id(),
                        .on = runs->id()});
}

// One that waits here cannot leave before it has been answered here, so it lives.
void resolver_core::on(survey_msg& m) {
  graph_.each([&](const edge& e) {
    auto& w = const_cast<waiter&>(static_cast<const waiter&>(e));
    const auto add = [&](task& t, wait_kind is, std::uint32_t to_spare, const body_wait* body) {
      object& o = w.awaited();
      if (!m.into->records.contains(&o)) m.into->records.emplace(&o, record_hold{o});
      add_body({.who = task_hold{t}, .is = is, .to_spare = to_spare, .place = &w, .what = &o}, body,
               *m.into);
    };
    if (task* t = as_task(w.who, domain_)) {
      const bool own = !w.of_body;
      const body_wait* body = own ? nullptr : static_cast<body_waiter&>(w).body;
      add(*t,
          !own                ? wait_kind::value
          : t->is_own_wait(w) ? wait_kind::awaited
                              : wait_kind::input,
          w.to_spare, body);
    } else if (typeid(*w.who) == typeid(wait_set)) {
      static_cast<wait_set*>(w.who)->look(
          [&](caf::abstract_actor& owner, const body_wait* body, std::int64_t missing) {
            if (task* o = as_task(&owner, domain_))
              add(*o, wait_kind::some, static_cast<std::uint32_t>(missing), body);
          });
    }
  });
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

void store_core::on(survey_msg& m) {
  for (auto& one : m.into->makers)
    if (!one.what->present && one.what->maker) one.who = task_hold{*one.what->maker};
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

void admission_core::on(survey_msg& m) {
  ledger_.each_in_line([&](const resource_ask& a, const resource_part& p) {
    auto& w = static_cast<const resource_wait&>(a);
    if (task* t = as_task(w.who, domain_))
      m.into->waits.push_back({.who = task_hold{*t},
                               .is = wait_kind::resource,
                               .place = &a,
                               .number = a.order,
                               .since = w.since,
                               .resource = p.name,
                               .amount = p.amount});
  });
  ledger_.each_held([&](const resource_ask& a) {
    auto t = static_cast<task*>(static_cast<const resource_wait&>(a).who);
    for (auto& p : a.parts)
      m.into->holders.push_back({t->id(), p.name, p.amount, std::string(t->name_of_task())});
  });
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

void clock_core::on(survey_msg& m) {
  timers_.each([&](const timer& one) {
    auto& s = static_cast<const sleeper&>(one);
    task* t = as_task(s.who, domain_);
    if (!t) return;
    wait_kind is = wait_kind::sleep;
    switch (s.is) {
      case sleeper::sleep: break;
      case sleeper::back_off: is = wait_kind::back_off; break;
      case sleeper::limit: is = wait_kind::limit; break;
      case sleeper::deadline: is = wait_kind::deadline; break;
    }
    m.into->waits.push_back({.who = task_hold{*t},
                             .is = is,
                             .place = &s,
                             .number = s.order,
                             .since = s.since,
                             .due = s.due});
  });
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

void gate_core::on(survey_msg& m) {
  bound_.each([&](const entry& e) {
    auto& w = static_cast<const entrance&>(e);
    if (task* t = as_task(w.who, domain_))
      m.into->waits.push_back(
          {.who = task_hold{*t}, .is = wait_kind::bound, .place = &e, .since = w.since});
  });
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

// What the consumer waits for is its producer's. Where the consumer is, when the producer waits, is
// known as long as the stream has stayed where it was used last.
void stream_core::on(survey_msg& m) {
  for (const auto side : {stream_buffer::producer, stream_buffer::consumer}) {
    task* t = buffer_.waits(side) ? as_task(who_[side], domain_) : nullptr;
    if (!t) continue;
    const bool reads = side == stream_buffer::consumer;
    add_body({.who = task_hold{*t},
              .is = reads ? wait_kind::item : wait_kind::room,
              .place = this,
              .number = reads ? buffer_.given_so_far() : buffer_.taken_so_far(),
              .on = reads ? channel_->producer : channel_->consumer.load()},
             body_[side], *m.into);
  }
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

// Whoever waits for its turn is in line, so it lives.
void host_core::on(survey_msg& m) {
  const auto add = [&](const turn& t, std::uint64_t on) {
    auto& call = static_cast<const actor_turn&>(t);
    m.into->waits.push_back(
        {.who = task_hold{*call.who},
         .is = t.is == turn::state::returning ? wait_kind::turn_back : wait_kind::turn,
         .place = &t,
         .number = t.number,
         .on = on,
         .of = host_.name});
  };
  turns_.each_in_line([&](const turn& t, const turn* before) {
    if (before) return add(t, static_cast<const actor_turn*>(before)->who->id());
    if (!turns_.is_open() && making_) return add(t, host_.constructor);
    if (turns_.is_kept_out(t)) each_holder([&](std::uint64_t task) { add(t, task); });
    else add(t, 0);
  });
  each_holder([&](std::uint64_t task) { m.into->holders.push_back({task, 0, 0, host_.name}); });
  if (m.who) send_ready(domain_, *m.who, nullptr);
}

}  // namespace troupe::detail
