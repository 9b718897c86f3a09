// SPDX-License-Identifier: MIT
// The owner's side: actors whose instances live on other nodes. Their constructors are placed like
// tasks; their calls go where the instance is.
#include "actors/host.hpp"
#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "node/node_core.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace troupe::detail {

namespace {
const hosted* made_by(const task& t) {
  const auto travels = t.type().travels;
  return travels && travels->makes ? static_cast<const making*>(const_cast<task&>(t).call())->of
                                   : nullptr;
}
}  // namespace

// ---- calls --------------------------------------------------------------------------------------

void node_core::take_call(task& t) {
  const std::uint64_t number = ++last_task_;
  sent_task& s = sent_[number];
  s.t = &t;
  s.must_leave = true;
  s.call_of = t.turn_of_call()->of;
  numbers_.emplace(&t, number);
  send_call(number);
  t.is_away();
}

void node_core::send_call(std::uint64_t number) {
  const auto at = away_instances_.find(sent_.at(number).call_of);
  if (at == away_instances_.end()) return break_call(number, "its actor is gone", true);
  send_away(number, {{id_, number}, first_call + ++last_call_, at->second.node});
}

// What a frame says beside the call.
void node_core::add_actor(frames::run& f, const sent_task& s) {
  if (s.call_of) f.instance = away_instances_.at(s.call_of).attempt;
  else if (const hosted* h = made_by(*s.t)) f.snapshot_every = h->saves ? h->snapshot_every : 0;
}

// unbegun: it has not been there, so it goes back to its line.
void node_core::break_call(std::uint64_t number, const std::string& why, bool unbegun) {
  const task& t = *sent_.at(number).t;
  bring(number,
        {away_reply::failed,
         {},
         {},
         failure::of_exception(t.name_of_task(), std::make_exception_ptr(actor_broken(why))),
         true,
         unbegun});
}

void node_core::call_handed_back(std::uint64_t number, node_id from, const frames::handed_back& f) {
  const auto found = sent_.find(number);
  if (found == sent_.end() || !found->second.current || found->second.current->node != from) return;
  attempts_.erase(f.attempt);
  found->second.current.reset();
  const std::string there = "node '" + links_.at(from).facts.name + "': ";
  if (f.lacks_instance) return break_call(number, there + f.why, true);
  if (f.lacks_function) return bring_failure(number, failure::kind::thrown, there + f.why);
  calls_to_resend_.push_back(number);  // it has no room
}

void node_core::resend_calls() {
  for (const auto number : std::exchange(calls_to_resend_, {}))
    if (const auto s = sent_.find(number);
        s != sent_.end() && !s->second.current && !s->second.pull)
      send_call(number);
}

// ---- instances ----------------------------------------------------------------------------------

// A reply has come: perhaps it is from a constructor.
void node_core::note_instance(node_id from, const sent_task& s, const frames::done& f) {
  const hosted* h = made_by(*s.t);
  if (!h || f.how != frames::came::value) return;
  away_instances_[h] = {from, f.attempt, h->made, static_cast<const host*>(h)->handle};
  if (links_.at(from).leaving) move_instances(from);
}

void node_core::end_instance(hosted& h) noexcept {
  post([h = &h](node_core& n) {
    const auto found = n.away_instances_.find(h);
    if (found == n.away_instances_.end()) return;
    n.send(found->second.node, frames::cancel{found->second.attempt});
    n.away_instances_.erase(found);
  });
}

namespace {
void tell_lost(const hosted& h, std::uint32_t made, const std::string& why, bool counts) {
  static_cast<const host&>(h).actor->tell(
      lost_instance_msg{failure::make(failure::kind::lost, h.type->name, why), made, counts});
}
}  // namespace

// Their hosts hear of it before their calls do.
void node_core::lose_instances(node_id peer) {
  std::vector<std::pair<const hosted*, away_instance>> gone;
  std::erase_if(away_instances_, [&](const auto& e) {
    if (e.second.node != peer) return false;
    gone.emplace_back(e);
    return true;
  });
  if (gone.empty()) return;
  const std::string why = "node '" + lost_nodes_.back().second.name + "', where it lived, is gone";
  std::vector<std::uint64_t> calls;
  for (const auto& [h, at] : gone) {
    tell_lost(*h, at.made, why, true);
    for (const auto& [number, s] : sent_)
      if (s.call_of == h) calls.push_back(number);
  }
  std::sort(calls.begin(), calls.end());
  for (const auto number : calls) {
    const sent_task& s = sent_.at(number);
    if (s.current) attempts_.erase(s.current->number);
    if (s.pull) leave_pull(*s.pull);
    const bool unbegun = !s.current && !s.pull;
    break_call(number, why, unbegun);
  }
}

// Its node is leaving: where there are snapshots they go on from the last one.
void node_core::move_instances(node_id peer) {
  const std::string why = "node '" + links_.at(peer).facts.name + "', where it lived, is leaving";
  std::vector<std::pair<const hosted*, away_instance>> all;
  for (const auto& e : away_instances_)
    if (e.second.node == peer) all.emplace_back(e);
  for (const auto& [h, at] : all) tell_lost(*h, at.made, why, !h->saves);
}

// An actor that no node can make is not to be tried again.
failure::kind node_core::no_node_can(std::uint64_t number) const {
  const sent_task& s = sent_.at(number);
  return s.rests || made_by(*s.t) ? failure::kind::lost : failure::kind::thrown;
}

// What nodes have said of its function.
std::string node_core::why_lacking(std::uint64_t number) {
  std::uint64_t hash;
  (void)function_of(*sent_.at(number).t, hash);
  std::string text;
  for (const auto& [id, l] : links_)
    if (const auto found = l.lacks.find(hash); found != l.lacks.end())
      text += "; node '" + l.facts.name + "' says: " + found->second;
  return text;
}

}  // namespace troupe::detail
