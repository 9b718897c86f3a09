// SPDX-License-Identifier: MIT
// The life of objects: put, watched, dropped, gone. Pure: events in, effects out, the data in the
// objects' records. One object_table belongs to one store actor.
#pragma once
#include <troupe/detail/core.hpp>

#include <cstddef>

namespace troupe::detail {

// What an object settles with: a value in its own record, a value in another object (which it keeps
// from then on), or a failure.
struct outcome {
  enum kind : std::uint8_t { value, alias, failure };
  kind is = value;
  const void* what = nullptr;
};

class object_table {
public:
  struct effects {
    bool tell = false;   // the resolver, that the object is sealed
    bool reap = false;   // the value, which nobody can reach any more
    bool fetch = false;  // it, from where it is
  };
  struct counters {
    std::size_t puts = 0, watches = 0, drops = 0, gone = 0;
  };

  // Precondition: the first put of this object.
  [[nodiscard]] effects put(store_entry& entry, outcome how) {
    ++counts_.puts;
    entry.value = how.what;
    entry.failed = how.is == outcome::failure;
    entry.aliased = how.is == outcome::alias;
    entry.present = 1;
    if (entry.dropped) ++counts_.gone;
    return {.tell = entry.watched != 0, .reap = entry.dropped != 0};
  }
  [[nodiscard]] effects watch(store_entry& entry) {
    ++counts_.watches;
    entry.watched = 1;
    const bool fetch = entry.away && !entry.present;
    entry.away = 0;
    return {.tell = entry.present != 0, .fetch = fetch};
  }
  [[nodiscard]] effects drop(store_entry& entry) {
    ++counts_.drops;
    entry.dropped = 1;
    if (entry.present) ++counts_.gone;
    return {.reap = entry.present != 0};
  }

  const counters& counts() const { return counts_; }
  void check() const;  // throws std::logic_error

private:
  counters counts_;
};

}  // namespace troupe::detail
