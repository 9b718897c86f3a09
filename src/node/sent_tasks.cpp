// SPDX-License-Identifier: MIT
// The owner's side: which of its tasks run elsewhere, and what comes of them.
#include "actors/admission.hpp"
#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "node/node_core.hpp"
#include "runtime/domain.hpp"
#include "runtime/requirements.hpp"
#include "seeing/log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::int64_t us = 1'000, ms = 1'000'000;
constexpr std::int64_t of_late = 10'000 * ms;  // deaths of nodes
constexpr std::int64_t comes_again = 60'000 * ms;
constexpr unsigned most_lost_tries = 10;
// Shorter tasks than that are done before they have reached another node.
constexpr std::int64_t worth_a_way = 20 * us;

std::uint64_t hash_of_text(const std::string& text) {
  std::uint64_t h = 0xcbf29ce484222325;  // FNV-1a: the same on every machine
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

std::string text_of(const std::vector<lack>& why) {
  std::string text;
  for (const auto& l : why) {
    text += text.empty() ? "" : "; ";
    text += "node '" + l.node_name + "' ";
    switch (l.what) {
      case lack::kind::label: text += "has not the label '" + l.name + "'"; break;
      case lack::kind::resource:
        text += "has " + amount_in_words(l.has) + " of '" + l.name + "', not " +
                amount_in_words(l.wanted);
        break;
      case lack::kind::function: text += "has not its function"; break;
    }
  }
  return text;
}
}  // namespace

// ---- from tasks ---------------------------------------------------------------------------------

void node_core::offer(task& t) noexcept {
  if (post([&t](node_core& n) { n.take_over(t, t.goes_where_it_must()); })) return;
  if (!t.goes_where_it_must() && !t.turn_of_call()) t.bring({});
  else
    t.bring({away_reply::failed,
             {},
             {},
             failure::make(failure::kind::lost, t.name_of_task(),
                           "task '" + std::string(t.name_of_task()) +
                               "' cannot run here, and this node has left its cluster"),
             true,
             true});
  t.is_away();
}

void node_core::recall(task& t) noexcept {
  if (!post([&t](node_core& n) { n.give_back(t); })) send_ready(domain_, t, nullptr);
}

void node_core::crowded() noexcept {
  if (crowd_.load(std::memory_order_relaxed) || crowd_.exchange(true)) return;
  bell_.notify_one();
}

void node_core::give_back(task& t) {
  const auto found = numbers_.find(&t);
  if (found != numbers_.end() && calls_.contains(found->second)) {
    const std::uint64_t number = found->second;
    if (const auto again = sent_.find(number); again != sent_.end()) {
      if (const auto current = again->second.current) {
        attempts_.erase(current->number);
        send(current->node, frames::cancel{current->number});
      }
      apply(placement_.forget({id_, number}, now()));
    }
    not_made_again(number, "its task is to end");
  } else if (found != numbers_.end()) {
    const std::uint64_t number = found->second;
    const sent_task& s = sent_.at(number);
    if (s.call_of && (s.current || s.pull)) {  // it has its turn until its body has ended there
      if (s.current) send(s.current->node, frames::cancel{s.current->number});
      return send_ready(domain_, t, nullptr);
    }
    if (s.current) {
      attempts_.erase(s.current->number);
      send(s.current->node, frames::cancel{s.current->number});
    }
    if (s.pull) leave_pull(*s.pull);
    apply(placement_.forget({id_, number}, now()));
    if (s.rests) bring_failure(number, failure::kind::cancelled, "it was cancelled");
    else bring(number, {});
  }
  send_ready(domain_, t, nullptr);
}

// ---- placing ------------------------------------------------------------------------------------

const known_function& node_core::function_of(const task& t, std::uint64_t& hash) {
  const known_function& f = t.type().travels->function();
  const auto [at, fresh] = hashes_.try_emplace(&f, 0);
  if (fresh) at->second = hash_of_text(f.name + f.types);
  hash = at->second;
  return f;
}

offered_task node_core::offer_of(std::uint64_t number, const sent_task& s) {
  offered_task o;
  o.task = {id_, number};
  (void)function_of(*s.t, o.wants.function);
  o.must_leave = s.must_leave;
  o.wants.room = !s.rests;
  o.bytes = bytes_of_inputs(*s.t);
  if (const auto options = s.t->options()) {
    o.wants.labels = {options->labels.begin(), options->labels.end()};
    for (const auto& [name, amount] : options->resources)
      o.wants.resources[name] = amount_of(name, amount, "task_options.resources");
  }
  return o;
}

// A node that could run it has died or left of late, or is leaving: perhaps it is started again, or
// another in its place.
bool node_core::may_come_again(const needs& n) {
  while (!lost_nodes_.empty() && lost_nodes_.front().first < now() - comes_again)
    lost_nodes_.pop_front();
  return std::any_of(lost_nodes_.begin(), lost_nodes_.end(),
                     [&](const auto& lost) { return has_all(lost.second, n); }) ||
         std::any_of(links_.begin(), links_.end(),
                     [&](const auto& l) { return l.second.leaving && has_all(l.second.facts, n); });
}

void node_core::take_over(task& t, bool must_leave) {
  if (t.turn_of_call()) return take_call(t);
  const std::uint64_t number = ++last_task_;
  sent_task& s = sent_[number];
  s.t = &t;
  s.must_leave = must_leave;
  numbers_.emplace(&t, number);
  const auto travels = t.type().travels;
  if (must_leave || t.follows()) {
    if (const auto inputs = resting_inputs(t); !inputs.empty())
      apply(lineage_.place_it(number, inputs));
    else place(number);
  } else {
    auto offered = offer_of(number, s);
    const bool asks = !offered.wants.resources.empty();
    apply(placement_.give(std::move(offered), now()));
    if (const auto found = sent_.find(number); found != sent_.end() && !found->second.current) {
      if (!asks) stay_.insert(travels);
      apply(placement_.forget({id_, number}, now()));
      bring(number, {});
    }
  }
  t.is_away();
}

// For the first time, or because its value was lost.
void node_core::place(std::uint64_t number) {
  const sent_task& s = sent_.at(number);
  const bool must_leave = s.must_leave;  // it may be over when it has been offered
  auto offered = offer_of(number, s);
  offered.may_wait = s.rests ? must_leave : may_come_again(offered.wants);
  apply(placement_.offer(std::move(offered), now()));
  if (must_leave) placement_.let_wait({id_, number});  // somebody could run it, and may come again
}

void node_core::relieve() {
  const time t = now();
  relieve_at_ = t + 1 * ms;  // while there is anything that waits
  if (!placement_.taker()) return;
  const std::size_t ended = domain_.total(&books::ended),
                    n = ended - std::min(ended, ended_before_);
  const time spent = domain_.options().workers * (t - crowded_since_);
  crowded_since_ = t;
  ended_before_ = ended;
  if (n > 0 && spent / static_cast<time>(n) < worth_a_way) {
    if (domain_.hub()->anything_queued()) return;
  }
  const auto wanted = [this](const caf::resumable* job) {
    if (!is_task(*job)) return false;
    const auto waits = static_cast<const task*>(job);
    return waits->may_travel() && !stay_.contains(waits->type().travels);
  };
  caf::resumable* jobs[8];
  while (placement_.taker()) {
    const std::size_t got = domain_.hub()->take_waiting(jobs, std::size(jobs), wanted);
    if (got == 0) {
      if (domain_.hub()->anything_queued()) return;
      // Whoever pushes from now on rings; what was pushed before is seen here.
      relieve_at_ = INT64_MAX;
      crowd_.store(false);
      if (domain_.hub()->anything_queued()) crowd_.store(true);
      return;
    }
    for (std::size_t i = 0; i < got; ++i) {
      auto taken = static_cast<task*>(jobs[i]);
      if (taken->claim_it()) {
        taken->set_out(shared_from_this());
        take_over(*taken, false);
      } else taken->release();  // somebody who needs its value runs it
    }
  }
}

// Of those that wait for resources of this runtime, some may go where there are more of these.
void node_core::relieve_admission() {
  relieve_asks_at_ = INT64_MAX;  // until the next review
  const auto admission = domain_.admission();
  if (!admission || !admission->core().anyone_may_leave() || !placement_.taker()) return;
  constexpr std::size_t at_once = 8;
  send_asks_msg m{at_once, {}};
  for (const auto& resource : domain_.options().resources)
    m.there.push_back(std::any_of(links_.begin(), links_.end(), [&](const auto& l) {
      return !l.second.leaving && l.second.facts.resources.contains(resource.first);
    }));
  if (std::none_of(m.there.begin(), m.there.end(), [](bool has) { return has; })) return;
  relieve_asks_at_ = now() + 1 * ms;
  admission->tell(std::move(m));
}

void node_core::apply(placings&& all) {
  for (auto& p : all) {
    if (const auto sent = std::get_if<send_task>(&p)) {
      if (sent_.contains(sent->to.task.number)) send_away(sent->to.task.number, sent->to);
    } else if (const auto here = std::get_if<run_here>(&p)) {
      const std::uint64_t number = here->task.number;
      const auto found = sent_.find(number);
      if (found == sent_.end()) continue;
      apply(placement_.forget(here->task, now()));
      bring(number, {});
    } else if (const auto no = std::get_if<nobody_can>(&p)) {
      if (sent_.contains(no->task.number))
        bring_failure(no->task.number, no_node_can(no->task.number),
                      "no node can run it: " + text_of(no->why) + why_lacking(no->task.number));
    } else if (const auto dead = std::get_if<poisoned_task>(&p)) {
      std::string names;
      for (const auto& name : dead->nodes) names += (names.empty() ? "" : ", ") + name;
      if (sent_.contains(dead->task.number))
        bring_failure(dead->task.number, failure::kind::poisoned,
                      "it is poisoned: each node that ran it died (" + names + ")");
    }
  }
}

void node_core::send_away(std::uint64_t number, const attempt& to) {
  sent_task& s = sent_.at(number);
  task& t = *s.t;
  if (const auto inputs = resting_inputs(t); !are_there(inputs)) {
    apply(placement_.held_up(to, now()));
    return apply(lineage_.place_it(number, inputs));
  }
  const auto l = links_.find(to.node);
  frames::run f;
  f.attempt = to.number;
  const known_function& function = function_of(t, f.function);
  shared_objects::sink refs{*objects_, to.node};
  std::string why;
  bool written = false;
  try {
    if (l == links_.end()) throw error("its node is gone");
    std::vector<char> bytes;
    {
      encoder to_bytes{bytes, &refs};
      written = t.type().travels->write(t.call(), to_bytes);
    }
    if (written) f.call = pack(to.node, std::move(bytes), refs);
  } catch (const std::exception& e) { why = e.what(); } catch (...) {
    why = "an exception of another kind";
  }
  if (!written || !why.empty()) {  // an input has failed, or its arguments cannot be encoded
    refs.take_back();
    apply(placement_.forget(to.task, now()));
    if (s.must_leave && !why.empty())
      return bring_failure(number, failure::kind::thrown, "its arguments cannot be sent: " + why);
    return bring(number, {});
  }
  f.may_stay = !s.again && !t.type().parts && !s.call_of && !t.type().travels->makes;
  if (l->second.told.insert(f.function).second) {
    f.name = function.name;
    f.types = function.types;
  }
  if (const auto options = t.options()) {
    frames::sent_options o;
    if (!options->name.empty()) o.name = options->name;
    o.deadline = t.time_left();
    o.priority = options->priority;
    o.resources = options->resources;
    o.labels = options->labels;
    o.blocking = options->blocking;
    o.stack_size = options->stack_size;
    f.options = std::move(o);
  }
  add_actor(f, s);
  s.current = to;
  attempts_.emplace(to.number, number);
  if (auto log = domain_.logging())
    log->saw_node(log_event::sent, t.number(), to.number, to_text(to.node));
  send(to.node, f);
}

void node_core::place_again(std::uint64_t number) {
  sent_task& s = sent_.at(number);
  s.pull.reset();
  s.current.reset();
  if (s.rests) return lose_made(number);
  if (s.call_of) return break_call(number, "its value was lost on the way", false);
  if (!s.must_leave) return bring(number, {});
  auto again = offer_of(number, s);
  again.may_wait = true;
  apply(placement_.offer(std::move(again), now()));
}

// ---- replies ------------------------------------------------------------------------------------

void node_core::bring(std::uint64_t number, away_reply reply) {
  const auto found = sent_.find(number);
  if (found->second.again) {
    std::string why = "its task cannot run again";
    if (reply.why) {
      why = reply.why->story();
      reply.why->release();
    }
    return not_made_again(number, why);
  }
  if (reply.is == away_reply::value)
    reply.keep = note_call(*found->second.t, std::move(found->second.gives));
  task* t = found->second.t;
  object* const rested = found->second.rests;
  auto then = lineage_.settled(number);
  if (rested) {
    resting_.erase(rested);
    resting_in_order_.erase(number);
    forget_place(number);
  }
  reply.broke |= found->second.broke;
  numbers_.erase(t);
  sent_.erase(found);
  t->bring(std::move(reply));
  if (rested) rested->drop();
  apply(std::move(then));
}

void node_core::bring_failure(std::uint64_t number, failure::kind kind, const std::string& text) {
  const std::string name{sent_.at(number).t->name_of_task()};
  bring(number,
        {away_reply::failed, {}, {}, failure::make(kind, name, "task '" + name + "': " + text)});
}

bool node_core::take_flat(node_id from, std::uint64_t number, const frames::payload& p) {
  const task& t = *sent_.at(number).t;
  const value_codec& type = *t.type().travels->function().result;
  return unpack_flat(from, p, type, t.out()->storage(), [this, number](bool arrived) {
    if (arrived) bring(number, {away_reply::in_place, {}, {}, nullptr});
    else place_again(number);
  });
}

bool node_core::take_reply(node_id from, std::uint64_t number, frames::came how, frames::payload& p,
                           std::shared_ptr<ref_source> refs) {
  return unpack(from, p, [this, number, how, refs](std::vector<char>* bytes) {
    if (!bytes) return place_again(number);
    if (how == frames::came::value)
      return bring(number, {away_reply::value, std::move(*bytes), refs, nullptr});
    const failure* why = nullptr;
    try {
      decoder in{*bytes};
      why = failure::read(in);
    } catch (const error& e) {
      return bring_failure(number, failure::kind::thrown,
                           std::string("how it failed cannot be read: ") + e.what());
    }
    // Where it ran, something was lost that it refers to; here that may be made again, or known to be.
    sent_task& s = sent_.at(number);
    if (why->kind_of() == failure::kind::lost && !s.call_of && ++s.lost_tries < most_lost_tries) {
      why->release();
      return place_again(number);
    }
    bring(number, {away_reply::failed, {}, {}, why});
  });
}

void node_core::on(node_id from, frames::done&& f) {
  const auto stays = f.how == frames::came::stays && f.what.refs.size() == 1
                         ? std::optional{f.what.refs[0].object}
                         : std::nullopt;
  if (f.how == frames::came::stays && !stays) return malformed(from, "a value without a name");
  auto named = named_in(f.what);
  // Kept until it is read, also if nobody wants it.
  auto refs = objects_->arrived(from, std::move(f.what.refs));
  const auto under_way = attempts_.find(f.attempt);
  const std::uint64_t number = under_way == attempts_.end() ? 0 : under_way->second;
  const auto found = sent_.find(number);
  const bool current = found != sent_.end() && found->second.current &&
                       *found->second.current == attempt{{id_, number}, f.attempt, from};
  link& l = links_.at(from);
  if (f.order > l.order) {
    l.order = f.order;
    l.queue = std::min(f.queue, longest_queue);
  }
  if (!is_call(f.attempt))
    apply(placement_.settled({{id_, number}, f.attempt, from}, f.service, l.queue, now()));
  attempts_.erase(f.attempt);
  if (!current) {
    if (f.what.held != 0) send(from, frames::let_go{f.what.held});
    return;
  }
  found->second.current.reset();
  if (found->second.again) {
    if (f.what.held != 0) send(from, frames::let_go{f.what.held});
    return made_again(from, number, f.how, named, std::move(refs));
  }
  if (f.how == frames::came::value && !found->second.call_of &&
      !found->second.t->type().travels->makes)
    found->second.gives = given_by(from, std::move(named));
  if (stays) return let_rest(from, number, *stays, f.what.size, std::move(refs));
  found->second.broke = f.broke;
  note_instance(from, found->second, f);
  try {
    const global_id held{from, f.what.held};
    const bool pulled = f.what.flat ? take_flat(from, number, f.what)
                                    : take_reply(from, number, f.how, f.what, refs);
    if (pulled) sent_.at(number).pull = held;  // else it is there, and the task may be gone
  } catch (const error& e) { bring_failure(number, failure::kind::thrown, e.what()); }
  if (crowd_) relieve_at_ = std::min(relieve_at_, now());
}

void node_core::on(node_id from, frames::handed_back&& f) {
  const auto found = attempts_.find(f.attempt);
  if (found == attempts_.end()) return;
  const std::uint64_t number = found->second;
  if (is_call(f.attempt)) return call_handed_back(number, from, f);
  attempts_.erase(found);
  if (const auto s = sent_.find(number);
      s != sent_.end() && s->second.current && s->second.current->number == f.attempt)
    s->second.current.reset();
  if (const auto s = sent_.find(number); f.lacks_function && s != sent_.end()) {
    const needs wants = offer_of(number, s->second).wants;
    links_.at(from).lacks[wants.function] = f.why;
    if (!may_come_again(wants)) placement_.expect_nobody(wants.function);
  }
  const auto why = f.lacks_function ? placement::reason::lacks_function : placement::reason::busy;
  apply(placement_.handed_back({{id_, number}, f.attempt, from}, why, now()));
}

// A node is gone. If it died, each task that it had may be what it died of, unless nodes die
// without it as well; if a suspect was among them, it was that one.
void node_core::lose_tasks(node_id peer, bool died) {
  const time t = now();
  if (died) apply(placement_.acquit(t));
  const auto is_old = [&](const death& d) { return d.at < t - of_late; };
  if (died) deaths_.push_back({t, peer});
  std::erase_if(deaths_, is_old);
  std::vector<std::uint64_t> aboard;
  for (auto& [number, s] : sent_)
    if (s.current && s.current->node == peer) aboard.push_back(number);
  std::sort(aboard.begin(), aboard.end());
  const bool suspects =
      std::any_of(aboard.begin(), aboard.end(), [&](auto n) { return sent_.at(n).suspect; });
  for (const auto number : aboard) {
    const auto found = sent_.find(number);
    if (found == sent_.end() || !found->second.current) continue;
    sent_task& s = found->second;
    const attempt was = *s.current;
    s.current.reset();
    attempts_.erase(was.number);
    if (!died) continue;
    s.deaths.push_back({t, peer});
    std::erase_if(s.deaths, is_old);
    if (s.deaths.size() < deaths_.size() || (suspects && !s.suspect)) continue;
    s.suspect = true;
    apply(placement_.killed(was, t));
  }
  apply(placement_.left(peer, t));
}

// Only the link had been lost: nothing has died of what was aboard. (Placement finds that out by
// itself.)
void node_core::lives_after_all(node_id peer) {
  const auto is_it = [&](const death& d) { return d.node == peer; };
  if (std::erase_if(deaths_, is_it) == 0) return;
  for (auto& [number, s] : sent_)
    if (std::erase_if(s.deaths, is_it) > 0 && s.deaths.empty()) s.suspect = false;
}

}  // namespace troupe::detail
