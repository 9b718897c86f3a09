// SPDX-License-Identifier: MIT
// The end of a connection here: an actor that handles what its counterpart at the peer sends, on the
// I/O thread that reads it, and sends what the threads of this process hand to it. The two monitor
// each other and end together: there is never one without the other for long.
//
//   calling --its door answers--> greeting --welcome--> open --> over
//   ^  |                             |                   ^
//   |  `-------- any problem --------+--> over           `-- made by a door for a caller
//   `--------- it was lost, a few times
//
// send() puts an item into the outbox, and rings if it is not to wait; the I/O thread, when it comes
// round to that, sends all that is there as one message. So an item that comes alone goes at once, and
// the more there are the larger are the batches. (CAF holds a lock of its own while a gateway handles
// a message of the peer, so whatever may end a connection is posted.)
#pragma once
#include "actors/caf_compat.hpp"
#include "net/numbering.hpp"
#include "net/transport.hpp"

#include <caf/io/network/multiplexer.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::detail {

// The first element of each message; the last but the gateway is its bytes. Between two gateways that
// are open its number (numbering.hpp) stands between these.
enum class parcel : std::uint8_t {
  hello,    // + the caller's gateway; to a door: a greeting
  welcome,  // + the callee's gateway: a greeting
  refused,  // a refusal (one byte), and the greeting of the refuser
  items,    // control: the size of each (4 bytes) and its bytes
  piece,    // bulk
  taken,    // how many bytes of bulk have been taken in so far (8 bytes)
  ping,     // nothing
  bye       // why
};

class gateway;
using gateway_ptr = caf::strong_actor_ptr;

// What the gateways of a transport ask of it. On the I/O thread.
class gateway_owner {
public:
  virtual ~gateway_owner() = default;
  virtual void connected(gateway&, caf::node_id, caf::strong_actor_ptr door) = 0;
  virtual void not_connected(gateway&, const caf::error&) = 0;
  virtual void welcomed(gateway&, const greeting&, caf::strong_actor_ptr peer) = 0;
  virtual void was_refused(gateway&, refusal, const greeting& by) = 0;
  virtual void received_items(gateway&, transport_events::batch) = 0;
  virtual void received_piece(gateway&, std::span<const char>) = 0;
  virtual void acknowledged(gateway&, std::size_t in_flight) = 0;
  virtual void said_bye(gateway&, const std::string& why) = 0;
  virtual void lost(gateway&, const std::string& why) = 0;
  // What it hears cannot be relied on.
  virtual void give_up(gateway&, const std::string& why) = 0;
  virtual caf::io::network::multiplexer& io() = 0;
};

class gateway final : public caf::monitorable_actor {
public:
  enum class state : std::uint8_t { calling, greeting, open, over };
  using clock = std::chrono::steady_clock;

  gateway(caf::actor_config& cfg, std::shared_ptr<gateway_owner> owner, std::string address);

  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override;

  // Any thread.
  void send(lane, std::vector<char>&& item, sending);
  void hurry();  // what waits for others goes out
  std::size_t in_flight() const { return sent_bulk_ - taken_bulk_; }
  void ping();
  clock::time_point heard_at() const { return heard_.load(std::memory_order_relaxed); }
  clock::time_point sent_at() const { return sent_.load(std::memory_order_relaxed); }
  void hear() { heard_.store(clock::now(), std::memory_order_relaxed); }

  // I/O thread.
  void pair_with(caf::strong_actor_ptr counterpart);
  void tell(parcel, std::vector<char> bytes);
  void flush();
  void end();  // with its actor; the counterpart hears of it

  // I/O thread; `address` and `began` are constant.
  state is = state::calling;
  const std::string address;  // what connect() was given
  const clock::time_point began = clock::now();
  caf::node_id process;  // of the peer
  greeting peer;
  int tries = 0;
  clock::time_point redial_at = clock::time_point::max();

private:
  void ring();  // with mutex_ held, so that none comes after end()
  template <class F> void on_io_thread(F f);
  void handle(parcel, std::uint64_t number, const std::vector<char>& bytes);
  void handle_refusal(const std::vector<char>& bytes);
  void take_items(std::span<const char> batch);

  const std::shared_ptr<gateway_owner> owner_;
  caf::strong_actor_ptr counterpart_;  // I/O thread
  numbering numbers_;                  // I/O thread
  std::uint64_t given_bulk_ = 0;       // to us, so far; I/O thread
  std::atomic<std::uint64_t> sent_bulk_{0}, taken_bulk_{0};
  std::atomic<clock::time_point> heard_{clock::now()}, sent_{clock::now()};

  std::mutex mutex_;                      // guards all below
  std::vector<std::vector<char>> items_;  // batches; the last one is open
  std::deque<std::vector<char>> pieces_;
  bool rung_ = false, ping_due_ = false, closed_ = false;
};

gateway_ptr make_gateway(caf::actor_system&, std::shared_ptr<gateway_owner>, std::string address);
inline gateway& gateway_of(const gateway_ptr& p) { return *static_cast<gateway*>(p->get()); }

// A message to an actor there, from no actor.
template <class... Ts> void post_to(const caf::strong_actor_ptr& to, Ts&&... parts) {
  to->enqueue(nullptr, caf::make_message_id(), caf::make_message(std::forward<Ts>(parts)...),
              nullptr);
}

}  // namespace troupe::detail
