// SPDX-License-Identifier: MIT
#include "net/greeting.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace troupe::detail {

namespace {
constexpr std::uint64_t magic = 0x01'65'70'75'6f'72'54'21;  // "!Troupe", 1: of these first 24 bytes

// Numbers go the least byte first.
template <class N> void put(std::vector<char>& to, N n) {
  for (std::size_t i = 0; i < sizeof n; ++i) to.push_back(static_cast<char>(n >> (8 * i) & 0xff));
}
template <class Bytes> void put_block(std::vector<char>& to, const Bytes& block) {
  put(to, static_cast<std::uint32_t>(block.size()));
  to.insert(to.end(), block.begin(), block.end());
}

class reader {
public:
  explicit reader(std::span<const char> bytes) : left_(bytes) {}
  template <class N> bool take(N& n) {
    if (left_.size() < sizeof n) return false;
    n = 0;
    for (std::size_t i = 0; i < sizeof n; ++i)
      n |= static_cast<N>(static_cast<unsigned char>(left_[i])) << (8 * i);
    left_ = left_.subspan(sizeof n);
    return true;
  }
  template <class Bytes> bool take_block(Bytes& block) {
    std::uint32_t size = 0;
    if (!take(size) || left_.size() < size) return false;
    block.assign(left_.begin(), left_.begin() + size);
    left_ = left_.subspan(size);
    return true;
  }

private:
  std::span<const char> left_;
};

std::string version_of(const greeting& g) {
  return std::to_string(g.version) + " (it understands " + std::to_string(g.understands) +
         " and later)";
}
}  // namespace

node_id random_node_id() {
  node_id id;
  while (id.value == 0)
    if (getrandom(&id.value, sizeof id.value, 0) < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "getrandom");
  return id;
}

std::vector<char> to_bytes(const greeting& g) {
  std::vector<char> bytes;
  put(bytes, magic);
  put(bytes, g.version);
  put(bytes, g.understands);
  put(bytes, g.node.value);
  put_block(bytes, g.name);
  put_block(bytes, g.address);
  put_block(bytes, g.extra);
  return bytes;
}

std::optional<greeting> read_greeting(std::span<const char> bytes) {
  reader from{bytes};
  greeting g;
  std::uint64_t begin = 0;
  if (!from.take(begin) || begin != magic || !from.take(g.version) || !from.take(g.understands) ||
      !from.take(g.node.value))
    return {};
  if (understand_each_other(greeting{}, g) &&
      !(from.take_block(g.name) && from.take_block(g.address) && from.take_block(g.extra)))
    return {};
  return g;
}

bool understand_each_other(const greeting& a, const greeting& b) {
  return a.version >= b.understands && b.version >= a.understands;
}

std::string version_problem(const greeting& ours, const greeting& theirs) {
  return "node " + to_text(theirs.node) + " speaks wire version " + version_of(theirs) +
         ", this node " + version_of(ours) + ": run the same version of the program on both";
}

}  // namespace troupe::detail
