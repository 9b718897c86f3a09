// SPDX-License-Identifier: MIT
#include "actors/clock.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"

#include <pthread.h>
#include <caf/actor_cast.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace troupe::detail {

void alarm::set(std::int64_t earliest) {
  std::lock_guard guard{mutex_};
  const bool sooner = earliest < earliest_;
  earliest_ = earliest;
  if (sooner) bell_.notify_one();
}
void alarm::stop() {
  std::lock_guard guard{mutex_};
  stopped_ = true;
  bell_.notify_one();
}
std::int64_t alarm::wait() {
  std::unique_lock guard{mutex_};
  for (;;) {
    if (stopped_) return timers::never;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    if (earliest_ <= now) {
      earliest_ = timers::never;  // the actor sets the next one
      return now;
    }
    if (earliest_ == timers::never) bell_.wait(guard);
    else
      bell_.wait_until(guard,
                       std::chrono::steady_clock::time_point{std::chrono::nanoseconds{earliest_}});
  }
}

void clock_core::on(sleep_msg& m) {
  if (timers_.closed() || (!tries_ && m.s->is == sleeper::back_off)) return answer(*m.s);
  if (m.s->is == sleeper::deadline) ++deadlines_;
  if (timers_.add(*m.s)) alarm_.set(timers_.earliest());
  count();
}
void clock_core::on(wake_msg& m) {
  caf::abstract_actor& who = *m.s->who;
  const bool waited = timers_.remove(*m.s);
  const bool deadline = m.s->is == sleeper::deadline;
  if (waited && deadline) --deadlines_;
  count();
  if (waited && !deadline) send_ready(domain_, who, nullptr);
  send_ready(domain_, who, nullptr);
}
void clock_core::on(tick_msg& m) {
  answer_due(m.now);
  alarm_.set(timers_.earliest());
}
void clock_core::on(no_tries_msg&) {
  tries_ = false;
  std::vector<sleeper*> over;
  timers_.each([&](const timer& t) {
    auto& s = static_cast<const sleeper&>(t);
    if (s.is == sleeper::back_off) over.push_back(const_cast<sleeper*>(&s));
  });
  for (auto s : over) (void)timers_.remove(*s);
  count();
  for (auto s : over) answer(*s);
}
void clock_core::on(close_msg&) {
  timers_.close();
  answer_due(0);
}
void clock_core::answer_due(std::int64_t now) {
  while (timer* t = timers_.next(now)) {
    auto& s = static_cast<sleeper&>(*t);
    if (s.is == sleeper::deadline) --deadlines_;
    answer(s);
  }
  count();
}
void clock_core::answer(sleeper& s) {
  if (s.is != sleeper::deadline)
    return send_ready(domain_, *s.who, nullptr,
                      s.is == sleeper::limit ? ready_msg::expired : ready_msg::plain);
  if (timers_.closed()) return;  // the runtime ends, and all with it
  send_cancel(domain_, *s.who, {.o = nullptr, .past_deadline = true});
  if (!rest_.sweep && domain_.take_sweep()) rest_.sweep = &domain_;
}
void clock_core::count() { sleepers_.store(timers_.size() - deadlines_); }
void clock_core::leftovers::tell() const {
  nudged.tell();
  if (sweep) sweep->sweep();
}
void clock_core::on(nudge_msg&) { rest_.nudged.add(domain_); }

clock::clock(domain& d)
    : domain_(d),
      actor_(clock_actor::make(d.system(), handle_, d.at_once(), d, alarm_)) {}

std::int64_t clock::now() const {
  return domain_.at_once() ? std::chrono::steady_clock::now().time_since_epoch().count()
                           : virtual_now_;
}

std::int64_t clock::after(std::chrono::nanoseconds time) const {
  const auto t = std::max<std::int64_t>(time.count(), 0), now = this->now();
  return t > timers::never - 1 - now ? timers::never - 1 : now + t;
}

std::string in_words(std::chrono::nanoseconds time) {
  const double s = std::chrono::duration<double>(time).count();
  char text[64];
  if (s >= 1) std::snprintf(text, sizeof text, "%g s", s);
  else if (s >= 1e-3) std::snprintf(text, sizeof text, "%g ms", s * 1e3);
  else std::snprintf(text, sizeof text, "%g us", s * 1e6);
  return text;
}

void clock::start() {
  if (!domain_.at_once()) return;
  std::call_once(started_, [this] {
    thread_ = std::thread{[this] {
      pthread_setname_np(pthread_self(), "troupe.clock");
      for (std::int64_t now; (now = alarm_.wait()) != timers::never; domain_.perhaps_idle())
        actor_->tell(tick_msg{now});
    }};
  });
}

void clock::stop() {
  alarm_.stop();
  if (thread_.joinable()) thread_.join();
  if (!domain_.at_once()) return;
  // A worker may be on its way out of the actor's last turn: its reference goes last.
  auto control = caf::actor_cast<caf::actor_control_block*>(handle_);
  while (control->strong_refs.load(std::memory_order_acquire) != 1) std::this_thread::yield();
}

bool clock::advance(std::int64_t limit, std::int64_t late) {
  const std::int64_t next = actor_->core().earliest();
  if (next > limit || next == timers::never) {
    if (limit != timers::never) virtual_now_ = std::max(virtual_now_, limit);
    return false;
  }
  virtual_now_ = std::max(virtual_now_, next + late);
  actor_->tell(tick_msg{virtual_now_});
  return true;
}

}  // namespace troupe::detail
