// SPDX-License-Identifier: MIT
// Tasks whose values stay on the nodes that made them: what is known of those, and what comes of it.
#include "actors/task.hpp"
#include "node/node_core.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t looked_at_once = 2000;

// How many bytes a call needs, by where they are.
class measure final : public ref_sink {
public:
  using lies = std::function<std::optional<lineage::place>(object*)>;
  explicit measure(lies f) : lies_(std::move(f)) {}
  std::uint64_t index(object* o, const value_codec& type) override {
    if (!seen_.insert(o).second) return 0;
    if (o->is_sealed() && !o->failed) here += type.held(o->value);
    else if (const auto at = lies_(o)) elsewhere[at->value.maker] += at->bytes;
    return 0;
  }
  std::size_t here = 0;
  std::map<node_id, std::uint64_t> elsewhere;

private:
  const lies lies_;
  std::unordered_set<object*> seen_;
};
}  // namespace

std::vector<std::uint64_t> node_core::resting_inputs(const task& t) const {
  struct look {
    const decltype(resting_)& resting;
    std::vector<std::uint64_t> found;
  } all{resting_, {}};
  const outgoing_call& call = *t.type().travels;
  if (!resting_.empty() && call.by_refs)
    call.each_input(
        const_cast<task&>(t).call(),
        [](void* with, object* o) {
          auto& to = *static_cast<look*>(with);
          if (const auto one = to.resting.find(o); one != to.resting.end())
            to.found.push_back(one->second);
        },
        &all);
  return all.found;
}

bool node_core::are_there(const std::vector<std::uint64_t>& tasks) const {
  return std::all_of(tasks.begin(), tasks.end(),
                     [this](auto number) { return lineage_.where(number).has_value(); });
}

std::map<node_id, std::uint64_t> node_core::bytes_of_inputs(task& t) {
  if (resting_inputs(t).empty()) return {};
  measure sizes{[this](object* o) -> std::optional<lineage::place> {
    const auto found = resting_.find(o);
    return found == resting_.end() ? std::nullopt : lineage_.where(found->second);
  }};
  std::vector<char> bytes;
  try {
    encoder to{bytes, &sizes};
    (void)t.type().travels->write(t.call(), to);
  } catch (...) {}  // it is told when it is sent
  auto all = std::move(sizes.elsewhere);
  all[id_] += sizes.here + bytes.size();
  return all;
}

void node_core::let_rest(node_id from, std::uint64_t number, global_id value, std::uint64_t bytes,
                         std::shared_ptr<ref_source> keeps) {
  if (value.maker != from) return malformed(from, "a value that is another node's");
  sent_task& s = sent_.at(number);
  task& t = *s.t;
  if (t.asked_to_end() && !s.rests) return bring(number, {});  // it is about to be recalled
  const bool first = !s.rests;
  s.keeps = std::move(keeps);
  s.made = value;
  made_at_.insert_or_assign(value, number);
  auto then = lineage_.made(number, {value, bytes},
                            first ? resting_inputs(t) : std::vector<std::uint64_t>{});
  if (first) {
    s.rests = t.out();
    s.rests->retain();
    resting_.emplace(s.rests, number);
    resting_in_order_.insert(number);
  }
  objects_->lies_at(s.rests, value);
  if (first) t.rest();
  apply(std::move(then));
}

void node_core::apply(lineage::effects&& e) {
  for (const auto& value : e.let_go)
    if (const auto found = made_at_.find(value); found != made_at_.end())
      forget_place(found->second);
  for (const auto number : e.end)
    bring_failure(number, failure::kind::cancelled, "nobody refers to its value any more");
  for (const auto number : e.cut)
    bring_failure(number, failure::kind::lost,
                  "its value was let go, and so many tasks came after it that it is not run again");
  for (const auto number : e.run)
    if (sent_.contains(number)) place(number);
  for (const auto number : e.fetch)
    if (const auto at = lineage_.where(number)) {
      if (links_.contains(at->value.maker)) send(at->value.maker, frames::want{at->value});
      else lose_made(number);
    }
}

// Where its value is.
void node_core::forget_place(std::uint64_t number) {
  sent_task& s = sent_.at(number);
  if (s.made) made_at_.erase(*s.made);
  s.made.reset();
  objects_->lies_at(s.rests, std::nullopt);
  s.keeps.reset();
}

void node_core::lose_made(std::uint64_t number) {
  if (lineage_.where(number)) forget_place(number);
  apply(lineage_.lost(number));
}

bool node_core::take_made(node_id from, frames::have& f) {
  const auto found = made_at_.find(f.object);
  if (found == made_at_.end()) return false;
  const std::uint64_t number = found->second;
  if (!f.known) {
    lose_made(number);
    return true;
  }
  if (f.object.maker != from || sent_.at(number).pull) {
    if (f.what.held != 0) send(from, frames::let_go{f.what.held});
    return true;
  }
  const global_id held{from, f.what.held};
  if (f.how == frames::came::value) sent_.at(number).gives = given_by(from, named_in(f.what));
  const auto refs = objects_->arrived(from, std::move(f.what.refs));
  try {
    const bool pulled = f.what.flat ? take_flat(from, number, f.what)
                                    : take_reply(from, number, f.how, f.what, refs);
    if (pulled) sent_.at(number).pull = held;
  } catch (const error& e) { bring_failure(number, failure::kind::thrown, e.what()); }
  return true;
}

// Its object is referred to by this node, by the calls of others that rest, and by nobody else.
void node_core::review_resting() {
  std::vector<std::uint64_t> idle;
  const auto& all = resting_in_order_;
  for (std::size_t n = 0; n < std::min(all.size(), looked_at_once); ++n) {
    auto at = all.upper_bound(reviewed_);
    if (at == all.end()) at = all.begin();
    reviewed_ = *at;
    const object& o = *sent_.at(*at).rests;
    if (o.refs.load(std::memory_order_acquire) == 1 + lineage_.references(*at)) idle.push_back(*at);
  }
  for (const auto number : idle) apply(lineage_.idle(number));
}

// This node leaves: those whose values nobody could ask for end, and the others run again at home.
void node_core::end_resting() {
  for (std::size_t before = SIZE_MAX; resting_.size() < before;) {
    before = resting_.size();
    for (std::size_t n = 0; n < before; n += looked_at_once) review_resting();
  }
}

}  // namespace troupe::detail
