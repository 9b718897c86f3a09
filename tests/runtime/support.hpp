// SPDX-License-Identifier: MIT
// For the tests of the public API: deadlines, gates, and things that count themselves.
#pragma once
#include <troupe/troupe.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>

namespace test {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
// A size for a plain build, and one for a build that is many times slower or larger.
constexpr int size(int plain, int with_sanitizer) { return sanitized ? with_sanitizer : plain; }

// Ends the program when a test hangs: no wait in these tests needs a deadline of its own.
class deadline {
public:
  explicit deadline(std::chrono::seconds limit = 60s)
      : thread_([this, limit] {
          std::unique_lock guard{mutex_};
          if (bell_.wait_for(guard, limit, [this] { return over_; })) return;
          std::fprintf(stderr, "a test has not ended after %d s\n",
                       static_cast<int>(limit.count()));
          std::abort();
        }) {}
  ~deadline() {
    {
      std::lock_guard guard{mutex_};
      over_ = true;
      bell_.notify_one();
    }
    thread_.join();
  }

private:
  std::mutex mutex_;
  std::condition_variable bell_;
  bool over_ = false;
  std::thread thread_;
};

template <class P> bool soon(P holds, std::chrono::steady_clock::duration limit = 20s) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

// Lets others go on for so long, however busy the machine is.
inline void linger(std::chrono::steady_clock::duration time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {}
}

// A task that ends when the test says so.
class gate {
public:
  explicit gate(const troupe::scope& rt) : state_(std::make_shared<state>()) {
    closed = rt.with({.name = "gate", .blocking = true}).submit([s = state_] {
      std::unique_lock guard{s->mutex};
      s->bell.wait(guard, [&] { return s->open; });
      return 1;
    });
  }
  ~gate() { open(); }
  void open() {
    std::lock_guard guard{state_->mutex};
    state_->open = true;
    state_->bell.notify_all();
  }
  troupe::ref<int> closed;  // 1 once it is open

private:
  struct state {
    std::mutex mutex;
    std::condition_variable bell;
    bool open = false;
  };
  std::shared_ptr<state> state_;
};

// Counts how many of it there are.
struct counted {
  static inline std::atomic<long> alive{0}, copies{0}, moves{0};
  int value = 0;
  explicit counted(int v = 0) : value(v) { ++alive; }
  counted(const counted& o) : value(o.value) { ++alive, ++copies; }
  counted(counted&& o) noexcept : value(std::exchange(o.value, -1)) { ++alive, ++moves; }
  counted& operator=(const counted&) = default;
  ~counted() { --alive; }
  static void reset() { copies = moves = 0; }
};

inline std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

}  // namespace test
