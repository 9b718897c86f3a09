// SPDX-License-Identifier: MIT
#include "store/object_table.hpp"

#include <stdexcept>

namespace troupe::detail {

void object_table::check() const {
  if (counts_.gone > counts_.puts) throw std::logic_error("no object is gone before it was put");
  if (counts_.gone > counts_.drops)
    throw std::logic_error("no object is gone before it was dropped");
}

}  // namespace troupe::detail
