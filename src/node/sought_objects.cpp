// SPDX-License-Identifier: MIT
// Where this node looks for the values of what it borrows: with the maker, where the maker has said
// that they lie, with those who have copies; and what becomes of them when the maker is gone.
#include "node/shared_objects.hpp"
#include "node/when_settled.hpp"
#include "runtime/failure.hpp"

#include <utility>

namespace troupe::detail {

std::optional<global_id> shared_objects::is_stand_in_for(const object* o) {
  std::lock_guard guard{mutex_};
  const auto found = stand_ins_.find(o);
  return found == stand_ins_.end() ? std::nullopt : std::optional{name_now(found->second)};
}

std::optional<shared_objects::sought> shared_objects::wanted(const object* o) {
  std::lock_guard guard{mutex_};
  const auto found = stand_ins_.find(o);
  if (found == stand_ins_.end()) return std::nullopt;
  const global_id id = name_now(found->second);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return std::nullopt;
  auto& e = entry->second;
  if (e.settled || std::exchange(e.asked, true) || e.held_back) return std::nullopt;
  return sought{id, e.at, {}};
}

std::optional<shared_objects::sought> shared_objects::not_at(global_id at) {
  std::lock_guard guard{mutex_};
  const auto found = at_.find(at);
  if (found == at_.end()) return std::nullopt;
  const global_id id = found->second;
  entry& e = entries_.at(id);
  forget_at(e);
  if (e.settled || !e.asked) return std::nullopt;
  return sought{id, {}, {}};
}

std::optional<shared_objects::sought> shared_objects::not_whole(const object* o, node_id from) {
  std::lock_guard guard{mutex_};
  const auto found = stand_ins_.find(o);
  if (found == stand_ins_.end()) return std::nullopt;
  entry& e = entries_.at(found->second);
  if (e.at || e.held_back) {
    forget_at(e);
    e.settled = false;
    return sought{found->second, {}, {}};
  }
  std::erase(e.copies, from);
  if (e.copies.empty()) return std::nullopt;
  e.settled = false;
  return sought{found->second, {}, e.copies.front()};
}

std::vector<shared_objects::sought> shared_objects::asked_at(node_id node) {
  std::vector<sought> all;
  afterwards then;
  std::lock_guard guard{mutex_};
  leaving_.erase(node);
  for (auto& [id, e] : entries_) {
    if (e.held_back) continue;
    if (id.maker != self_ && id.maker != node && std::erase(e.copies, node) > 0 && e.asked &&
        !e.settled) {  // it may have been asked there, while the maker was not to be reached
      all.push_back({id, {}, {}});
      if (!e.copies.empty()) all.back().copy = e.copies.front();
      continue;
    }
    if (id.maker == node && !e.copies.empty()) {
      if (e.settled || !e.o) continue;
      e.asked = true;
      all.push_back({id, {}, e.copies.front()});
      continue;
    }
    if (id.maker == node) lose(e, gone_text(id), then);  // also what once had copies
    if (!e.at || e.at->maker != node || (e.settled && e.o && !e.o->is_sealed())) continue;
    forget_at(e);
    if (e.asked && !e.settled) all.push_back({id, {}, {}});
  }
  return all;
}

std::optional<shared_objects::sought> shared_objects::no_copy(global_id id, node_id at) {
  std::lock_guard guard{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  std::erase(found->second.copies, at);
  if (found->second.settled || found->second.copies.empty()) return std::nullopt;
  return sought{id, {}, found->second.copies.front()};
}

std::vector<shared_objects::sought> shared_objects::take_moved() {
  std::vector<sought> all;
  std::lock_guard guard{mutex_};
  for (const auto& id : std::exchange(moved_, {}))
    if (const auto found = entries_.find(id); found != entries_.end())
      if (const entry& e = found->second; e.at && e.asked && !e.settled && !e.held_back)
        all.push_back({id, e.at, {}});
  return all;
}

bool shared_objects::is_copy_asked(global_id id, node_id at) {
  std::lock_guard guard{mutex_};
  const auto found = entries_.find(id);
  return found != entries_.end() && !found->second.copies.empty() &&
         found->second.copies.front() == at;
}

std::vector<shared_objects::sought> shared_objects::leaves(node_id maker) {
  std::vector<sought> all;
  std::lock_guard guard{mutex_};
  leaving_.insert(maker);
  for (auto& [id, e] : entries_)
    if (id.maker == maker && e.o && !e.settled && !std::exchange(e.asked, true))
      all.push_back({id, e.at, {}});
  return all;
}

bool shared_objects::is_needed(global_id id) {
  std::lock_guard guard{mutex_};
  const auto found = entries_.find(id);
  return found != entries_.end() && !(found->second.o && found->second.o->is_sealed()) &&
         found->second.lost.empty();
}

bool shared_objects::hold_back(global_id id) {
  std::lock_guard guard{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  entry& e = found->second;
  if (e.replicated && !e.copies.empty()) return false;
  return e.held_back = true;
}

void shared_objects::lose(global_id id, const std::string& why) {
  afterwards then;
  std::lock_guard guard{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.held_back = false;
  lose(found->second, why, then);
}

global_id shared_objects::name_now(global_id id) const {
  for (auto r = renamed_.find(id); r != renamed_.end(); r = renamed_.find(id)) id = r->second;
  return id;
}

bool shared_objects::is_itself(global_id was, global_id is) {
  std::lock_guard guard{mutex_};
  const auto old = entries_.find(was), now = entries_.find(is);
  return old != now && old != entries_.end() && now != entries_.end() && old->second.o &&
         old->second.o == now->second.o;
}

std::optional<shared_objects::sought> shared_objects::rename(global_id was, global_id is,
                                                             std::uint64_t index,
                                                             ref_source* refs) {
  const value_codec* type = nullptr;
  bool asked = false;
  {
    afterwards then;
    std::lock_guard guard{mutex_};
    const auto old = entries_.find(was);
    const auto now = entries_.find(is);
    if (old == entries_.end() || now == entries_.end()) return std::nullopt;
    if (old == now) {  // it names the same as before
      const entry& same = old->second;
      old->second.held_back = false;
      if (!same.asked || same.settled) return std::nullopt;
      return sought{is, same.at, {}};
    }
    entry moved = std::move(old->second);
    entries_.erase(old);
    moved.held_back = false;
    forget_at(moved);
    renamed_.emplace(was, is);
    if (borrows_.is_borrowed(was)) apply(borrows_.local_gone(was), then);
    if (now->second.o) return follow(was, is, moved, now->second, then);
    moved.pins += now->second.pins;
    moved.at = std::exchange(now->second.at, std::nullopt);
    moved.copies = std::move(now->second.copies);
    moved.replicated = now->second.replicated;
    if (moved.o) {
      stand_ins_.insert_or_assign(moved.o, is);
      if (const auto [named, fresh] = ids_.emplace(moved.o, is); named->second == was)
        named->second = is;
    }
    type = moved.o ? moved.type : nullptr;
    asked = moved.asked;
    now->second = std::move(moved);
  }
  if (type)  // if its value rode along, it settles with that
    if (object* o = refs->find(index, *type)) o->drop();
  std::lock_guard guard{mutex_};
  const entry& e = entries_.at(is);
  if (!asked || e.settled) return std::nullopt;
  return sought{is, e.at, {}};
}

// Both names have been read here: the stand-in of the old one settles as that of the other.
std::optional<shared_objects::sought> shared_objects::follow(global_id was, global_id is,
                                                             entry& old, entry& known,
                                                             afterwards& then) {
  known.pins += old.pins;
  object* const o = old.o;
  if (!o) return std::nullopt;
  const auto named = ids_.find(o);
  const bool by_old_name = named != ids_.end() && named->second == was;
  const bool is_own = is.maker == self_;
  if (by_old_name && (old.settled || is_own)) ids_.erase(named);
  else if (by_old_name) named->second = is;
  if (old.settled || is_own) stand_ins_.erase(o);
  else stand_ins_.insert_or_assign(o, is);
  if (old.settled) {
    then.drop.push_back(o);
    return std::nullopt;
  }
  known.o->retain();
  then.follow = [this, o, known = known.o] {
    when_settled(domain_, known,
                 [self = shared_from_this(), o](object& of) { self->end_as(o, of); });
  };
  if (!old.asked || known.settled || known.held_back || std::exchange(known.asked, true))
    return std::nullopt;
  return sought{is, known.at, {}};
}

void shared_objects::end_as(object* o, object& of) {
  {
    std::lock_guard guard{mutex_};
    ids_.erase(o);
    stand_ins_.erase(o);
  }
  put_alias(*o, of);
  o->drop();
}

shared_objects::found shared_objects::stand_in(global_id id) {
  std::lock_guard guard{mutex_};
  id = name_now(id);
  const auto found = entries_.find(id);
  if (found == entries_.end() || id.maker == self_ || !found->second.o) return {};
  entry& e = found->second;
  if (!e.o->is_sealed() && !e.held_back && !peers_.contains(id.maker)) return {};
  e.o->retain();
  return {e.o, e.type};
}

global_id shared_objects::own_id(object* o, const value_codec& type) {
  std::lock_guard guard{mutex_};
  return name_of(o, type);
}

void shared_objects::has_copies(global_id id, const std::vector<node_id>& at) {
  std::lock_guard guard{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.copies = at;
  found->second.replicated = true;
  found->second.copied = id.maker == self_;
}

std::vector<shared_objects::copied> shared_objects::copies_at(node_id node) {
  std::vector<copied> all;
  std::lock_guard guard{mutex_};
  for (auto& [id, e] : entries_) {
    if (id.maker != self_ || std::erase(e.copies, node) == 0) continue;
    e.o->retain();
    all.push_back({id, e.o, e.type, e.copies});
  }
  return all;
}

std::vector<shared_objects::copied> shared_objects::take_uncopied() {
  std::lock_guard guard{mutex_};
  return std::exchange(uncopied_, {});
}

void shared_objects::lies_at(const object* o, std::optional<global_id> at) {
  std::lock_guard guard{mutex_};
  if (at) lie_at_.insert_or_assign(o, *at);
  else lie_at_.erase(o);
}

}  // namespace troupe::detail
