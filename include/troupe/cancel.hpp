// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

namespace troupe {

// What a cancel came to.
enum class cancel_result : std::uint8_t {
  before_start,     // its body had not begun, and never will
  requested,        // its body has begun and is asked to end: it sees its stop token, and meets
                    // `cancelled` where it would park
  already_settled,  // it had its outcome (which may be on its way), or was put
};

}  // namespace troupe
