// SPDX-License-Identifier: MIT
// A greeting as bytes. The first 24 bytes keep their meaning in all versions to come (magic, version,
// understands, node), so that any two versions can tell each other that they do not understand.
#pragma once
#include "net/transport.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::detail {

std::vector<char> to_bytes(const greeting& g);

// Nothing: these are not the bytes of a greeting. Of one whose version we do not understand only
// version, understands and node are filled in.
std::optional<greeting> read_greeting(std::span<const char> bytes);

bool understand_each_other(const greeting& a, const greeting& b);
// One sentence that names both versions.
std::string version_problem(const greeting& ours, const greeting& theirs);

}  // namespace troupe::detail
