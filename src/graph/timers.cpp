// SPDX-License-Identifier: MIT
#include "graph/timers.hpp"

#include <stdexcept>

namespace troupe::detail {

bool timers::add(timer& t) {
  t.order = orders_++;
  heap_.push_back(&t);
  t.place = heap_.size() - 1;
  up(t.place);
  return t.place == 0;
}

bool timers::remove(timer& t) {
  if (!t.waiting()) return false;
  const std::size_t i = t.place;
  timer* last = heap_.back();
  heap_.pop_back();
  t.place = timer::none;
  if (last != &t) {
    put(i, last);
    up(i);
    down(last->place);
  }
  return true;
}

timer* timers::next(std::int64_t now) {
  if (heap_.empty() || (!closed_ && heap_.front()->due > now)) return nullptr;
  timer* t = heap_.front();
  (void)remove(*t);
  return t;
}

void timers::up(std::size_t i) {
  timer* t = heap_[i];
  for (; i > 0 && before(*t, *heap_[(i - 1) / 2]); i = (i - 1) / 2) put(i, heap_[(i - 1) / 2]);
  put(i, t);
}

void timers::down(std::size_t i) {
  timer* t = heap_[i];
  for (;;) {
    std::size_t child = 2 * i + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
    if (!before(*heap_[child], *t)) break;
    put(i, heap_[child]);
    i = child;
  }
  put(i, t);
}

void timers::check() const {
  for (std::size_t i = 0; i < heap_.size(); ++i) {
    if (heap_[i]->place != i) throw std::logic_error("a timer knows its place");
    if (i > 0 && before(*heap_[i], *heap_[(i - 1) / 2]))
      throw std::logic_error("no timer is due before its parent");
  }
}

}  // namespace troupe::detail
