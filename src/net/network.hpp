// SPDX-License-Identifier: MIT
// What CAF's middleman must be told before its actor system is made, and what we do at its sockets.
#pragma once
#include "net/tls_files.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/connection_handle.hpp>
#include <caf/node_id.hpp>

#include <chrono>
#include <map>
#include <vector>

namespace caf::io {
class basp_broker;
}

namespace troupe::detail {

// Loads the middleman; with `tls` (null: none) also CAF's OpenSSL, after check(*tls). Messages are
// deserialised and handled by the thread that reads them: one hop less, and one thread for all
// events. CAF's heartbeats stay off: the gateways have their own.
void configure_network(caf::actor_system_config& config, const tls_files* tls);

// The connections of a system's middleman. Only for its I/O thread, while the system lives.
class sockets {
public:
  explicit sockets(caf::actor_system& system);
  bool in_io_thread() const;
  // The processes at their other ends, as far as these have said who they are.
  std::vector<caf::node_id> connected() const;
  // Hangs up when all that was written has gone out.
  void hang_up(const caf::node_id& peer);
  // Hangs up now; what was not sent is lost.
  void cut(const caf::node_id& peer);
  // Cuts the connections to a peer that came again, but the newest.
  void cut_older(const caf::node_id& peer);
  // Cuts what has had no `owner` (who is connected, or calls) for longer than `limit`: handshakes that
  // do not come to their end, and connections that nobody uses.
  template <class Owned> void sweep(std::chrono::nanoseconds limit, Owned owned);

private:
  using clock = std::chrono::steady_clock;
  caf::io::basp_broker& broker() const;
  static void cut(caf::io::connection_handle c);
  std::vector<std::pair<caf::io::connection_handle, caf::node_id>> all() const;

  caf::actor_system& system_;
  std::map<caf::io::connection_handle, clock::time_point> idle_since_;
};

template <class Owned> void sockets::sweep(std::chrono::nanoseconds limit, Owned owned) {
  const auto now = clock::now();
  std::map<caf::io::connection_handle, clock::time_point> idle;
  for (const auto& [c, peer] : all()) {
    if (peer && owned(peer)) continue;
    const auto before = idle_since_.find(c);
    const auto since = before == idle_since_.end() ? now : before->second;
    if (now - since > limit) cut(c);
    idle.emplace(c, since);
  }
  idle_since_ = std::move(idle);
}

}  // namespace troupe::detail
