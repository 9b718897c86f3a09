// SPDX-License-Identifier: MIT
// A value has come that refers to what its task has made on its node: children whose results are
// there, or what it has put. The task's call is kept, as lineage of that: if the node dies, it is run
// again elsewhere, and each ref then names what stands in the same place of the new value.
//
//   reply with such refs --keep--> task settles --keeps_call--> kept --nobody needs them--> forgotten
//                                                 its node is gone --> runs again --> refs renamed
#include "actors/task.hpp"
#include "node/node_core.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t most_calls = 100'000, looked_at_once = 2000;
}

std::vector<node_core::given> node_core::named_in(const std::vector<frames::sent_ref>& refs) {
  std::vector<given> all;
  for (std::size_t i = 0; i < refs.size(); ++i) all.push_back({i, refs[i].object, refs[i].type});
  return all;
}
std::vector<node_core::given> node_core::given_by(node_id maker, std::vector<given> named) {
  std::erase_if(named, [maker](const given& g) { return g.object.maker != maker; });
  return named;
}

// Before it is brought its value.
void node_core::note_call(task& t, std::vector<given>&& gives) {
  const std::uint64_t number = ++last_task_;
  calls_.emplace(number, kept_call{&t, std::move(gives)});
  calls_of_.emplace(&t, number);
}

void node_core::keeps_call(task& t, bool kept) noexcept {
  if (!post([&t, kept](node_core& n) { n.hear_of_call(t, kept); }) && kept) t.bring({});
}

void node_core::hear_of_call(task& t, bool kept) {
  const auto found = calls_of_.find(&t);
  if (found == calls_of_.end()) {  // this node leaves, or there were too many
    if (kept) t.bring({});
    return;
  }
  const std::uint64_t number = found->second;
  if (!kept) return not_made_again(number, "its maker's value cannot be read");
  numbers_.emplace(&t, number);
  calls_.at(number).kept = true;
  while (calls_.size() > most_calls && calls_.begin()->second.kept)
    forget_call(calls_.begin()->first);
  run_again();
}

// What will be made again is not lost. Before the table hears of the node's end.
void node_core::hold_back_given(node_id peer) {
  for (auto& [number, c] : calls_)
    for (const auto& g : c.gives)
      if (g.object.maker == peer && objects_->is_needed(g.object) && objects_->hold_back(g.object))
        c.lost = true;
}

void node_core::run_again() {
  std::vector<std::uint64_t> all;
  for (const auto& [number, c] : calls_)
    if (c.kept && c.lost && !sent_.contains(number)) all.push_back(number);
  for (const auto number : all) {
    const auto found = calls_.find(number);
    if (found == calls_.end() || sent_.contains(number)) continue;
    sent_task& s = sent_[number];
    s.t = found->second.t;
    s.must_leave = s.again = true;
    if (const auto inputs = resting_inputs(*s.t); !inputs.empty())
      apply(lineage_.place_it(number, inputs));
    else place(number);
  }
}

void node_core::made_again(node_id from, std::uint64_t number, frames::came how,
                           const std::vector<given>& sent, ref_source* refs) {
  sent_.erase(number);
  apply(lineage_.settled(number));
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  if (how != frames::came::value)
    return not_made_again(number, "its task failed when it ran again");
  kept_call& c = found->second;
  const auto fits = [&](const given& g) {
    return g.index < sent.size() && sent[g.index].type == g.type &&
           sent[g.index].object.maker == from;
  };
  if (!std::all_of(c.gives.begin(), c.gives.end(), fits))
    return not_made_again(number, "its task gave " + std::to_string(sent.size()) +
                                      " refs when it ran again, and not the same as before");
  c.lost = false;
  std::vector<shared_objects::sought> wanted;
  for (given& g : c.gives) {
    const global_id now = sent[g.index].object;
    if (const auto s = objects_->rename(g.object, now, g.index, refs)) wanted.push_back(*s);
    g.object = now;
  }
  for (const auto& s : wanted) ask_for(s);
}

void node_core::not_made_again(std::uint64_t number, const std::string& why) {
  if (sent_.erase(number) > 0) apply(lineage_.settled(number));
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  if (found->second.lost)
    for (const auto& g : found->second.gives)
      objects_->lose(g.object, "object " + std::to_string(g.object.number) + " of node " +
                                   to_text(g.object.maker) + " is lost: that node is gone, and " +
                                   why);
  forget_call(number);
}

void node_core::forget_call(std::uint64_t number) {
  const auto found = calls_.find(number);
  const kept_call c = std::move(found->second);
  calls_.erase(found);
  calls_of_.erase(c.t);
  numbers_.erase(c.t);
  if (c.kept) c.t->bring({});
}

void node_core::review_calls() {
  std::vector<std::uint64_t> over;
  std::size_t looked = 0;
  for (const auto& [number, c] : calls_) {
    if (++looked > looked_at_once) break;
    if (!c.kept || sent_.contains(number)) continue;
    if (std::none_of(c.gives.begin(), c.gives.end(),
                     [this](const given& g) { return objects_->is_needed(g.object); }))
      over.push_back(number);
  }
  for (const auto number : over) forget_call(number);
}

}  // namespace troupe::detail
