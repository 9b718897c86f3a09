// SPDX-License-Identifier: MIT
// An authority of one's own and its certificates, made by the `openssl` tool: ca.pem and ca-key.pem,
// NAME.pem and NAME-key.pem.
#pragma once
#include "net/tls_files.hpp"

#include <string>
#include <vector>

namespace troupe::detail {

// Both throw troupe::error: a file is there already (none is ever overwritten), the tool is missing,
// or what it said. Keys can be read by this user only.

// Makes `dir` if need be.
void make_authority(const std::string& dir, int days);
// A certificate for a node, signed by the authority in `dir`; `hosts` are names and addresses of the
// machines that may show it.
tls_files issue(const std::string& dir, const std::string& name, int days,
                const std::vector<std::string>& hosts);

}  // namespace troupe::detail
