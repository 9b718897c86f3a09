// SPDX-License-Identifier: MIT
#include "store/object_table.hpp"

#include <stdexcept>

namespace troupe::detail {

object_table::effects object_table::put(store_entry& entry, outcome how) {
  ++counts_.puts;
  entry.value = how.what;
  entry.failed = how.is == outcome::failure;
  entry.aliased = how.is == outcome::alias;
  entry.present = 1;
  if (entry.dropped) ++counts_.gone;
  return {.tell = entry.watched != 0, .reap = entry.dropped != 0};
}

object_table::effects object_table::watch(store_entry& entry) {
  ++counts_.watches;
  entry.watched = 1;
  return {.tell = entry.present != 0};
}

object_table::effects object_table::drop(store_entry& entry) {
  ++counts_.drops;
  entry.dropped = 1;
  if (entry.present) ++counts_.gone;
  return {.reap = entry.present != 0};
}

void object_table::check() const {
  if (counts_.gone > counts_.puts) throw std::logic_error("no object is gone before it was put");
  if (counts_.gone > counts_.drops)
    throw std::logic_error("no object is gone before it was dropped");
}

}  // namespace troupe::detail
