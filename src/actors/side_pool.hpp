// SPDX-License-Identifier: MIT
// Threads for bodies that block in the operating system: as many as there are such bodies at once,
// up to a limit.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::detail {

class domain;
class task;

class side_pool {
public:
  // Bodies past this limit wait for a thread; the queue is bounded by the unsettled tasks.
  static constexpr std::size_t most_threads = 512;

  explicit side_pool(domain& d) : domain_(d) {}
  ~side_pool() { stop(); }
  // Takes the reference of the task's place. False: the system gives no thread at all.
  [[nodiscard]] bool push(task& t);
  // Precondition: nothing is queued or runs.
  void stop();

private:
  void work(std::size_t number);

  domain& domain_;
  std::mutex mutex_;
  std::condition_variable bell_;
  std::deque<task*> queue_;
  std::vector<std::thread>
      threads_;  // by number; a thread that was idle for some seconds ends, and its number is free
  std::vector<std::size_t> ended_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace troupe::detail
