// SPDX-License-Identifier: MIT
#include "raw_transport.hpp"

#include "net/caf_transport.hpp"
#include "net/network.hpp"
#include "two_processes.hpp"

#include <troupe/caf.hpp>

#include <caf/logger.hpp>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace node_bench {

using namespace troupe::detail;
using troupe::detail::tls_files;

namespace {
class echoes final : public transport_events {
public:
  void opened(const greeting&, const std::string&) override {}
  void refused(const std::string&, refusal, const std::string&) override {}
  void received_items(node_id from, batch all) override {
    for (const auto item : all) net->send(from, lane::control, {item.begin(), item.end()});
  }
  void received_piece(node_id, std::span<const char>) override {}
  void closed(node_id, const std::string&) override {}
  transport* net = nullptr;
};

class meter final : public transport_events {
public:
  void opened(const greeting& g, const std::string&) override {
    change([&] { peer_ = g.node; });
  }
  void refused(const std::string&, refusal, const std::string& text) override {
    std::fprintf(stderr, "refused: %s\n", text.c_str());
    std::exit(1);
  }
  void received_items(node_id, batch all) override {
    change([&] { answers_ += all.size(); });
  }
  void received_piece(node_id, std::span<const char>) override {}
  void acknowledged(node_id, std::size_t) override {
    change([] {});
  }
  void closed(node_id, const std::string&) override {}

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

struct network {
  explicit network(const tls_files& tls) {
    troupe::configure(config, 1);
    configure_network(config, tls.certificate.empty() ? nullptr : &tls);
    system = std::make_unique<caf::actor_system>(config);
    caf::logger::set_current_actor_system(nullptr);
  }
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
};
}  // namespace

void echo(const tls_files& tls) {
  network n{tls};
  echoes events;
  caf_transport net(*n.system, {.node = random_node_id()}, events, {.listen = "127.0.0.1:0"});
  events.net = &net;
  std::puts(net.self().address.c_str());
  std::fflush(stdout);
  wait_for_end_of_input();
}

double raw_trip(const std::string& address, const tls_files& tls) {
  network n{tls};
  meter m;
  caf_transport net(*n.system, {.node = random_node_id()}, m, {});
  net.connect(address);
  const auto peer = m.wait_peer();
  std::vector<double> times;
  for (std::size_t i = 1; i <= 6000; ++i) {
    const auto begin = clock_type::now();
    net.send(peer, lane::control, std::vector<char>(100, 'r'));
    m.wait_answers(i);
    if (i > 1000) times.push_back(ns_since(begin));
  }
  return at(times, 0.5);
}

double raw_pieces(const std::string& address, const tls_files& tls) {
  network n{tls};
  meter m;
  caf_transport net(*n.system, {.node = random_node_id()}, m, {});
  net.connect(address);
  const auto peer = m.wait_peer();
  constexpr std::size_t piece = 1 << 20, window = 8 * piece, mib = 256;
  std::vector<double> times;
  for (int round = 0; round < 6; ++round) {
    const auto begin = clock_type::now();
    for (std::size_t i = 0; i < mib; ++i) {
      m.wait([&] { return net.in_flight(peer) + piece <= window; });
      net.send(peer, lane::bulk, std::vector<char>(piece, 'b'));
    }
    m.wait([&] { return net.in_flight(peer) == 0; });
    if (round > 0) times.push_back(ns_since(begin) / mib);
  }
  return at(times, 0.5);
}

}  // namespace node_bench
