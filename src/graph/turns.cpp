// SPDX-License-Identifier: MIT
#include "graph/turns.hpp"

#include <stdexcept>

namespace troupe::detail {

caller_line& turns::line_of(std::uint64_t caller) {
  if (recent_ && recent_->caller == caller) return *recent_;
  if (auto found = lines_.find(caller); found != lines_.end()) return *(recent_ = &found->second);
  if (spare_.empty()) recent_ = &lines_[caller];
  else {
    lines::node_type node = std::move(spare_.back());
    spare_.pop_back();
    node.key() = caller;
    recent_ = &lines_.insert(std::move(node)).position->second;
  }
  recent_->caller = caller;
  return *recent_;
}

// Nobody waits in it.
void turns::close(caller_line& l) {
  constexpr std::size_t most_spare = 16;
  if (recent_ == &l) recent_ = nullptr;
  auto node = lines_.extract(l.caller);
  if (spare_.size() == most_spare) return;
  node.mapped() = {};
  spare_.push_back(std::move(node));
}

void turns::rotate_in(caller_line& l) {
  l.in_rotation = true;
  l.next = nullptr;
  (last_ ? last_->next : first_) = &l;
  last_ = &l;
}

turn* turns::admit() {
  chain now;
  while (returning_.first && may_hold(*returning_.first)) {
    turn& t = returning_.pop();
    --outside_;
    hold(t);
    now.add(t);
  }
  while (open_ && !returning_.first && first_ && may_hold(*first_->first)) {
    caller_line& l = *first_;
    turn& t = *l.first;
    first_ = l.next;
    if (!first_) last_ = nullptr;
    l.in_rotation = false;
    l.first = t.next;
    if (!l.first) close(l);
    else if (l.first->ready) rotate_in(l);
    t.line = nullptr;
    --waiting_;
    hold(t);
    now.add(t);
  }
  return now.first;
}

turn* turns::join(turn& t) {
  t.next = nullptr;
  t.number = ++joined_;
  if (t.ready && open_ && lines_.empty() && !returning_.first && may_hold(t)) {
    hold(t);
    return &t;
  }
  caller_line& l = line_of(t.caller);
  t.is = turn::state::waiting;
  t.line = &l;
  ++waiting_;
  (l.last && l.first ? l.last->next : l.first) = &t;
  l.last = &t;
  if (l.first == &t && t.ready) rotate_in(l);
  return admit();
}

turn* turns::rejoin(turn& t) {
  caller_line& l = line_of(t.caller);
  t.is = turn::state::waiting;
  t.line = &l;
  ++waiting_;
  turn** at = &l.first;
  while (*at && (*at)->number < t.number) at = &(*at)->next;  // others that have come back
  t.next = *at;
  if (!t.next) l.last = &t;
  *at = &t;
  if (!l.in_rotation) rotate_in(l);
  return admit();
}

turn* turns::ready(turn& t) {
  t.ready = true;
  caller_line& l = *t.line;
  if (l.first == &t && !l.in_rotation) rotate_in(l);
  return admit();
}

turn* turns::end() {
  --held_;
  return admit();
}

turn* turns::step_out(turn& t) {
  t.is = turn::state::outside;
  ++outside_;
  --held_;
  return admit();
}

turn* turns::step_in(turn& t) {
  t.is = turn::state::returning;
  returning_.add(t);
  return admit();
}

turn* turns::open() {
  open_ = true;
  return admit();
}

turn* turns::refuse_all() {
  chain all;
  for (auto& [caller, l] : lines_)
    while (turn* t = l.first) {
      l.first = t->next;
      t->is = turn::state::idle;
      t->line = nullptr;
      all.add(*t);
    }
  lines_.clear();
  recent_ = first_ = last_ = nullptr;
  waiting_ = 0;
  return all.first;
}

void turns::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::size_t n = 0, in_rotation = 0, rotating = 0, back = 0;
  for (auto& [caller, l] : lines_) {
    hold(l.first && l.caller == caller, "a line that is kept has somebody in it");
    hold(l.in_rotation == l.first->ready, "a line stands in the rotation when its first is ready");
    rotating += l.in_rotation ? 1 : 0;
    for (turn* t = l.first; t; t = t->next, ++n)
      hold(t->is == turn::state::waiting && t->line == &l && t->caller == caller &&
               (t->next ? t->number < t->next->number : t == l.last),
           "a line holds those of its caller who wait, in the order in which they joined");
  }
  for (caller_line* l = first_; l; l = l->next, ++in_rotation)
    hold(l->in_rotation && (l->next || l == last_), "the rotation knows its lines");
  for (turn* t = returning_.first; t; t = t->next, ++back)
    hold(t->is == turn::state::returning, "who returns stands among those who do");
  hold(n == waiting_ && in_rotation == rotating, "all who wait are counted");
  hold(back <= outside_, "all who are outside are counted");
  hold(held_ <= (exclusive_ ? 1 : most_), "who is alone is alone, and the others are not too many");
  hold(!returning_.first || !may_hold(*returning_.first), "who returns and may is let in");
  hold(!open_ || returning_.first || !first_ || !may_hold(*first_->first),
       "who is next and may begin has begun");
}

}  // namespace troupe::detail
