// SPDX-License-Identifier: MIT
#include "net/network.hpp"

#include "net/tls_session.hpp"
#include "net/transport.hpp"

#include <troupe/error.hpp>

#include <sys/socket.h>
#include <caf/actor_cast.hpp>
#include <caf/detail/get_process_id.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>
#include <caf/sec.hpp>

#include <string>
#include <utility>
#include <vector>

// CAF makes its node ids of the machine's addresses and this number. Two containers on one machine
// may have the same addresses and both be process 1: they would take each other for themselves. This
// definition comes before the one in libcaf_core, shared or static, in every program that uses the
// network.
namespace caf::detail {
unsigned get_process_id() {
  static const auto chosen = static_cast<unsigned>(troupe::detail::random_node_id().value);
  return chosen;
}
}  // namespace caf::detail

namespace troupe::detail {

void configure_network(caf::actor_system_config& config, const tls_files* tls) {
  if (tls) check(*tls);
  if (tls && !own_sessions_are_used())
    throw error(
        "libcaf_openssl was loaded before Troupe's network, and its TLS lets strangers end "
        "connections: "
        "link the program with troupe::net instead of loading it later");
  config.load<caf::io::middleman>();
  config.set("middleman.workers", std::size_t{0});
  config.set("middleman.app-identifiers", std::vector<std::string>{"troupe"});
  config.set("middleman.enable-automatic-connections", false);
  if (!tls) return;
  config.load<caf::openssl::manager>();
  config.openssl_certificate = tls->certificate;
  config.openssl_key = tls->key;
  config.openssl_cafile = tls->ca;
  config.openssl_passphrase = tls->passphrase;
}

sockets::sockets(caf::actor_system& system) : system_(system) {}

bool sockets::in_io_thread() const {
  return system_.middleman().backend().thread_id() == std::this_thread::get_id();
}

caf::io::basp_broker& sockets::broker() const {
  auto& middleman = system_.middleman();
  const auto handle = middleman.named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  auto& broker = *static_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(handle));
  broker.context(&middleman.backend());
  return broker;
}

std::vector<std::pair<caf::io::connection_handle, caf::node_id>> sockets::all() const {
  std::vector<std::pair<caf::io::connection_handle, caf::node_id>> found;
  auto& b = broker();
  if (b.getf(caf::abstract_actor::is_terminated_flag)) return found;
  for (const auto& c : b.connections()) found.emplace_back(c, b.instance.tbl().lookup_direct(c));
  return found;
}

std::vector<caf::node_id> sockets::connected() const {
  std::vector<caf::node_id> nodes;
  for (auto& [c, node] : all())
    if (node) nodes.push_back(std::move(node));
  return nodes;
}

// The broker meets the end of the stream next, in the way it always does. (A graceful end would wait
// for what cannot be sent, and a handshake that hangs would go on.)
void sockets::cut(caf::io::connection_handle c) {
  ::shutdown(static_cast<int>(c.id()), SHUT_RDWR);  // a handle's number is its socket
}

void sockets::cut(const caf::node_id& peer) {
  for (const auto& [c, node] : all())
    if (node == peer) cut(c);
}

void sockets::cut_older(const caf::node_id& peer) {
  const auto connections = all();
  if (connections.empty()) return;
  const auto newest = broker().instance.tbl().lookup_direct(peer);
  for (const auto& [c, node] : connections)
    if (node == peer && newest && c != *newest) cut(c);
}

void sockets::hang_up(const caf::node_id& peer) {
  for (const auto& [c, node] : all())
    if (node == peer) {  // as the broker does it: closing alone would leave its routes and proxies
      broker().connection_cleanup(c, caf::sec::none);
      broker().close(c);
    }
}

}  // namespace troupe::detail
