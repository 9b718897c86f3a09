// SPDX-License-Identifier: MIT
// A value has come that refers to what its task has made on its node: children whose results are
// there, or what it has put. The task's call is kept, as lineage of that: if the node dies, it is run
// again elsewhere, and each ref then names what stands in the same place of the new value.
//
//   reply with such refs --keep--> task settles --keeps_call--> kept --nobody needs them--> forgotten
//                                                 its node is gone --> runs again --> refs renamed
//
// So are refs in the values of what such refs name, as far as those have come: when the task has run
// again, those values are asked for once more, for the new names of what they refer to.
//
// Each object is given by one call, the first; who passes a ref on has not given it. When a call runs
// again it may pass on what has another maker by then, is another call's, has been read here under
// that name already, or has settled and is this node's own: then the old stand-in follows that one.
#include "actors/task.hpp"
#include "node/node_core.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t most_calls = 100'000, looked_at_once = 2000;
}

// Who names is before what its value names.
std::vector<node_core::given> node_core::named_in(const frames::payload& p,
                                                  std::optional<global_id> in) {
  std::vector<given> all;
  std::vector<bool> seen(p.refs.size());
  const auto add = [&](std::uint64_t index, std::uint64_t place, std::optional<global_id> of) {
    if (place >= seen.size() || seen[place]) return;
    seen[place] = true;
    all.push_back({index, p.refs[place].object, p.refs[place].type, place, of});
  };
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(p.named, p.refs.size()); ++i) add(i, i, in);
  for (const auto& r : p.refs)
    for (std::uint64_t i = 0; i < r.inside.size(); ++i) add(i, r.inside[i], r.object);
  return all;
}
std::vector<node_core::given> node_core::given_by(node_id maker, std::vector<given> named) {
  std::erase_if(named, [maker](const given& g) { return g.object.maker != maker; });
  return named;
}

// Before it is brought its value. What another call has given before is that one's. False: nothing is
// left.
bool node_core::note_call(task& t, std::vector<given>&& gives) {
  const std::uint64_t number = last_task_ + 1;
  std::erase_if(gives, [&](const given& g) { return !given_in_.emplace(g.object, number).second; });
  if (gives.empty()) return false;
  last_task_ = number;
  calls_.emplace(number, kept_call{&t, std::move(gives)});
  calls_of_.emplace(&t, number);
  return true;
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
  for (auto& [number, c] : calls_) {
    for (given& g : c.gives) {
      if (g.object.maker != peer) continue;
      g.stale = true;
      c.lost |= objects_->is_needed(g.object) && objects_->hold_back(g.object);
    }
    if (c.again_at == peer) {
      c.again_at.reset();
      c.asked.clear();
      c.keeps.reset();
    }
  }
}

// A value has come of something that a call has given: what that refers to is given by the call, too.
void node_core::note_inside(node_id from, global_id object, const frames::payload& p) {
  const auto in = given_in_.find(object);
  if (in == given_in_.end() || object.maker != from || !objects_->is_needed(object)) return;
  for (given& g : given_by(from, named_in(p, object)))
    if (given_in_.emplace(g.object, in->second).second) calls_.at(in->second).gives.push_back(g);
}

void node_core::run_again() {
  std::vector<std::uint64_t> all;
  for (const auto& [number, c] : calls_)
    if (c.kept && c.lost && !c.again_at && !sent_.contains(number)) all.push_back(number);
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
                           const std::vector<given>& sent, std::shared_ptr<ref_source> refs) {
  sent_.erase(number);
  apply(lineage_.settled(number));
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  if (how != frames::came::value) return try_once_more(number, "its task failed when it ran again");
  if (!rename_given(number, from, sent, refs.get()))
    return try_once_more(number, "its task gave " + std::to_string(sent.size()) +
                                     " refs when it ran again, and not the same as before");
  kept_call& c = calls_.at(number);
  c.again_at = from;
  c.keeps = std::move(refs);
  ask_inside(number);
}

// What a value names stands now for what it named before. False: those are not the same.
bool node_core::rename_given(std::uint64_t number, node_id from, const std::vector<given>& sent,
                             ref_source* refs) {
  kept_call& c = calls_.at(number);
  using key = std::pair<global_id, std::uint64_t>;
  const auto key_of = [](const given& g) { return key{g.in.value_or(global_id{}), g.index}; };
  std::map<key, const given*> by_key;
  std::set<std::optional<global_id>> values;  // that have come
  for (const given& g : sent) {
    by_key.emplace(key_of(g), &g);
    values.insert(g.in);
  }
  std::vector<shared_objects::sought> wanted;
  std::unordered_map<global_id, global_id> renamed;
  std::map<global_id, std::uint64_t> others;  // what is another call's, as it turns out
  bool fits = true;
  for (given& g : c.gives) {
    if (const auto in = g.in ? renamed.find(*g.in) : renamed.end(); in != renamed.end())
      g.in = in->second;
    if (!g.stale || !values.contains(g.in)) continue;
    const auto now = by_key.find(key_of(g));
    const bool same = now != by_key.end() && now->second->type == g.type;
    const node_id maker = same ? now->second->object.maker : node_id{};
    const bool is_there =
        maker == id_ ? !objects_->is_itself(g.object, now->second->object) : links_.contains(maker);
    if (!same || !is_there) {
      fits = !objects_->is_needed(g.object);
      if (fits) continue;
      break;
    }
    const global_id was = g.object;
    g.stale = false;
    g.object = now->second->object;
    if (const auto s = objects_->rename(was, g.object, now->second->place, refs))
      wanted.push_back(*s);
    renamed.emplace(was, g.object);
    if (const auto at = given_in_.find(was); at != given_in_.end() && at->second == number)
      given_in_.erase(at);
    if (const auto [owner, fresh] = given_in_.emplace(g.object, number);
        !fresh && owner->second != number)
      others.emplace(g.object, owner->second);
  }
  leave_to(others, number);
  for (const given& g : sent) {  // of values that have come only now
    const auto in = g.in && g.object.maker == from ? given_in_.find(*g.in) : given_in_.end();
    if (in != given_in_.end() && in->second == number && given_in_.emplace(g.object, number).second)
      c.gives.push_back(g);
  }
  for (const auto& s : wanted) ask_for(s);
  return fits;
}

// A call keeps its arguments, and these what it has only passed on: so it must not be kept for that.
void node_core::leave_to(const std::map<global_id, std::uint64_t>& others, std::uint64_t number) {
  if (others.empty()) return;
  kept_call& c = calls_.at(number);
  bool lost = false;
  for (const given& g : c.gives) {  // what their values name goes with them
    const auto other = g.in ? others.find(*g.in) : others.end();
    if (other == others.end()) continue;
    kept_call& owner = calls_.at(other->second);
    owner.gives.push_back(g);
    given_in_.insert_or_assign(g.object, other->second);
    owner.lost |= g.stale;
    lost |= g.stale;
  }
  std::erase_if(c.gives, [&](const given& g) {
    return others.contains(g.object) || (g.in && others.contains(*g.in));
  });
  if (lost) post([](node_core& n) { n.run_again(); });
}

// For values that name what is still lost, or lead there. None: all is there again.
void node_core::ask_inside(std::uint64_t number) {
  kept_call& c = calls_.at(number);
  const node_id at = *c.again_at;
  std::unordered_map<global_id, const given*> all_given;
  for (const given& g : c.gives) all_given.emplace(g.object, &g);
  std::set<global_id> all;
  std::vector<global_id> out_of_reach;
  for (const given& g : c.gives) {
    if (!g.stale || !objects_->is_needed(g.object)) continue;
    std::optional<global_id> up = g.in;
    while (up) {
      const auto above = all_given.find(*up);
      if (above == all_given.end()) up = std::nullopt;
      else if (above->second->stale) up = above->second->in;
      else break;
    }
    if (!up) out_of_reach.push_back(g.object);
    else if (c.asked.insert(*up).second) all.insert(*up);
  }
  for (const auto& id : out_of_reach)
    objects_->lose(id, "object " + std::to_string(id.number) + " of node " + to_text(id.maker) +
                           " is lost: that node is gone, and another's value referred to it");
  for (const auto& id : all) send(at, frames::want{id});
  if (!c.asked.empty()) return;
  c.lost = false;
  c.tries = 0;
  c.again_at.reset();
  c.keeps.reset();
}

// It was in vain: perhaps another node has died meanwhile.
void node_core::try_once_more(std::uint64_t number, const std::string& why) {
  constexpr unsigned most_tries = 10;
  kept_call& c = calls_.at(number);
  if (++c.tries >= most_tries) return not_made_again(number, why);
  c.again_at.reset();
  c.asked.clear();
  c.keeps.reset();
  c.lost = true;
  for (given& g : c.gives) {
    g.stale = true;
    if (objects_->is_needed(g.object)) (void)objects_->hold_back(g.object);
  }
  post([](node_core& n) { n.run_again(); });
}

// Its node has not got it. False: no call has given it.
bool node_core::lose_given(global_id id) {
  const auto in = given_in_.find(id);
  if (in == given_in_.end() || !objects_->is_needed(id) || !objects_->hold_back(id)) return false;
  kept_call& c = calls_.at(in->second);
  if (!sent_.contains(in->second)) {
    try_once_more(in->second, "it has it no more");
    return true;
  }
  for (given& g : c.gives) g.stale |= g.object == id;
  c.lost = true;
  return true;
}

bool node_core::take_inside(node_id from, frames::have& f) {
  const auto in = given_in_.find(f.object);
  if (in == given_in_.end()) return false;
  const std::uint64_t number = in->second;
  kept_call& c = calls_.at(number);
  if (c.again_at != from || c.asked.erase(f.object) == 0) return false;
  const auto named = named_in(f.what, f.object);
  const auto refs = objects_->arrived(from, std::move(f.what.refs), f.object);
  if (f.what.held != 0) send(from, frames::let_go{f.what.held});
  if (!f.known || f.how != frames::came::value || !rename_given(number, from, named, refs.get()))
    try_once_more(number, "what its task gave when it ran again does not refer to the same");
  else ask_inside(number);
  return true;
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
  for (const given& g : c.gives)
    if (const auto at = given_in_.find(g.object); at != given_in_.end() && at->second == number)
      given_in_.erase(at);
  numbers_.erase(c.t);
  if (c.kept) c.t->bring({});
}

void node_core::review_calls() {
  std::vector<std::uint64_t> over;
  std::size_t looked = 0;
  for (const auto& [number, c] : calls_) {
    if (++looked > looked_at_once) break;
    if (!c.kept || c.again_at || sent_.contains(number)) continue;
    if (std::none_of(c.gives.begin(), c.gives.end(),
                     [this](const given& g) { return objects_->is_needed(g.object); }))
      over.push_back(number);
  }
  for (const auto number : over) forget_call(number);
}

}  // namespace troupe::detail
