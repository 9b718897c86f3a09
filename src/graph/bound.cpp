// SPDX-License-Identifier: MIT
#include "graph/bound.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::detail {

using state = entry::state;

bool bound::enter(entry& e) {
  e.is = state::waiting;
  if (closed_) e.is = state::refused;
  else if (!first_ && fits(e)) let_in(e);
  else if (e.only_try) e.is = state::refused;
  if (e.is != state::waiting) return true;
  e.next = nullptr;
  e.before = last_;
  (last_ ? last_->next : first_) = &e;
  last_ = &e;
  ++waiting_;
  tasks_waiting_ += e.of_task ? 1 : 0;
  return false;
}

entry* bound::left(std::size_t bytes) {
  --tasks_;
  bytes_ -= bytes;
  return admit();
}

bound::withdrawal bound::withdraw(entry& e) {
  if (e.is != state::waiting) return {false, nullptr};
  unlink(e);
  e.is = state::refused;
  return {true, admit()};
}

entry* bound::unstick() {
  entry* e = last_;
  while (e && !e->of_task) e = e->before;  // passes the program's threads at most
  if (!e) return nullptr;
  unlink(*e);
  let_in(*e);
  e->next = nullptr;
  return e;
}

entry* bound::refuse(std::uint64_t party) {
  entry *chain = nullptr, **end = &chain;
  for (entry *e = first_, *after; e; e = after) {
    after = e->next;
    if (e->party != party) continue;
    unlink(*e);
    e->is = state::refused;
    *end = e;
    end = &e->next;
  }
  *end = admit();
  return chain;
}

entry* bound::close() {
  closed_ = true;
  for (entry* e = first_; e; e = e->next) e->is = state::refused;
  waiting_ = tasks_waiting_ = 0;
  last_ = nullptr;
  entry* chain = first_;
  first_ = nullptr;
  return chain;
}

// What is bigger than the whole bound goes in alone.
bool bound::fits(const entry& e) const {
  if (most_tasks_ > 0 && tasks_ >= most_tasks_) return false;
  return most_bytes_ == 0 || tasks_ == 0 ||
         (bytes_ <= most_bytes_ && e.bytes <= most_bytes_ - bytes_);
}

void bound::let_in(entry& e) {
  e.is = state::admitted;
  ++tasks_;
  bytes_ += e.bytes;
  peak_ = std::max(peak_, tasks_);
}

void bound::unlink(entry& e) {
  (e.before ? e.before->next : first_) = e.next;
  (e.next ? e.next->before : last_) = e.before;
  --waiting_;
  tasks_waiting_ -= e.of_task ? 1 : 0;
}

entry* bound::admit() {
  entry *chain = nullptr, **end = &chain;
  while (first_ && fits(*first_)) {
    entry& e = *first_;
    unlink(e);
    let_in(e);
    e.next = nullptr;
    *end = &e;
    end = &e.next;
  }
  return chain;
}

void bound::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::size_t n = 0, tasks = 0;
  const entry* before = nullptr;
  for (const entry* e = first_; e; before = e, e = e->next) {
    hold(e->is == state::waiting, "who stands in the line waits");
    hold(!e->only_try, "who only tries does not wait");
    hold(e->before == before, "who stands in the line knows who is before it");
    ++n;
    tasks += e->of_task ? 1 : 0;
  }
  hold(last_ == before, "the last of the line");
  hold(n == waiting_ && tasks == tasks_waiting_, "as many wait as stand in the line");
  hold(!first_ || !fits(*first_), "the first does not fit");
  hold(!closed_ || !first_, "nobody waits after the end");
  hold(peak_ >= tasks_, "the peak is the most");
}

}  // namespace troupe::detail
