// SPDX-License-Identifier: MIT
// The transport through CAF's middleman. A *door* is published where the node listens; a caller's
// gateway says hello there, and the door answers with a gateway made for that caller.
//
// Which connection stands when there are two:
// - Both call each other at the same time: that of the smaller node id; the other call ends as
//   `connected_already`.
// - Somebody who is connected calls again: the new one, since only who has lost the old one calls.
// - Somebody else has the id of a connected peer, or ours: the old one; the caller is refused.
//
// With certificates all connections are mutual TLS, and without only those on this machine are made.
#pragma once
#include "net/tls_files.hpp"
#include "net/transport.hpp"

#include <caf/actor_system.hpp>
#include <chrono>
#include <memory>
#include <string>

namespace troupe::detail {

struct caf_transport_options {
  std::string listen{};     // "host:port", port 0: any that is free; empty: it does not listen
  std::string advertise{};  // where others reach it; empty: where it listens
  std::chrono::milliseconds silence{5000};        // after which a peer is lost
  std::chrono::milliseconds connect_limit{5000};  // for a connect(), and for handshakes
};

class caf_transport final : public transport {
public:
  // The system was made from a config that configure_network() has seen, and must outlive this; so
  // must `events`. Throws troupe::error if it cannot listen.
  caf_transport(caf::actor_system&, greeting me, transport_events&, caf_transport_options = {});
  ~caf_transport() override;
  caf_transport(const caf_transport&) = delete;
  caf_transport& operator=(const caf_transport&) = delete;

  std::uint16_t port() const;  // where it listens; 0: nowhere
  const greeting& self() const override;
  void connect(std::string address) override;
  void send(node_id to, lane, std::vector<char>&& item, sending = sending::at_once) override;
  void flush() override;
  std::size_t in_flight(node_id to) const override;
  void close(node_id, std::string why) override;
  void stop() override;

private:
  class inside;
  std::shared_ptr<inside> inside_;
};

}  // namespace troupe::detail
