// SPDX-License-Identifier: MIT
// Instances that live here and belong to actors of other nodes. Who has a turn is said by their hosts
// there.
#pragma once
#include "runtime/failure.hpp"

#include <troupe/detail/exported_actor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace troupe::detail {

struct served_instance final : hosted {
  using hosted::hosted;
  ~served_instance() {
    if (instance) type->destroy(instance);
  }
  std::atomic<bool> is_made{false};
  std::atomic<std::uint64_t> changes{0};  // calls that may have changed it
};

// One call, until its reply has been written.
struct served_turn {
  std::shared_ptr<served_instance> of;
  bool saves = false;        // its reply has place for a snapshot
  bool broke = false;        // the instance is not to be used again
  std::uint64_t number = 0;  // of the change
  std::shared_ptr<const void> snapshot{};
  const failure* no_snapshot = nullptr;

  served_turn() = default;
  served_turn(const served_turn&) = delete;
  ~served_turn() {
    if (no_snapshot) no_snapshot->release();
  }
  // What precedes the value in the reply.
  void write(encoder& to) const;
};

// Precondition: the bytes are the snapshot's alone.
std::shared_ptr<const void> read_snapshot(const value_codec& type, decoder& from);

}  // namespace troupe::detail
