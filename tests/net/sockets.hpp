// SPDX-License-Identifier: MIT
// Plain sockets for tests: somebody who is no node of Troupe, a proxy whose link can go silent, and
// a child process.
#pragma once
#include "net/endpoint.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::detail {

inline int tcp_to(const std::string& address) {
  const auto e = parse_endpoint(address);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(e.port);
  ::inet_pton(AF_INET, e.host.c_str(), &to.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  return fd;
}

// Forwards to `target`; while it is silent it takes connections, and no byte passes.
class proxy {
public:
  explicit proxy(std::string target)
      : target_(std::move(target)),
        wake_(::eventfd(0, EFD_CLOEXEC)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::thread([this] { run(); });
  }
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;
  ~proxy() {
    over_ = true;
    ::eventfd_write(wake_, 1);
    thread_.join();
    for (auto [a, b] : pairs_) ::close(a), ::close(b);
    ::close(listener_);
    ::close(wake_);
  }
  const std::string& address() const { return address_; }
  void silent(bool yes) {
    silent_ = yes;
    ::eventfd_write(wake_, 1);
  }

private:
  void run() {
    while (!over_) {
      std::vector<pollfd> fds{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
      if (!silent_)
        for (auto [a, b] : pairs_) {
          fds.push_back({a, POLLIN, 0});
          fds.push_back({b, POLLIN, 0});
        }
      ::poll(fds.data(), fds.size(), -1);
      eventfd_t n;
      if (fds[1].revents != 0) ::eventfd_read(wake_, &n);
      if (silent_ || over_) {  // what poll saw before is left where it is
        if (fds[0].revents != 0 && !over_) take();
        continue;
      }
      std::vector<std::size_t> ended;
      for (std::size_t i = 2; i < fds.size(); ++i)
        if (fds[i].revents != 0 && !pass(fds[i].fd, fds[i ^ 1].fd)) ended.push_back((i - 2) / 2);
      for (auto i = ended.size(); i-- > 0;)
        if (i + 1 == ended.size() || ended[i] != ended[i + 1]) {
          ::close(pairs_[ended[i]].first);
          ::close(pairs_[ended[i]].second);
          pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(ended[i]));
        }
      if (fds[0].revents != 0) take();
    }
  }
  void take() {
    const int in = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (in >= 0) pairs_.emplace_back(in, tcp_to(target_));
  }
  static bool pass(int from, int to) {
    char part[16384];
    const auto n = ::recv(from, part, sizeof part, 0);
    return n > 0 && ::send(to, part, static_cast<std::size_t>(n), MSG_NOSIGNAL) == n;
  }

  const std::string target_;
  std::string address_;
  int listener_, wake_;
  std::vector<std::pair<int, int>> pairs_;
  std::atomic<bool> silent_{false}, over_{false};
  std::thread thread_;
};

// tests/net/echo_node.cpp in a process of its own.
class echo_process {
public:
  explicit echo_process(const std::vector<std::string>& arguments = {}) {
    const char* program = std::getenv("TROUPE_ECHO_NODE");
    REQUIRE_MESSAGE(program, "TROUPE_ECHO_NODE must name the program echo_node (ctest sets it)");
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    std::vector<char*> argv{const_cast<char*>(program)};
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    pid = ::fork();
    if (pid == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execv(program, argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    for (char c; ::read(out[0], &c, 1) == 1 && c != '\n';) address += c;
    ::close(out[0]);
    REQUIRE(!address.empty());
  }
  echo_process(const echo_process&) = delete;
  echo_process& operator=(const echo_process&) = delete;
  ~echo_process() {
    ::close(input_);
    ::kill(pid, SIGCONT);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  pid_t pid = 0;
  std::string address;

private:
  int input_ = -1;
};

}  // namespace troupe::detail
