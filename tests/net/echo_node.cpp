// SPDX-License-Identifier: MIT
// A node of its own process: echo_node [CERTIFICATE KEY CA] prints the address where it listens, and
// sends every small item back to its sender, until its standard input ends.
#include "net/caf_transport.hpp"
#include "net/network.hpp"

#include <troupe/caf.hpp>

#include <unistd.h>
#include <caf/logger.hpp>

#include <cstdio>

using namespace troupe::detail;

namespace {
class echo final : public transport_events {
public:
  void opened(const greeting&, const std::string&) override {}
  void refused(const std::string&, refusal, const std::string&) override {}
  void received_items(node_id from, batch all) override {
    for (const auto item : all)
      if (!(item.size() == 1 && item[0] == '.'))  // that one asks for no echo
        net->send(from, lane::control, {item.begin(), item.end()});
  }
  void received_piece(node_id, std::span<const char>) override {}
  void closed(node_id, const std::string&) override {}
  transport* net = nullptr;
};
}  // namespace

int main(int argc, char** argv) {
  const bool tls = argc == 4;
  const tls_files files = tls ? tls_files{argv[1], argv[2], argv[3], ""} : tls_files{};
  caf::actor_system_config config;
  troupe::configure(config, 1);
  configure_network(config, tls ? &files : nullptr);
  caf::actor_system system{config};
  echo events;
  {
    caf_transport net(system, {.node = random_node_id(), .name = "echo"}, events,
                      {.listen = "127.0.0.1:0"});
    events.net = &net;
    std::puts(net.self().address.c_str());
    std::fflush(stdout);
    for (char any; ::read(0, &any, 1) > 0;) {}
  }
}
