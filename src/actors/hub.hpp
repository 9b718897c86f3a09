// SPDX-License-Identifier: MIT
// Where runnable jobs wait for a thread: a lane for each worker (its owner takes the newest,
// thieves up to half from the oldest end), an inbox for everybody else, at most one worker that
// searches by spinning, all others asleep. No polling, no lost wake-up. Knows nothing of its jobs
// but their addresses, so it is tested under ThreadSanitizer without CAF.
#pragma once
#include "actors/spinlock.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::detail {

template <class Job> class job_queue {  // a ring that grows
public:
  template <class F> void push(Job* job, F under_lock) {
    std::lock_guard guard{lock_};
    const std::size_t n = size_.load(std::memory_order_relaxed);
    if (n == ring_.size()) grow(n);
    at(n) = job;
    size_.store(n + 1, std::memory_order_relaxed);
    under_lock();
  }
  bool seems_empty() const { return size_.load(std::memory_order_relaxed) == 0; }
  bool surely_empty() {
    std::lock_guard guard{lock_};
    return size_.load(std::memory_order_relaxed) == 0;
  }
  Job* pop(bool newest) {
    if (seems_empty()) return nullptr;
    std::lock_guard guard{lock_};
    const std::size_t n = size_.load(std::memory_order_relaxed);
    return n > 0 ? take(n, newest) : nullptr;
  }
  // The newest, if it is `unwanted`.
  template <class P> Job* pop_if(P unwanted) {
    if (seems_empty()) return nullptr;
    std::lock_guard guard{lock_};
    const std::size_t n = size_.load(std::memory_order_relaxed);
    return n > 0 && unwanted(at(n - 1)) ? take(n, true) : nullptr;
  }
  // Up to `most` of the oldest (and no more than half, if so asked), oldest first.
  std::size_t pop_some(Job** out, std::size_t most, bool half) {
    std::lock_guard guard{lock_};
    const std::size_t n = size_.load(std::memory_order_relaxed),
                      got = std::min(most, half ? (n + 1) / 2 : n);
    for (std::size_t i = 0; i < got; ++i) out[i] = take(n - i, false);
    return got;
  }

private:
  Job*& at(std::size_t i) { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  Job* take(std::size_t n, bool newest) {
    Job* job = newest ? at(n - 1) : at(0);
    if (!newest) ++head_;
    size_.store(n - 1, std::memory_order_relaxed);
    return job;
  }
  void grow(std::size_t n) {
    std::vector<Job*> bigger(2 * n);
    for (std::size_t i = 0; i < n; ++i) bigger[i] = at(i);
    ring_.swap(bigger);
    head_ = 0;
  }

  spinlock lock_;
  std::atomic<std::size_t> size_{0};
  std::vector<Job*> ring_ = std::vector<Job*>(64);
  std::size_t head_ = 0;
};

template <class Job> class hub {
public:
  // A queue of one thread at a time.
  struct lane {
    job_queue<Job> jobs;
    Job* urgent = nullptr;  // taken from the queue by a strand that cannot run it itself
    unsigned turns = 0;
    std::size_t index = 0;
    bool permanent = false;  // a worker's
    std::atomic<bool> taken{true};
  };

  // A lane for the calling thread, until it is given back. Thieves see it for ever.
  lane& enter() {
    for (std::size_t i = 0, n = lanes_.load(std::memory_order_acquire); i < n; ++i)
      if (auto l = lane_[i].load(std::memory_order_acquire);
          l && !l->taken.load(std::memory_order_relaxed) &&
          !l->taken.exchange(true, std::memory_order_acquire))
        return *l;
    std::lock_guard guard{mutex_};
    const std::size_t i = lanes_.load(std::memory_order_relaxed);
    if (i == max_lanes)
      return *lane_[0].load();  // so many threads wait at once that some share the first worker's
                                // lane: it is locked
    own_.push_back(std::make_unique<lane>());
    own_.back()->index = i;
    lane_[i].store(own_.back().get(), std::memory_order_release);
    lanes_.store(i + 1, std::memory_order_release);
    return *own_.back();
  }
  void leave(lane& l) {
    if (!l.permanent) l.taken.store(false, std::memory_order_release);
  }

  void push(lane& l, Job* job) { push(l.jobs, job); }
  void push_inbox(Job* job) { push(inbox_, job); }
  bool alone(const lane& l) const { return inbox_.seems_empty() && l.jobs.seems_empty(); }

  // What the lane's thread runs next; null: nothing there. Now and then outsiders come first, then
  // the oldest: nobody starves.
  Job* next(lane& l) {
    if (l.urgent) return std::exchange(l.urgent, nullptr);
    const bool newest = ++l.turns % 64 != 0;
    if (!newest && l.turns / 64 % 2 == 1)
      if (Job* job = take_from(l, inbox_, false, false)) return job;
    return l.jobs.pop(newest);
  }
  // The same, however long it takes.
  Job* wait(lane& l) {
    for (;;) {
      if (Job* job = next(l)) return job;
      if (Job* job = search(l, false)) return job;
      Job* found = nullptr;
      if (searching_.fetch_add(1) == 0)
        for (int i = 0; i < spins && !(found = search(l, false)); ++i)
          i % 32 == 31 ? std::this_thread::yield() : pause();
      searching_.fetch_sub(1);
      if (found) {
        if (asleep_.load() > 0 && anything_left()) wake();
        return found;
      }
      if (Job* job = sleep(l)) return job;
    }
  }
  template <class F> void drain(lane& l, F f) {
    while (Job* job = l.jobs.pop(true)) f(job);
  }
  template <class F> void drain_all(F f) {
    for (auto& l : own_) drain(*l, f);
    while (Job* job = inbox_.pop(true)) f(job);
  }

private:
  static constexpr std::size_t max_lanes = 256;
  static constexpr int spins = 300;  // about 10 us

  void push(job_queue<Job>& queue, Job* job) noexcept {
    queue.push(job, [&] {  // under its lock, whose release is the last touch of this hub
      if (asleep_.load() > 0 && searching_.load() == 0) wake();
    });
  }
  void wake() {
    std::lock_guard guard{mutex_};
    if (permits_ < asleep_.load(std::memory_order_relaxed)) {
      ++permits_;
      bell_.notify_one();
    }
  }
  // Whoever pushes reads `asleep_` while it holds the queue's lock; a sleeper raises it and then
  // takes each lock: one sees the other.
  Job* sleep(lane& l) {
    asleep_.fetch_add(1);
    Job* job = search(l, true);
    std::unique_lock guard{mutex_};
    if (!job) bell_.wait(guard, [&] { return permits_ > 0; });
    if (permits_ > 0 && (!job || permits_ >= asleep_.load())) --permits_;
    asleep_.fetch_sub(1);
    return job;
  }
  // Who pushed while this thread searched rang nobody: it looks once more, under the locks, after
  // it has stopped searching.
  bool anything_left() {
    if (!inbox_.surely_empty()) return true;
    for (std::size_t i = 0, n = lanes_.load(std::memory_order_acquire); i < n; ++i)
      if (lane* other = lane_[i].load(std::memory_order_acquire);
          other && !other->jobs.surely_empty())
        return true;
    return false;
  }
  Job* search(lane& l, bool surely) {
    if (Job* job = take_from(l, inbox_, false, surely)) return job;
    for (std::size_t i = 1, n = lanes_.load(std::memory_order_acquire); i < n + (surely ? 1 : 0);
         ++i)
      if (lane* other = lane_[(l.index + i) % n].load(std::memory_order_acquire))
        if (Job* job = take_from(l, other->jobs, true, surely)) return job;
    return nullptr;
  }
  Job* take_from(lane& l, job_queue<Job>& queue, bool half, bool surely) {
    if (!surely && queue.seems_empty()) return nullptr;
    Job* some[32];
    const std::size_t got = queue.pop_some(some, 32, half);
    if (got == 0) return nullptr;
    for (std::size_t i = got; i-- > 1;)
      l.jobs.push(some[i], [] {});  // reversed: the oldest is this lane's newest
    if (asleep_.load(std::memory_order_relaxed) > 0 && (got > 1 || !queue.seems_empty())) wake();
    return some[0];
  }

  std::atomic<lane*> lane_[max_lanes] = {};
  std::atomic<std::size_t> lanes_{0};
  job_queue<Job> inbox_;
  std::atomic<int> asleep_{0}, searching_{0};
  std::mutex mutex_;  // guards what is below
  std::condition_variable bell_;
  int permits_ = 0;
  std::vector<std::unique_ptr<lane>> own_;
};

}  // namespace troupe::detail
