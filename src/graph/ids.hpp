// SPDX-License-Identifier: MIT
// Names that hold on every node.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace troupe::detail {

// 64 random bits for each start of a node: one that comes again has another.
struct node_id {
  std::uint64_t value = 0;
  friend auto operator<=>(const node_id&, const node_id&) = default;
};

// An object or a task, numbered by the node that made it; no number comes twice.
struct global_id {
  node_id maker;
  std::uint64_t number = 0;
  friend auto operator<=>(const global_id&, const global_id&) = default;
};

// 16 hexadecimal digits.
inline std::string to_text(node_id n) {
  std::string text(16, '0');
  for (std::size_t i = 16; i > 0; --i, n.value >>= 4)
    text[i - 1] = "0123456789abcdef"[n.value & 15];
  return text;
}
inline std::string to_text(const global_id& id) {
  return to_text(id.maker) + "/" + std::to_string(id.number);
}

}  // namespace troupe::detail

template <> struct std::hash<troupe::detail::node_id> {
  std::size_t operator()(troupe::detail::node_id n) const noexcept { return n.value; }
};
template <> struct std::hash<troupe::detail::global_id> {
  std::size_t operator()(const troupe::detail::global_id& id) const noexcept {
    return id.maker.value + id.number;  // neighbours are used together, so they lie together
  }
};
