// SPDX-License-Identifier: MIT
// The transport between two processes on one machine: net_bench ECHO_NODE [CERTIFICATE KEY CA
// CERTIFICATE KEY CA], where ECHO_NODE is tests/net/echo_node and the files are this side's and its.
// Round trips of a small item, small items a second (sent, and answered), and bulk under a window.
#include "net/caf_transport.hpp"
#include "net/network.hpp"

#include <troupe/caf.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <caf/logger.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

using namespace troupe::detail;

namespace {
using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point t) {
  return std::chrono::duration<double>(clock::now() - t).count();
}

class meter final : public transport_events {
public:
  void opened(const greeting& g, const std::string&) override {
    change([&] { peer_ = g.node; });
  }
  void refused(const std::string&, refusal, const std::string& text) override {
    std::fprintf(stderr, "refused: %s\n", text.c_str());
    std::exit(1);
  }
  void received(node_id, lane, std::span<const char>) override {
    change([&] { ++answers_; });
  }
  void acknowledged(node_id, std::size_t) override {
    change([] {});
  }
  void closed(node_id, const std::string& why) override {
    std::fprintf(stderr, "closed: %s\n", why.c_str());
  }
  node_id wait_peer() {
    wait([&] { return peer_.value != 0; });
    return peer_;
  }
  void wait_answers(std::size_t n) {
    wait([&] { return answers_ >= n; });
  }
  template <class F> void wait(F f) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, f);
  }
  std::size_t answers() {
    const std::lock_guard lock{mutex_};
    return answers_;
  }

private:
  template <class F> void change(F f) {
    const std::lock_guard lock{mutex_};
    f();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  node_id peer_;
  std::size_t answers_ = 0;
};

struct child {
  pid_t pid;
  std::string address;
};
child start(std::vector<char*> argv) {
  int in[2], out[2];
  if (::pipe(in) != 0 || ::pipe(out) != 0) std::exit(1);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out[1]);
  std::string address;
  for (char c; ::read(out[0], &c, 1) == 1 && c != '\n';) address += c;
  return {pid, address};
}

void round_trips(caf_transport& net, meter& m, node_id peer) {
  std::vector<double> us;
  for (int i = 0; i < 5000; ++i) {
    const auto before = m.answers();
    const auto begin = clock::now();
    net.send(peer, lane::control, std::vector<char>(100, 'r'));
    m.wait_answers(before + 1);
    us.push_back(seconds_since(begin) * 1e6);
  }
  std::sort(us.begin(), us.end());
  std::printf("round trip of 100 bytes: median %.0f us, 99 %% %.0f us\n", us[us.size() / 2],
              us[us.size() * 99 / 100]);
}

void items(caf_transport& net, meter& m, node_id peer) {
  constexpr std::size_t n = 500'000;
  auto before = m.answers();
  auto begin = clock::now();
  for (std::size_t i = 0; i < n; ++i) net.send(peer, lane::control, {'.'});  // has no echo
  net.send(peer, lane::control, {'l', 'a', 's', 't'});
  m.wait_answers(before + 1);
  std::printf("items of 1 byte, one way: %.0f k/s\n", n / seconds_since(begin) / 1e3);
  before = m.answers();
  begin = clock::now();
  for (std::size_t i = 0; i < n; ++i) net.send(peer, lane::control, std::vector<char>(100, 'e'));
  m.wait_answers(before + n);
  std::printf("items of 100 bytes, each answered: %.0f k/s\n", n / seconds_since(begin) / 1e3);
}

void bulk(caf_transport& net, meter& m, node_id peer) {
  constexpr std::size_t piece = transport::largest_piece, window = 4 * piece, pieces = 1024;
  const auto begin = clock::now();
  for (std::size_t i = 0; i < pieces; ++i) {
    m.wait([&] { return net.in_flight(peer) + piece <= window; });
    net.send(peer, lane::bulk, std::vector<char>(piece, 'b'));
  }
  m.wait([&] { return net.in_flight(peer) == 0; });
  std::printf("bulk, pieces of 1 MiB under a window of 4 MiB: %.0f MB/s\n",
              pieces * piece / seconds_since(begin) / 1e6);
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 8) {
    std::fprintf(stderr, "usage: net_bench ECHO_NODE [CERTIFICATE KEY CA CERTIFICATE KEY CA]\n");
    return 2;
  }
  const bool tls = argc == 8;
  std::vector<char*> other{argv[1]};
  if (tls) other.insert(other.end(), argv + 5, argv + 8);
  other.push_back(nullptr);
  const auto echo = start(other);
  const tls_files files = tls ? tls_files{argv[2], argv[3], argv[4], ""} : tls_files{};
  caf::actor_system_config config;
  troupe::configure(config, 1);
  configure_network(config, tls ? &files : nullptr);
  caf::actor_system system{config};
  {
    meter m;
    caf_transport net(system, {.node = random_node_id()}, m, {});
    const auto begin = clock::now();
    net.connect(echo.address);
    const auto peer = m.wait_peer();
    std::printf("%s\nconnected after %.1f ms\n", tls ? "mutual TLS" : "plain",
                seconds_since(begin) * 1e3);
    round_trips(net, m, peer);
    items(net, m, peer);
    bulk(net, m, peer);
  }
  ::kill(echo.pid, SIGKILL);
  ::waitpid(echo.pid, nullptr, 0);
}
