// SPDX-License-Identifier: MIT
// Memory for records and task actors: blocks of 64 to 1,024 bytes out of 64 KiB slabs, and these
// out of chunks of 2 MiB. A block goes back to its own slab, and a slab is used again when half of
// it is back, sorted by address: what is allocated together stays together. (Free lists that mix
// slabs are as fast in a young process; after a while every block is a cache miss.)
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace troupe::detail {

inline constexpr std::size_t block_unit = 64, largest_block = 1024;

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool pooled = false;  // every block by itself, so that a use after its end shows
#else
inline constexpr bool pooled = true;
#endif

struct slab;

// The blocks that one thread has at hand. Used by that thread alone.
class block_cache {
public:
  // 64-byte aligned. Larger sizes come from operator new, as do all under AddressSanitizer. Throws
  // std::bad_alloc.
  void* take(std::size_t size) {
    if (!pooled || size > largest_block) return ::operator new (size, std::align_val_t{block_unit});
    const std::size_t k = class_of(size);
    of_size& mine = sizes_[k];
    block* b = mine.open;
    if (!b) [[unlikely]]
      b = refill(mine, k);
    mine.open = b->next;
    return b;
  }
  // Of any thread's.
  void give(void* p, std::size_t size) noexcept {
    if (!pooled || size > largest_block) return ::operator delete (p, std::align_val_t{block_unit});
    const std::size_t k = class_of(size);
    of_size& mine = sizes_[k];
    slab* const from = slab_of(p);
    if (from == mine.current) {
      mine.open = new (p) block{mine.open};
      return;
    }
    if (from != mine.going.from || mine.going.n == 32) [[unlikely]]
      send_home(mine, k, from);
    mine.going.head = new (p) block{mine.going.head};
    if (mine.going.n++ == 0) mine.going.tail = mine.going.head;
  }
  // Gives all to everyone. When its thread ends.
  void release() noexcept;

private:
  struct block {
    block* next;
  };
  struct bundle {  // blocks of one slab on their way back
    slab* from = nullptr;
    block* head = nullptr;
    block* tail = nullptr;
    std::size_t n = 0;
  };
  struct of_size {
    block* open = nullptr;
    slab* current = nullptr;  // where `open` is from
    bundle going;
  };
  struct shelf;

  static constexpr std::size_t slab_size = 64 * 1024, classes = largest_block / block_unit;
  static constexpr std::size_t class_of(std::size_t size) {
    return (size + block_unit - 1) / block_unit - 1;
  }
  static slab* slab_of(void* p) {
    return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(p) & ~(slab_size - 1));
  }
  static block* refill(of_size& mine, std::size_t k);
  static void send_home(of_size& mine, std::size_t k, slab* next) noexcept;
  static void give_back(std::size_t k, bundle g) noexcept;
  static void sort(of_size& mine);
  friend std::size_t return_free_memory() noexcept;

  std::array<of_size, classes> sizes_;
};

// Chunks of which every block is back go to the system. Gives how many bytes. What threads have at
// hand stays. Any thread; it takes some microseconds a chunk.
std::size_t return_free_memory() noexcept;

}  // namespace troupe::detail
