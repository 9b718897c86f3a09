// SPDX-License-Identifier: MIT
// A node for tests: its own actor system, a transport, and what that told.
#pragma once
#include "net/caf_transport.hpp"
#include "net/certificates.hpp"
#include "net/network.hpp"

#include <troupe/caf.hpp>

#include <doctest/doctest.h>
#include <caf/logger.hpp>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::detail {

using std::chrono::milliseconds;
using test_clock = std::chrono::steady_clock;

class events_seen final : public transport_events {
public:
  struct refused_one {
    std::string address;
    refusal why;
    std::string text;
  };
  std::vector<greeting> peers;
  std::vector<refused_one> refusals;
  std::vector<std::string> ends;
  std::vector<std::string> items;
  std::size_t count = 0, bulk_bytes = 0, most_in_flight = 0;
  test_clock::time_point ended_at;
  bool keep_items = true;
  std::function<void(node_id, lane, std::span<const char>)> on_item;

  // What `look` (with the lock held) wants to be true becomes true in time.
  template <class Look> bool wait(Look look, milliseconds limit = milliseconds(20000)) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [&] { return look(*this); });
  }
  // With the lock held: what is read may change any time otherwise.
  template <class Look> auto look(Look l) {
    const std::lock_guard lock{mutex_};
    return l(*this);
  }
  std::size_t open_count() {
    return look([](auto& e) { return e.peers.size(); });
  }
  std::size_t end_count() {
    return look([](auto& e) { return e.ends.size(); });
  }
  std::size_t refusal_count() {
    return look([](auto& e) { return e.refusals.size(); });
  }
  std::size_t item_count() {
    return look([](auto& e) { return e.items.size(); });
  }
  bool wait_open(std::size_t n = 1) {
    return wait([&](auto& e) { return e.peers.size() >= n; });
  }
  bool wait_end(std::size_t n = 1) {
    return wait([&](auto& e) { return e.ends.size() >= n; });
  }
  bool wait_refusal(std::size_t n = 1) {
    return wait([&](auto& e) { return e.refusals.size() >= n; });
  }

  void opened(const greeting& g, const std::string&) override {
    change([&] { peers.push_back(g); });
  }
  void refused(const std::string& address, refusal why, const std::string& text) override {
    change([&] { refusals.push_back({address, why, text}); });
  }
  void received_items(node_id from, batch all) override {
    for (const auto item : all) received(from, lane::control, item);
  }
  void received_piece(node_id from, std::span<const char> piece) override {
    received(from, lane::bulk, piece);
  }
  void acknowledged(node_id, std::size_t) override {
    change([] {});
  }
  void closed(node_id, const std::string& why) override {
    change([&] {
      ended_at = test_clock::now();
      ends.push_back(why);
    });
  }

private:
  void received(node_id from, lane l, std::span<const char> item) {
    if (on_item) on_item(from, l, item);
    change([&] {
      ++count;
      if (l == lane::bulk) bulk_bytes += item.size();
      else if (keep_items) items.emplace_back(item.begin(), item.end());
    });
  }
  template <class F> void change(F f) {
    {
      const std::lock_guard lock{mutex_};
      f();
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

inline std::vector<char> bytes(std::string_view text) { return {text.begin(), text.end()}; }

class net_node {
public:
  explicit net_node(const char* name, const tls_files* tls = nullptr,
                    caf_transport_options options = {.listen = "127.0.0.1:0"},
                    greeting me = {.node = random_node_id()}) {
    me.name = name;
    configure(config_, 1);
    configure_network(config_, tls);
    system_ = std::make_unique<caf::actor_system>(config_);
    caf::logger::set_current_actor_system(nullptr);  // it would keep this thread's for ever
    net = std::make_unique<caf_transport>(*system_, me, seen, std::move(options));
  }
  ~net_node() { net.reset(); }

  node_id id() const { return net->self().node; }
  const std::string& address() const { return net->self().address; }
  caf::actor_system& system() { return *system_; }
  void say(node_id to, std::string_view text) { net->send(to, lane::control, bytes(text)); }

  events_seen seen;
  std::unique_ptr<caf_transport> net;

private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

// a calls b; both are open when this returns.
inline void join(net_node& a, net_node& b) {
  a.net->connect(b.address());
  REQUIRE(a.seen.wait_open(a.seen.end_count() + 1));
  REQUIRE(b.seen.wait_open(b.seen.end_count() + 1));
}

// A directory that goes with the test; certificates for it.
class scratch_dir {
public:
  scratch_dir() {
    std::string name = std::filesystem::temp_directory_path() / "troupe_net_XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    path = name;
  }
  scratch_dir(const scratch_dir&) = delete;
  scratch_dir& operator=(const scratch_dir&) = delete;
  ~scratch_dir() { std::filesystem::remove_all(path); }
  std::string path;
};

class authority {
public:
  authority() { make_authority(dir_.path, 2); }
  tls_files certificate(const std::string& name) {
    return issue(dir_.path, name, 1, {"127.0.0.1"});
  }
  const std::string& dir() const { return dir_.path; }

private:
  scratch_dir dir_;
};

}  // namespace troupe::detail
