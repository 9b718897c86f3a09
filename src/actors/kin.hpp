// SPDX-License-Identifier: MIT
// Who spawned whom, and who was asked to end: what the descendants of a task may look up even after
// it has ended. Knows nothing of tasks, so it is tested under ThreadSanitizer without CAF.
#pragma once
#include "actors/spinlock.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace troupe::detail {

class gone_children;

// A part of each task's block, which lives on after the task until its last child's has gone.
//
// A task that has settled can no longer be cancelled, so a descendant may pass it by: a chain of
// tasks each of which spawns the next one and ends does not grow.
struct kin {
  // Why a task is to end: by itself (ring: it waits in one), or since a task that spawned it was asked.
  enum asked : std::uintptr_t { no = 0, cancel = 1, deadline = 2, ring = 3, ancestor = 4 };

  std::atomic<std::uintptr_t> word{0};      // the parent, and three bits of `asked`
  std::atomic<std::int64_t> children{own};  // counts down; `own` is taken off when the task is over
  std::int64_t spawned = 0;                 // the running task's alone
  kin* next = nullptr;                      // in a roster, guarded by its lock
  kin** link = nullptr;
  std::atomic<bool> settled{false};  // can no longer be asked to end
  std::uint8_t place = nowhere;      // in a roster
  std::atomic<bool> follows{false};  // its task, its inputs' values; here for the room, as the next
  std::uint32_t awaited = 0;         // its task's inputs that were missing

  static constexpr std::int64_t own = std::int64_t{1} << 62;
  static constexpr std::uint8_t nowhere = 255;

  bool has_parent() const { return word.load(std::memory_order_relaxed) > why_bits; }
  kin* up() const { return parent_of(word.load(std::memory_order_acquire)); }
  // By itself.
  asked was_asked() const { return static_cast<asked>(word.load() & why_bits); }
  // By itself, or through an ancestor.
  asked asked_in_all() const;
  // True: it had not been asked, and is now. Until its block is freed it is one of `standing`.
  bool ask(asked why);
  // Passes by ancestors that have settled: before its task's first spawn, and again at its end, so
  // that what is left of a chain is what has not settled. `book` is told of each that is passed.
  template <class F> void pass_by_settled(gone_children& book, F free);

  // How many that were asked are still in memory: none is the usual case, and costs its reader one
  // load.
  static bool any_standing() { return standing.count.load(std::memory_order_relaxed) != 0; }
  bool childless() const { return spawned == 0 && children.load(std::memory_order_acquire) == own; }
  // Before its memory is freed.
  void forget() {
    if (was_asked() != no) standing.count.fetch_sub(1);
  }

private:
  static constexpr std::uintptr_t why_bits = 7;
  static kin* parent_of(std::uintptr_t w) { return reinterpret_cast<kin*>(w & ~why_bits); }
  struct alignas(64) counter {
    std::atomic<std::int64_t> count;
  };
  static inline constinit counter standing{0};
  static inline std::mutex chains;  // held to pass by an ancestor, and to look past one's parent
};

static_assert(alignof(kin) >= 8, "its address has three bits to spare");

inline kin::asked kin::asked_in_all() const {
  const std::uintptr_t w = word.load();
  if (w & why_bits) return static_cast<asked>(w & why_bits);
  if (!parent_of(w)) return no;
  std::lock_guard guard{chains};
  for (const kin* k = up(); k; k = k->up())
    if (k->was_asked() != no) return ancestor;
  return no;
}

inline bool kin::ask(asked why) {
  if (settled.load()) return false;
  standing.count.fetch_add(1);
  std::uintptr_t w = word.load();
  do
    if (w & why_bits) {
      standing.count.fetch_sub(1);
      return false;
    }
  while (!word.compare_exchange_weak(w, w | why));
  return true;
}

// What one thread knows of children that are gone and whose parents have not been told yet:
// siblings often go one after another.
class gone_children {
public:
  // The task is over, and nobody has a reference to it. Its memory goes with its last child, by
  // free(kin*), here or later.
  template <class F> void over(kin* k, F free) {
    std::int64_t left = k->spawned;
    if (k == whose_) {
      left -= std::exchange(n_, 0);
      whose_ = nullptr;
    }
    if ((left != 0 || k->children.load(std::memory_order_acquire) != kin::own) &&
        k->children.fetch_add(left - kin::own, std::memory_order_acq_rel) + left != kin::own)
      return;
    kin* up = k->up();
    free(k);
    one_gone(up, free);
  }
  template <class F> void one_gone(kin* up, F free) {
    while (up) {
      if (up == whose_) {
        ++n_;
        return;
      }
      kin* told = std::exchange(whose_, up);
      const std::int64_t n = std::exchange(n_, 1);
      if (!told || told->children.fetch_sub(n, std::memory_order_acq_rel) != n) return;
      up = told->up();
      free(told);
    }
  }
  template <class F> void tell(F free) {
    while (kin* told = std::exchange(whose_, nullptr)) {
      const std::int64_t n = std::exchange(n_, 0);
      if (told->children.fetch_sub(n, std::memory_order_acq_rel) != n) return;
      kin* up = told->up();
      free(told);
      one_gone(up, free);
    }
  }

private:
  kin* whose_ = nullptr;
  std::int64_t n_ = 0;
};

template <class F> void kin::pass_by_settled(gone_children& book, F free) {
  if (kin* k = up(); !k || !k->settled.load(std::memory_order_acquire)) return;
  std::lock_guard guard{chains};
  for (;;) {
    kin* k = up();
    if (!k || !k->settled.load(std::memory_order_acquire) || k->was_asked() != no) return;
    kin* further = k->up();
    if (further) further->children.fetch_add(1, std::memory_order_relaxed);  // k holds it meanwhile
    std::uintptr_t w = word.load();
    while (!word.compare_exchange_weak(
        w, (w & why_bits) | reinterpret_cast<std::uintptr_t>(further))) {}
    book.one_gone(k, free);
  }
}
// Who waits and has a parent, so that those can be reached whose ancestor is asked to end. Sharded
// by thread.
class roster {
public:
  void enter(kin& k, unsigned thread) {
    const auto i = static_cast<std::uint8_t>(thread % lists_.size());
    list& l = lists_[i];
    std::lock_guard guard{l.lock};
    k.place = i;
    k.next = l.first;
    k.link = &l.first;
    if (l.first) l.first->link = &k.next;
    l.first = &k;
  }
  void leave(kin& k) {
    if (k.place == kin::nowhere) return;
    std::lock_guard guard{lists_[k.place].lock};
    *k.link = k.next;
    if (k.next) k.next->link = k.link;
    k.place = kin::nowhere;
  }
  // Gathers up to `most` that satisfy `wanted`, and calls hold() for each before it may leave.
  template <class W, class H> std::size_t gather(kin** out, std::size_t most, W wanted, H hold) {
    std::size_t n = 0;
    for (auto& l : lists_) {
      std::lock_guard guard{l.lock};
      for (kin* k = l.first; k && n < most; k = k->next)
        if (wanted(*k)) {
          hold(*k);
          out[n++] = k;
        }
    }
    return n;
  }
  // For tests: f(kin) for each.
  template <class F> void each(F f) const {
    for (auto& l : lists_)
      for (const kin* k = l.first; k; k = k->next) f(*k);
  }

private:
  struct alignas(64) list {
    spinlock lock;
    kin* first = nullptr;
  };
  std::array<list, 16> lists_;
};

}  // namespace troupe::detail
