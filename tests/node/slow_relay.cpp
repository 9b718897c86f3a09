// SPDX-License-Identifier: MIT
// slow_relay ADDRESS PORT TO_PORT DELAY_MS BYTES_PER_S: whoever connects to ADDRESS:PORT talks with ADDRESS:TO_PORT, each byte
// so much later, and all of one direction no faster than that. For networks whose kernel cannot make a link slow. Says
// "ready" when it listens, and ends with its input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {
using clock_type = std::chrono::steady_clock;

// Of one direction, for all connections.
class line {
public:
  line(std::chrono::milliseconds delay, std::size_t rate) : delay_(delay), rate_(rate) {}
  clock_type::time_point arrival(std::size_t bytes) {
    const std::lock_guard guard{mutex_};
    const auto took = std::chrono::nanoseconds(bytes * 1'000'000'000 / rate_);
    free_ = std::max(free_, clock_type::now()) + took;
    return free_ + delay_;
  }

private:
  const std::chrono::milliseconds delay_;
  const std::size_t rate_;
  std::mutex mutex_;
  clock_type::time_point free_{};
};

bool write_all(int to, const std::vector<char>& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::send(to, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

// What is on its way from one socket to another.
class pipe_of {
public:
  pipe_of(int from, int to, line& over) : from_(from), to_(to), over_(over) {}
  void run() {
    std::thread writer([this] { write(); });
    for (bool more = true; more;) {
      std::vector<char> bytes(16 << 10);
      const ssize_t n = ::recv(from_, bytes.data(), bytes.size(), 0);
      more = n > 0;
      bytes.resize(more ? static_cast<std::size_t>(n) : 0);
      std::unique_lock guard{mutex_};
      bell_.wait(guard, [this] { return under_way_ < most; });
      under_way_ += bytes.size();
      const auto when = over_.arrival(bytes.size());
      parts_.push_back({when, std::move(bytes)});  // none: the end
      bell_.notify_all();
    }
    writer.join();
  }

private:
  static constexpr std::size_t most = 256 << 10;
  struct part {
    clock_type::time_point when;
    std::vector<char> bytes;
  };
  void write() {
    for (bool good = true;;) {
      part next;
      {
        std::unique_lock guard{mutex_};
        bell_.wait(guard, [this] { return !parts_.empty(); });
        next = std::move(parts_.front());
        parts_.pop_front();
      }
      std::this_thread::sleep_until(next.when);
      if (next.bytes.empty()) break;
      good = good && write_all(to_, next.bytes);
      if (!good) ::shutdown(from_, SHUT_RD);
      const std::lock_guard guard{mutex_};
      under_way_ -= next.bytes.size();
      bell_.notify_all();
    }
    ::shutdown(to_, SHUT_WR);
  }

  const int from_, to_;
  line& over_;
  std::mutex mutex_;
  std::condition_variable bell_;
  std::deque<part> parts_;
  std::size_t under_way_ = 0;
};

int fail(const char* what) {
  std::perror(what);
  return 1;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return std::fputs("see the head of slow_relay.cpp\n", stderr), 2;
  const auto address = [&](const char* port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    ::inet_pton(AF_INET, argv[1], &a.sin_addr);
    return a;
  };
  const std::chrono::milliseconds delay(std::atoi(argv[4]));
  const auto rate = static_cast<std::size_t>(std::atoll(argv[5]));
  static line there(delay, rate), back(delay, rate);
  const sockaddr_in own = address(argv[2]), target = address(argv[3]);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return fail("bind");
  if (::listen(listener, 16) != 0) return fail("listen");
  std::puts("ready");
  std::fflush(stdout);
  std::thread([&] {
    for (char c = 0; ::read(STDIN_FILENO, &c, 1) > 0;) {}
    std::_Exit(0);
  }).detach();
  for (;;) {
    const int caller = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (caller == -1) continue;
    const int called = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(called, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
      ::close(called);
      ::close(caller);
      continue;
    }
    for (const int s : {caller, called})
      ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::thread([caller, called] {
      std::thread other([&] { pipe_of(called, caller, back).run(); });
      pipe_of(caller, called, there).run();
      other.join();
      ::close(caller);
      ::close(called);
    }).detach();
  }
}
