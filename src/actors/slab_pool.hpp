// SPDX-License-Identifier: MIT
// Memory for records and task actors: blocks of 64 to 1,024 bytes out of 64 KiB slabs. A block goes
// back to its own slab, and a slab is used again when half of it is back, sorted by address: what
// is allocated together stays together. (Free lists that mix slabs are as fast in a young process;
// after a while every block is a cache miss.)
#pragma once
#include <cstddef>

namespace troupe::detail {

inline constexpr std::size_t block_unit = 64, largest_block = 1024;

// 64-byte aligned. Larger sizes come from operator new, as do all under AddressSanitizer. Throws
// std::bad_alloc.
void* allocate_block(std::size_t size);
void free_block(void* block, std::size_t size) noexcept;

// Gives the calling thread's blocks back to everyone. Called when a thread ends.
void release_thread_blocks() noexcept;

}  // namespace troupe::detail
