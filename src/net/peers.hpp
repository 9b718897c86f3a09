// SPDX-License-Identifier: MIT
// Who is connected, and whom we call: the decisions of a transport, on its I/O thread.
#pragma once
#include "net/gateway.hpp"
#include "net/network.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

class peers final : public gateway_owner, public std::enable_shared_from_this<peers> {
public:
  peers(caf::actor_system& system, greeting me, transport_events& events);

  // Any thread.
  gateway_ptr find(node_id) const;
  std::vector<gateway_ptr> open() const;
  bool is_calling() const { return calling_; }
  caf::io::network::multiplexer& io() override;
  // On the I/O thread, after what is under way there.
  template <class F> void post(F f) {
    io().post([self = shared_from_this(), f = std::move(f)]() mutable { f(*self); });
  }

  // I/O thread. `me` is constant once it listens.
  void call(const std::string& address, const std::string& host, std::uint16_t port, bool tls);
  void refuse_call(const std::string& address, refusal why, const std::string& text);
  void answer(const std::vector<char>& hello, caf::strong_actor_ptr caller);
  void close(node_id, const std::string& why);
  void judge_silence(std::chrono::milliseconds limit);
  void judge_calls(std::chrono::milliseconds limit);
  void sweep(std::chrono::milliseconds limit);
  void say_bye(const std::string& why);  // the end: no event comes any more
  bool all_hung_up();
  void hang_up_on_all();

  greeting me;

private:
  void connected(gateway&, caf::node_id, caf::strong_actor_ptr door) override;
  void not_connected(gateway&, const caf::error&) override;
  void welcomed(gateway&, const greeting&, caf::strong_actor_ptr peer) override;
  void was_refused(gateway&, refusal, const greeting& by) override;
  void received_items(gateway&, transport_events::batch) override;
  void received_piece(gateway&, std::span<const char>) override;
  void acknowledged(gateway&, std::size_t in_flight) override;
  void said_bye(gateway&, const std::string& why) override;
  void lost(gateway&, const std::string& why) override;
  void give_up(gateway&, const std::string& why) override;

  void dial(gateway&);
  void dial_again(gateway&, const std::string& why);
  void open(const gateway_ptr&, const greeting&, caf::strong_actor_ptr counterpart);
  void end_call(gateway&, refusal, const std::string& text);
  void end_open(gateway&, const std::string& why);
  void hang_up();
  bool is_used(const caf::node_id& process) const;
  // The verdict on somebody who says hello; none: come in.
  struct verdict {
    refusal why;
    std::string text;
  };
  std::unique_ptr<verdict> judge(const greeting& caller, const caf::node_id& process);

  struct destination {
    std::string host;
    std::uint16_t port;
    bool tls;
  };
  caf::actor_system& system_;
  transport_events& events_;
  sockets sockets_;
  std::unordered_map<gateway*, std::pair<gateway_ptr, destination>> calls_;
  std::atomic<bool> calling_{false};  // there are some
  std::minstd_rand random_;
  std::vector<caf::node_id> parting_;  // who have said good-bye to us, or refused us
  std::vector<caf::node_id> told_;     // whom we have said good-bye, at the end
  bool over_ = false;

  mutable std::shared_mutex mutex_;
  std::unordered_map<node_id, gateway_ptr> open_;  // written by the I/O thread only, with mutex_
};

}  // namespace troupe::detail
