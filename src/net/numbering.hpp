// SPDX-License-Identifier: MIT
// What goes through a connection is numbered, each way from 0. TCP loses, doubles and reorders
// nothing; it is checked all the same, so that nothing that does can make a result wrong: what came
// before is not heard again, and where something is missing the connection ends like one that broke.
#pragma once
#include <cstdint>

namespace troupe::detail {

class numbering {
public:
  std::uint64_t next() { return sent_++; }

  enum class verdict : std::uint8_t { in_order, heard_before, too_early };
  verdict hear(std::uint64_t number) {
    if (number != heard_) return number < heard_ ? verdict::heard_before : verdict::too_early;
    ++heard_;
    return verdict::in_order;
  }

private:
  std::uint64_t sent_ = 0, heard_ = 0;
};

}  // namespace troupe::detail
