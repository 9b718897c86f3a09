// SPDX-License-Identifier: MIT
// Memory for strands: each stack with a guard zone below it, as long as the kernel's limit of
// mappings allows; then unguarded ones out of large slabs.
#pragma once
#include <cstddef>

namespace troupe::detail {

struct stack_memory {
  char* low = nullptr;  // of the usable part
  std::size_t size = 0;
  std::size_t guard = 0;  // bytes below `low` that fault; 0: none, see canary_alive
};

// Throws troupe::error that names the limit, if the system refuses.
stack_memory allocate_stack(std::size_t size);
void free_stack(const stack_memory& s) noexcept;
// False: an unguarded stack has been overrun.
bool canary_alive(const stack_memory& s) noexcept;

}  // namespace troupe::detail
