// SPDX-License-Identifier: MIT
// The transport alone, between two processes: what nodes cannot be quicker than.
#pragma once
#include "net/tls_files.hpp"

#include <string>

namespace node_bench {

// Sends every small item back and drops pieces, until its standard input ends. Prints its address.
void echo(const troupe::detail::tls_files& tls);

// Median, in ns, of one small item there and back.
double raw_trip(const std::string& address, const troupe::detail::tls_files& tls);
// ns for a MiB, in pieces of 1 MiB under a window of 8 MiB.
double raw_pieces(const std::string& address, const troupe::detail::tls_files& tls);

}  // namespace node_bench
