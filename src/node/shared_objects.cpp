// SPDX-License-Identifier: MIT
#include "node/shared_objects.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "seeing/log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t short_value = 16 << 10;  // rides with a ref to it

void put_lost(object& o, std::string why) {
  put_failure(o, failure::make(failure::kind::lost, "another node's", std::move(why)));
}
}  // namespace

shared_objects::shared_objects(domain& d, node_id self, std::function<void()> wake)
    : domain_(d),
      self_(self),
      wake_(std::move(wake)),
      borrows_(self) {}

shared_objects::afterwards::~afterwards() {
  for (auto& [o, why] : lose) {
    put_lost(*o, std::move(why));
    o->drop();
  }
  for (object* o : drop) o->drop();
  if (follow) follow();
}

// ---- sent ---------------------------------------------------------------------------------------

std::uint64_t shared_objects::sink::index(object* o, const value_codec& type) {
  const std::size_t before = refs_.size();
  const std::uint64_t at = name(o, type);
  if (refs_.size() > before) objects_.back() = {o, &type};
  if (inside_ && std::find(inside_->begin(), inside_->end(), at) == inside_->end())
    inside_->push_back(at);
  return at;
}

void shared_objects::sink::take(frames::payload& into) {
  into.named = refs_.size();
  for (std::size_t i = 0; i < refs_.size(); ++i) {  // which grows
    const named n = objects_[i];
    if (!n.o || !n.o->is_sealed() || n.o->failed) continue;
    std::vector<char> bytes;
    std::vector<std::uint64_t> inside;
    inside_ = &inside;
    const bool fits = encoder{bytes, this}.value_if_short(n.o->value, *n.type, short_value);
    inside_ = nullptr;
    if (!fits) continue;
    refs_[i].value = std::move(bytes);
    refs_[i].inside = std::move(inside);
  }
  into.refs = std::move(refs_);
}

std::uint64_t shared_objects::sink::name(object* o, const value_codec& type) {
  const auto [place, fresh] = places_.try_emplace(o, refs_.size());
  if (!fresh) return place->second;
  std::lock_guard guard{table_.mutex_};
  if (!table_.peers_.contains(to_))
    throw error("node " + to_text(to_) + " is not connected any more");
  const auto lies = table_.lie_at_.find(o);
  if (lies != table_.lie_at_.end() && lies->second.maker == to_) {
    refs_.push_back({lies->second, type.hash, {}, {}, {}, {}});
  } else {
    const global_id id = table_.name_of(o, type);
    if (id.maker == table_.self_) (void)table_.borrows_.lend(id, to_);
    else if (id.maker != to_ && table_.borrows_.is_borrowed(id)) table_.borrows_.pass_on(id, to_);
    refs_.push_back({id, type.hash, {}, {}, {}, {}});
    if (lies != table_.lie_at_.end() && id.maker == table_.self_) refs_.back().at = lies->second;
    refs_.back().copies = table_.entries_.at(id).copies;
    if (id.maker != table_.self_)
      refs_.back().copies.push_back(table_.self_);  // it may be asked, too
  }
  objects_.push_back({nullptr, &type});
  return place->second;
}

// The lock is held. What is here of a maker that is gone is this node's own from now on.
global_id shared_objects::name_of(object* o, const value_codec& type) {
  if (const auto found = ids_.find(o); found != ids_.end())
    if (const global_id now = name_now(found->second); !is_orphan(now)) return now;
  const global_id id{self_, ++numbers_};
  o->retain();
  entries_.emplace(id, entry{.o = o, .type = &type, .hash = type.hash, .settled = true});
  ids_.insert_or_assign(o, id);
  if (auto log = domain_.logging()) log->saw_node(log_event::lent, id.number, address_of(*o));
  return id;
}

bool shared_objects::is_orphan(global_id id) const {
  if (id.maker == self_) return false;
  if (!borrows_.is_held(id)) return true;
  const entry& e = entries_.at(id);
  return leaving_.contains(id.maker) && e.o && e.o->is_sealed();
}

void shared_objects::sink::take_back() noexcept {
  afterwards then;
  std::lock_guard guard{table_.mutex_};
  for (const auto& r : refs_) {
    using m = borrows::message;
    if (r.object.maker == table_.self_)
      table_.apply(table_.borrows_.arrived({m::released, table_.self_, r.object, 1, {}}, to_),
                   then);
    else if (r.object.maker != to_)
      table_.apply(table_.borrows_.arrived({m::passed, table_.self_, r.object, 0, {}}, to_), then);
  }
  refs_.clear();
}

// ---- arrived ------------------------------------------------------------------------------------

class shared_objects::source final : public ref_source {
public:
  // Of the node's own objects: they may be let go before the ref is read.
  struct known {
    object* o = nullptr;  // with a reference
    std::uint64_t hash = 0;
  };
  source(std::shared_ptr<shared_objects> table, std::vector<frames::sent_ref> refs,
         std::unordered_map<std::uint64_t, known> own)
      : table_(std::move(table)),
        refs_(std::move(refs)),
        own_(std::move(own)) {}
  ~source() override {
    for (const auto& [index, k] : own_) k.o->drop();
    std::lock_guard guard{table_->mutex_};
    for (const auto& r : refs_)
      if (r.object.maker != table_->self_)
        if (const auto e = table_->entries_.find(table_->name_now(r.object));
            e != table_->entries_.end())
          --e->second.pins;
  }
  object* find(std::uint64_t index, const value_codec& type) override {
    if (index >= refs_.size() || refs_[index].type != type.hash) return nullptr;
    if (const auto own = own_.find(index); own != own_.end()) {
      if (own->second.hash != type.hash) return nullptr;
      own->second.o->retain();
      return own->second.o;
    }
    auto& sent = refs_[index];
    if (sent.object.maker == table_->self_) {  // whoever passed it on died before it was claimed
      object* const none = create_object(table_->domain_, *type.holds);
      put_lost(*none, "object " + std::to_string(sent.object.number) +
                          " is lost: who passed the ref to it on is gone, and nobody else held it");
      return none;
    }
    object* made = nullptr;
    std::string lost;
    {
      std::lock_guard guard{table_->mutex_};
      const global_id id = table_->name_now(sent.object);
      const auto found = table_->entries_.find(id);
      if (found == table_->entries_.end() || found->second.hash != type.hash) return nullptr;
      entry& e = found->second;
      if (!e.o) {
        e.o = create_object(table_->domain_, *type.holds);
        e.type = &type;
        e.o->away = 1;
        e.o->found_elsewhere();
        table_->ids_.emplace(e.o, id);
        table_->stand_ins_.emplace(e.o, id);
        if (auto log = table_->domain_.logging())
          log->saw_node(log_event::borrowed, id.number, address_of(*e.o), to_text(id.maker));
        lost = std::exchange(e.lost, {});
      }
      e.o->retain();
      made = e.o;
      if (lost.empty() && (e.settled || !sent.value)) return made;
      e.settled = true;
    }
    if (!lost.empty()) return put_lost(*made, std::move(lost)), made;
    table_->unpack(*made, type, *sent.value, this);
    return made;
  }

private:
  const std::shared_ptr<shared_objects> table_;
  std::vector<frames::sent_ref> refs_;
  const std::unordered_map<std::uint64_t, known> own_;  // by index
};

void shared_objects::unpack(object& o, const value_codec& type, const std::vector<char>& bytes,
                            ref_source* refs) {
  try {
    decoder from{bytes, refs};
    type.read(from, o.storage());
  } catch (...) {
    return put_failure(o,
                       failure::of_exception("a value of another node", std::current_exception()));
  }
  put_object(&o);
}

std::shared_ptr<ref_source> shared_objects::arrived(node_id from,
                                                    std::vector<frames::sent_ref> refs,
                                                    std::optional<global_id> in) {
  if (refs.empty()) return nullptr;
  std::vector<std::optional<global_id>> comes_in(refs.size(), in);
  for (const auto& r : refs)
    for (const auto place : r.inside)
      if (place < refs.size() && refs[place].object != r.object) comes_in[place] = r.object;
  afterwards then;
  std::lock_guard guard{mutex_};
  std::unordered_map<std::uint64_t, source::known> own;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const auto& r = refs[i];
    if (r.object.maker == self_) {
      const auto found = entries_.find(r.object);
      if (found == entries_.end()) continue;  // nobody has had that
      found->second.o->retain();
      own.emplace(i, source::known{found->second.o, found->second.hash});
    } else if (const global_id now = name_now(r.object); now != r.object) {
      apply(borrows_.got(r.object, from), then);  // the sender waits for its answer
      apply(borrows_.local_gone(r.object), then);
      ++entries_.at(now).pins;
    } else {
      apply(borrows_.got(r.object, from), then);
      entry& e = entries_[r.object];
      if (e.is_lost || e.stale) {  // it has been made again, or a connection
        e.is_lost = e.stale = false;
        forget_stand_in(r.object, e, then);
        e.settled = e.asked = false;
        e.lost.clear();
      }
      if (!e.o) e.hash = r.type;
      if (comes_in[i]) e.in = comes_in[i];
      if (r.at && r.at->maker != self_ && !e.settled && at_.emplace(*r.at, r.object).second) {
        if (e.at) at_.erase(*e.at);
        e.at = r.at;
        if (e.asked && !e.held_back) {
          moved_.push_back(r.object);
          wake_();
        }
      }
      if (!r.copies.empty()) {
        e.copies = r.copies;
        e.replicated |= from == r.object.maker;
      }
      ++e.pins;
    }
  }
  return std::make_shared<source>(shared_from_this(), std::move(refs), std::move(own));
}

void shared_objects::arrived(node_id from, const borrows::message& m) {
  afterwards then;
  std::lock_guard guard{mutex_};
  apply(borrows_.arrived(m, from), then);
}

void shared_objects::apply(borrows::effects&& e, afterwards& then) {
  if (!e.send.empty()) {
    messages_.insert(messages_.end(), e.send.begin(), e.send.end());
    wake_();
  }
  for (const auto& id : e.let_go)
    if (const auto found = entries_.find(id); found != entries_.end() && !found->second.copied) {
      found->second.let_go = true;
      if (found->second.pins == 0) forget(id, found->second, then);
    }
  for (const auto& id : e.lost)
    if (const auto found = entries_.find(id);
        found != entries_.end() && found->second.copies.empty() && !found->second.held_back)
      lose(found->second, gone_text(id), then);
}

std::string shared_objects::gone_text(global_id id) const {
  return "object " + std::to_string(id.number) + " of node " + to_text(id.maker) +
         " is lost: that node is gone, and with it what it had made";
}

void shared_objects::lose(entry& e, const std::string& why, afterwards& then) {
  if (std::exchange(e.settled, true)) return;
  e.is_lost = true;
  make_stale(e.in);
  if (!e.o) {
    e.lost = why;
    return;
  }
  e.o->retain();
  then.lose.emplace_back(e.o, why);
}

// Whoever is told of it again is to have its value from who knows better by then.
void shared_objects::make_stale(std::optional<global_id> id) {
  constexpr int deepest = 100;
  for (int n = 0; id && id->maker != self_ && n < deepest; ++n) {
    const auto found = entries_.find(*id);
    if (found == entries_.end()) return;
    found->second.stale = true;
    id = found->second.in;
  }
}

void shared_objects::forget(global_id id, entry& e, afterwards& then) {
  forget_stand_in(id, e, then);
  forget_at(e);
  std::erase_if(renamed_, [&](const auto& r) { return r.second == id; });
  entries_.erase(global_id{id});
}

void shared_objects::forget_stand_in(global_id id, entry& e, afterwards& then) {
  object* const o = std::exchange(e.o, nullptr);
  if (!o) return;
  if (const auto named = ids_.find(o); named != ids_.end() && named->second == id)
    ids_.erase(named);
  if (const auto one = stand_ins_.find(o); one != stand_ins_.end() && one->second == id)
    stand_ins_.erase(one);
  then.drop.push_back(o);
}

void shared_objects::forget_at(entry& e) {
  if (e.at) at_.erase(*e.at);
  e.at.reset();
}

// ---- the node's thread --------------------------------------------------------------------------

void shared_objects::opened(node_id peer) {
  std::lock_guard guard{mutex_};
  peers_.insert(peer);
}

void shared_objects::left(node_id peer) {
  afterwards then;
  std::lock_guard guard{mutex_};
  peers_.erase(peer);
  apply(borrows_.left(peer), then);
}

std::vector<borrows::message> shared_objects::take_messages() {
  std::lock_guard guard{mutex_};
  return std::exchange(messages_, {});
}

void shared_objects::review() {
  afterwards then;
  std::lock_guard guard{mutex_};
  std::vector<global_id> unused, moved;
  for (auto& [id, e] : entries_) {
    if (e.pins != 0) continue;
    const bool only_here = !e.o || e.o->refs.load(std::memory_order_acquire) == 1,
               moves = leaving_.contains(id.maker) && e.o && e.o->is_sealed();
    const bool goes =
        id.maker == self_ ? (e.copied ? only_here : e.let_go) && !borrows_.is_lent(id) : only_here;
    if (goes) unused.push_back(id);
    else if (moves && borrows_.is_borrowed(id)) moved.push_back(id);
  }
  for (const auto& id : moved) apply(borrows_.local_gone(id), then);  // others may ask here yet
  for (const auto& id : unused) {
    entry& e = entries_.at(id);
    if (id.maker == self_) {
      if (e.copied) uncopied_.push_back({id, nullptr, nullptr, std::move(e.copies)});
      forget(id, e, then);
      continue;
    }
    lose(e, "nobody waits for it any more", then);
    if (borrows_.is_borrowed(id)) apply(borrows_.local_gone(id), then);
    if (const auto found = entries_.find(id); found != entries_.end())
      forget(id, found->second, then);
  }
}

void shared_objects::close(const std::string& why) {
  afterwards then;
  std::lock_guard guard{mutex_};
  for (auto& [id, e] : entries_) {
    if (id.maker != self_) lose(e, why, then);
    if (e.o) then.drop.push_back(e.o);
  }
  entries_.clear();
  renamed_.clear();
  at_.clear();
  lie_at_.clear();
  ids_.clear();
  stand_ins_.clear();
  peers_.clear();
}

shared_objects::found shared_objects::own(global_id id) {
  std::lock_guard guard{mutex_};
  const auto at = entries_.find(id);
  if (at == entries_.end() || id.maker != self_) return {};
  at->second.o->retain();
  return {at->second.o, at->second.type};
}

shared_objects::found shared_objects::to_settle(global_id id, bool lost) {
  std::lock_guard guard{mutex_};
  if (const auto other = at_.find(id); other != at_.end()) id = other->second;
  const auto at = entries_.find(id);
  if (at == entries_.end() || id.maker == self_ || !at->second.o || at->second.held_back ||
      std::exchange(at->second.settled, true))
    return {};
  at->second.is_lost = lost;
  at->second.o->retain();
  return {at->second.o, at->second.type};
}

shared_objects::counts shared_objects::count() {
  std::lock_guard guard{mutex_};
  return {borrows_.lent_count(), borrows_.borrowed_count()};
}

}  // namespace troupe::detail
