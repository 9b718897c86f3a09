// SPDX-License-Identifier: MIT
// "host:port" and "[v6]:port", and a TCP connection with a time limit to see who answers there.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::detail {

struct endpoint {
  std::string host;
  std::uint16_t port = 0;
};
// Throws troupe::error, which says what is wrong with the text.
endpoint parse_endpoint(std::string_view text);
std::string to_text(const endpoint& e);

// 127.0.0.0/8, ::1 and localhost: whoever connects runs on this machine.
bool is_loopback(std::string_view host);

// Connects and hangs up. `numeric` is the address of that host which answered, or empty: then
// `problem` says why. Gives up at `limit`, or when `cancel` (a file descriptor) becomes readable; only
// the look-up of a name in DNS takes as long as it takes.
struct probed {
  std::string numeric;
  std::string problem;
};
probed probe(const endpoint& where, std::chrono::milliseconds limit, int cancel);

// The socket of this process that has listened there, if it is still open. CAF 0.17 sometimes shuts it
// and never closes it: to be called when CAF's threads are gone.
void close_left_open(std::uint16_t port);

}  // namespace troupe::detail
