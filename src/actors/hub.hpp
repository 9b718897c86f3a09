// SPDX-License-Identifier: MIT
// Where runnable jobs wait for a thread: a lane for each worker (its owner takes the newest,
// thieves up to half from the oldest end), an inbox for everybody else, at most one worker that
// searches by spinning, all others asleep. No polling, no lost wake-up. Knows nothing of its jobs
// but their addresses, so it is tested under ThreadSanitizer without CAF.
#pragma once
#include "actors/mapped_array.hpp"
#include "actors/spinlock.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
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

  // Of the `looked_at` oldest up to `most` that are wanted, oldest first; the others stay as they are.
  template <class P>
  std::size_t pick(Job** out, std::size_t most, std::size_t looked_at, P wanted) {
    if (seems_empty()) return 0;
    std::lock_guard guard{lock_};
    const std::size_t n = size_.load(std::memory_order_relaxed), end = std::min(n, looked_at);
    std::size_t got = 0, seen = 0;
    while (seen < end && got < most)
      if (Job* job = at(seen++); wanted(job)) out[got++] = job;
    if (got == 0) return 0;
    for (std::size_t to = seen, from = seen, left = got; from-- > 0;)  // the rest move up
      if (left > 0 && at(from) == out[left - 1]) --left;
      else at(--to) = at(from);
    head_ += got;
    size_.store(n - got, std::memory_order_relaxed);
    return got;
  }

  // Gives back the memory of a crowd that is gone.
  void shrink() {
    std::lock_guard guard{lock_};
    if (ring_.size() == least || size_.load(std::memory_order_relaxed) > 0) return;
    ring_ = mapped_array<Job*>(least);
    head_ = 0;
  }

private:
  static constexpr std::size_t least = 512;  // a page
  // What is run after this one may lie in the cache of the core that has made it.
  static void bring(Job* job) {
    for (int i = -2; i <= 2; ++i)
      __builtin_prefetch(reinterpret_cast<const char*>(job) + i * 64, 1);
  }
  Job*& at(std::size_t i) { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  Job* take(std::size_t n, bool newest) {
    Job* job = newest ? at(n - 1) : at(0);
    if (!newest) ++head_;
    size_.store(n - 1, std::memory_order_relaxed);
    if (newest && n > 1) bring(at(n - 2));
    return job;
  }
  void grow(std::size_t n) {
    mapped_array<Job*> bigger(2 * n);
    for (std::size_t i = 0; i < n; ++i) bigger[i] = at(i);
    ring_ = std::move(bigger);
    head_ = 0;
  }

  spinlock lock_;
  std::atomic<std::size_t> size_{0};
  mapped_array<Job*> ring_{least};
  std::size_t head_ = 0;
};

// Jobs by a key of time: a heap, of which a job is due when its key has come.
template <class Job> class keyed_jobs {
public:
  template <class F> void push(Job* job, std::int64_t key, F under_lock) {
    std::lock_guard guard{lock_};
    heap_.push_back({key, orders_++, job});
    std::push_heap(heap_.begin(), heap_.end(), later);
    size_.store(heap_.size(), std::memory_order_relaxed);
    under_lock();
  }
  bool seems_empty() const { return size_.load(std::memory_order_relaxed) == 0; }
  bool surely_empty() {
    std::lock_guard guard{lock_};
    return heap_.empty();
  }
  // The first, if its key is not after `now`.
  Job* pop(std::int64_t now, bool surely) {
    if (!surely && seems_empty()) return nullptr;
    std::lock_guard guard{lock_};
    if (heap_.empty() || heap_.front().key > now) return nullptr;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Job* job = heap_.back().job;
    heap_.pop_back();
    size_.store(heap_.size(), std::memory_order_relaxed);
    return job;
  }

  // Up to `most` that are wanted, of the first `looked_at` of the heap, the first before the others.
  template <class P>
  std::size_t pick(Job** out, std::size_t most, std::size_t looked_at, P wanted) {
    if (seems_empty()) return 0;
    std::vector<item> kept;
    kept.reserve(looked_at);
    std::size_t got = 0;
    std::lock_guard guard{lock_};
    for (std::size_t n = 0; n < looked_at && got < most && !heap_.empty(); ++n) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      if (wanted(heap_.back().job)) out[got++] = heap_.back().job;
      else kept.push_back(heap_.back());
      heap_.pop_back();
    }
    for (const item& i : kept) {
      heap_.push_back(i);
      std::push_heap(heap_.begin(), heap_.end(), later);
    }
    size_.store(heap_.size(), std::memory_order_relaxed);
    return got;
  }

private:
  struct item {
    std::int64_t key;
    std::uint64_t order;
    Job* job;
  };
  static bool later(const item& a, const item& b) {
    return a.key != b.key ? a.key > b.key : a.order > b.order;
  }
  spinlock lock_;
  std::atomic<std::size_t> size_{0};
  std::vector<item> heap_;
  std::uint64_t orders_ = 0;
};

template <class Job> class hub {
public:
  using time = std::int64_t (*)();  // nanoseconds of a steady clock
  static std::int64_t steady_time() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  // tidy: what a worker does, on its thread, when it has slept for a while; and, as long as that
  // gives true, again after a while.
  explicit hub(time now = steady_time, bool (*tidy)() = nullptr) : now_(now), tidy_(tidy) {}

  // A queue of one thread at a time.
  struct lane {
    job_queue<Job> jobs;
    Job* urgent = nullptr;  // taken from the queue by a strand that cannot run it itself
    unsigned turns = 0;
    unsigned keyed_turns = 0;
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
  // True: it was the last one pushed there, and nobody takes it any more.
  bool take_back(Job* job) {
    return inbox_.pop_if([job](Job* newest) { return newest == job; }) != nullptr;
  }
  // Goes before the lanes' jobs from the moment on that lies `advance` before now (negative: after),
  // but not before all of them: others have one turn in eight. Of those that were pushed so the
  // earliest moment is the first. When there is nothing else, they run whatever their moment.
  void push_keyed(Job* job, std::int64_t advance) {
    keyed_.push(job, now_() - advance, [&] { wake_for_push(); });
  }
  bool alone(const lane& l) const {
    return inbox_.seems_empty() && l.jobs.seems_empty() && keyed_.seems_empty();
  }

  // What the lane's thread runs next; null: nothing there. Now and then outsiders come first, then
  // the oldest: nobody starves.
  Job* next(lane& l) {
    if (l.urgent) return std::exchange(l.urgent, nullptr);
    const bool keyed = !keyed_.seems_empty(), others = keyed && ++l.keyed_turns % 8 == 0;
    if (keyed && !others)
      if (Job* job = keyed_.pop(now_(), false)) return job;
    const bool newest = ++l.turns % 64 != 0;
    if (!newest && l.turns / 64 % 2 == 1)
      if (Job* job = take_from(l, inbox_, false, false)) return job;
    Job* job = l.jobs.pop(newest);
    return job || !others ? job : search(l, false);
  }
  // The same, however long it takes.
  Job* wait(lane& l) {
    for (;;) {
      if (Job* job = next(l)) return job;
      idle_.fetch_add(1);
      Job* job = look(l);
      idle_.fetch_sub(1);
      if (job) return job;
    }
  }

  // A thread that is no worker runs jobs in a worker's place: so many workers take none meanwhile,
  // once they have finished what they do. (More bodies than workers at a time would share the cores,
  // and wait for whoever has lost its own.)
  void take_place() { guests_.fetch_add(1); }
  void leave_place() {
    guests_.fetch_sub(1);
    if (stood_back_.load() == 0) return;
    std::lock_guard guard{mutex_};
    places_.notify_all();
  }
  template <class F> void drain(lane& l, F f) {
    while (Job* job = l.jobs.pop(true)) f(job);
  }
  template <class F> void drain_all(F f) {
    for (auto& l : own_) drain(*l, f);
    while (Job* job = inbox_.pop(true)) f(job);
    while (Job* job = keyed_.pop(whenever, true)) f(job);
  }

  // Is told, on its thread, each time that a worker has found nothing and is about to sleep; what
  // it pushes then is found.
  class watcher {
  public:
    virtual ~watcher() = default;
    virtual void worker_rests() noexcept = 0;

  private:
    friend hub;
    std::atomic<int> inside_{0};
  };
  void watch(watcher& w) {
    std::lock_guard guard{mutex_};
    watchers_.push_back(&w);
  }
  // Nobody tells it any more when this returns. Not from within worker_rests().
  void unwatch(watcher& w) {
    {
      std::lock_guard guard{mutex_};
      watchers_.erase(std::find(watchers_.begin(), watchers_.end(), &w));
    }
    while (w.inside_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  }
  // Is told, by one who pushes, that a job is there and no worker is free to take it: under a lock,
  // so it must be quick and call nothing of the hub.
  class crowd_watcher {
  public:
    virtual ~crowd_watcher() = default;
    virtual void crowded() noexcept = 0;
  };
  // Null: nobody is. Whoever was told before is told no more when this returns.
  void watch_crowd(crowd_watcher* w) {
    crowd_.store(w);
    (void)anything_left(true);
  }
  // Jobs that wait while no worker is free: up to `most` that are `wanted` (asked under a lock), the
  // oldest of each queue first.
  template <class P> std::size_t take_waiting(Job** out, std::size_t most, P wanted) {
    constexpr std::size_t looked_at = 64;
    std::size_t got = 0;
    if (is_crowded()) got = keyed_.pick(out, most, looked_at, wanted);
    if (got < most && is_crowded()) got += inbox_.pick(out + got, most - got, looked_at, wanted);
    for (std::size_t i = 0, n = lanes_.load(std::memory_order_acquire); i < n && got < most; ++i)
      if (lane* l = lane_[i].load(std::memory_order_acquire); l && is_crowded())
        got += l->jobs.pick(out + got, most - got, looked_at, wanted);
    return got;
  }

  struct rest {
    std::size_t workers;  // who have found nothing, and sleep or are about to
    std::uint64_t wakes;  // ends of such sleeps: between two equal ones nobody has taken anything
  };
  rest resting() {
    std::lock_guard guard{mutex_};
    return {resting_.load(), wakes_};
  }
  std::size_t workers_resting() const { return resting_.load(); }
  bool anything_queued() { return anything_left(); }

private:
  static constexpr std::size_t max_lanes = 256;
  static constexpr std::int64_t whenever = INT64_MAX;

  void push(job_queue<Job>& queue, Job* job) noexcept {
    queue.push(job, [&] { wake_for_push(); });
  }
  bool has_place() const { return guests_.load() < idle_.load(); }
  Job* look(lane& l) {
    if (!has_place()) return stand_back();
    if (Job* job = search(l, false)) return job;
    Job* found = nullptr;
    if (searching_.fetch_add(1) == 0)
      for (int i = 0; i < looks && has_place() && !(found = search(l, false)); ++i)
        for (int n = 0; n < pauses_; ++n)
          n == 0 && i % 16 == 15 ? std::this_thread::yield() : pause();
    searching_.fetch_sub(1);
    if (found) {
      if (asleep_.load() > 0 && anything_left()) wake();
      return found;
    }
    return has_place() ? sleep(l) : stand_back();
  }
  // Until there is a place. Most guests stay for a moment only.
  Job* stand_back() {
    for (int n = 0; n < looks * pauses_; ++n) {
      if (has_place()) return nullptr;
      pause();
    }
    // first: either the guest that goes sees it, or this sees that it has gone
    stood_back_.fetch_add(1);
    std::unique_lock guard{mutex_};
    places_.wait(guard, [&] { return has_place(); });
    stood_back_.fetch_sub(1);
    return nullptr;
  }
  // Under the queue's lock, whose release is the last touch of this hub.
  void wake_for_push() {
    if (asleep_.load() > 0) {
      if (searching_.load() == 0) wake();
    } else if (auto w = crowd_.load(std::memory_order_acquire)) [[unlikely]] {
      w->crowded();
    }
  }
  bool is_crowded() const { return !has_place(); }  // a guest has a worker's place
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
    if (!job) {
      resting_.fetch_add(1);
      for (std::size_t i = 0; i < watchers_.size(); ++i) {  // they may come and go meanwhile
        watcher& w = *watchers_[i];
        w.inside_.fetch_add(1, std::memory_order_relaxed);
        guard.unlock();
        w.worker_rests();
        w.inside_.fetch_sub(1, std::memory_order_release);
        guard.lock();
      }
      auto rung = [&] { return permits_ > 0; };
      for (bool more = tidy_ != nullptr; more && !bell_.wait_for(guard, long_rest, rung);) {
        guard.unlock();
        shrink();
        more = tidy_();
        guard.lock();
      }
      bell_.wait(guard, rung);
      resting_.fetch_sub(1);
      ++wakes_;
    }
    if (permits_ > 0 && (!job || permits_ >= asleep_.load())) --permits_;
    const bool was_last = asleep_.fetch_sub(1) == 1;
    guard.unlock();
    // Those that were pushed while it slept have told nobody.
    if (auto w = was_last ? crowd_.load(std::memory_order_acquire) : nullptr; w && anything_left())
      w->crowded();
    return job;
  }
  static constexpr std::chrono::milliseconds long_rest{50};
  void shrink() {
    inbox_.shrink();
    for (std::size_t i = 0, n = lanes_.load(std::memory_order_acquire); i < n; ++i)
      if (lane* l = lane_[i].load(std::memory_order_acquire)) l->jobs.shrink();
  }
  // Who pushed while this thread searched rang nobody: it looks once more, under the locks, after
  // it has stopped searching.
  bool anything_left(bool all = false) {
    bool found = !inbox_.surely_empty() | !keyed_.surely_empty();
    for (std::size_t i = 0, n = lanes_.load(std::memory_order_acquire); i < n && (all || !found);
         ++i)
      if (lane* other = lane_[i].load(std::memory_order_acquire))
        found |= !other->jobs.surely_empty();
    return found;
  }
  Job* search(lane& l, bool surely) {
    if (Job* job = take_from(l, inbox_, false, surely)) return job;
    for (std::size_t i = 1, n = lanes_.load(std::memory_order_acquire); i < n + (surely ? 1 : 0);
         ++i)
      if (lane* other = lane_[(l.index + i) % n].load(std::memory_order_acquire))
        if (Job* job = take_from(l, other->jobs, true, surely)) return job;
    return take_keyed(surely);
  }
  Job* take_keyed(bool surely) {
    Job* job = keyed_.pop(whenever, surely);
    if (job && asleep_.load(std::memory_order_relaxed) > 0 && !keyed_.seems_empty()) wake();
    return job;
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
  keyed_jobs<Job> keyed_;
  const time now_;
  bool (*const tidy_)();
  static constexpr int looks = 100;  // one in about 100 ns
  const int pauses_ = pauses_in(std::chrono::nanoseconds(100));
  std::atomic<int> asleep_{0}, searching_{0};
  std::atomic<crowd_watcher*> crowd_{nullptr};
  std::atomic<int> idle_{0};    // workers that look for a job
  std::atomic<int> guests_{0};  // threads that are no workers and run jobs in their places
  std::atomic<int> stood_back_{0};
  std::mutex mutex_;  // guards what is below
  std::condition_variable bell_, places_;
  int permits_ = 0;
  std::uint64_t wakes_ = 0;
  std::atomic<std::size_t> resting_{0};  // read by anyone
  std::vector<watcher*> watchers_;
  std::vector<std::unique_ptr<lane>> own_;
};

}  // namespace troupe::detail
