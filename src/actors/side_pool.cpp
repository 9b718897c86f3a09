// SPDX-License-Identifier: MIT
#include "actors/side_pool.hpp"

#include "actors/task.hpp"
#include "runtime/domain.hpp"

#include <pthread.h>

#include <chrono>
#include <system_error>

namespace troupe::detail {

bool side_pool::push(task& t) {
  std::lock_guard guard{mutex_};
  queue_.push_back(&t);
  if (idle_ >= queue_.size()) {
    bell_.notify_one();
    return true;
  }
  std::size_t number = threads_.size();
  if (!ended_.empty()) {
    number = ended_.back();
    ended_.pop_back();
    if (threads_[number].joinable()) threads_[number].join();  // it has left the lock for good
  } else if (number == most_threads) {
    return true;
  } else {
    threads_.emplace_back();
  }
  try {
    threads_[number] = std::thread{[this, number] { work(number); }};
  } catch (const std::system_error&) {  // those there are will come to it
    ended_.push_back(number);
    if (ended_.size() < threads_.size()) return true;
    queue_.pop_back();
    return false;
  }
  return true;
}

void side_pool::work(std::size_t number) {
  pthread_setname_np(pthread_self(), "troupe.blocking");
  std::unique_lock guard{mutex_};
  for (;;) {
    ++idle_;
    const bool woken = bell_.wait_for(guard, std::chrono::seconds(5),
                                      [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) {
      if (woken) return;
      ended_.push_back(number);
      return;
    }
    task* t = queue_.front();
    queue_.pop_front();
    guard.unlock();
    resume_task(t);
    domain_.ran_aside();
    guard.lock();
  }
}

void side_pool::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
    bell_.notify_all();
  }
  for (auto& t : threads_)
    if (t.joinable()) t.join();
  threads_.clear();
  ended_.clear();
}

}  // namespace troupe::detail
