// SPDX-License-Identifier: MIT
// Memory for records and task actors: blocks of 64 to 1,024 bytes out of 64 KiB slabs, and these
// out of chunks of 2 MiB. What is free in a slab is a bit each, at the slab's start: so a block that
// one thread has freed is not touched before another one makes something of it, and what is
// allocated together lies together. A slab is used again when half of it is free. (Free lists that
// mix slabs are as fast in a young process; after a while every block is a cache miss.)
#pragma once
#include <algorithm>
#include <array>
#include <bit>
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

// The blocks that one thread has at hand. Used by that thread alone.
class block_cache {
public:
  // 64-byte aligned. Larger sizes come from operator new, as do all under AddressSanitizer. Throws
  // std::bad_alloc.
  void* take(std::size_t size) {
    if (!pooled || size > largest_block) return ::operator new (size, std::align_val_t{block_unit});
    of_size& mine = sizes_[class_of(size)];
    if (mine.word == 0) [[unlikely]]
      next_word(mine, class_of(size));
    const auto place = static_cast<std::size_t>(std::countr_zero(mine.word));
    mine.word &= mine.word - 1;
    // The next one may lie in the cache of the core that has freed it.
    if (mine.word != 0) {
      char* const next = mine.base + std::countr_zero(mine.word) * std::ptrdiff_t{block_unit};
      for (std::size_t i = 0; i < size; i += block_unit) __builtin_prefetch(next + i, 1);
    }
    return mine.base + place * block_unit;
  }
  // Of any thread's.
  void give(void* p, std::size_t size) noexcept {
    if (!pooled || size > largest_block) return ::operator delete (p, std::align_val_t{block_unit});
    of_size& mine = sizes_[class_of(size)];
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    char* const from = reinterpret_cast<char*>(at & ~(slab_size - 1));
    const std::size_t place = at % slab_size / block_unit, word = place / 64;
    const std::uint64_t bit = std::uint64_t{1} << place % 64;
    if (from == mine.open.from) {
      if (at - reinterpret_cast<std::uintptr_t>(mine.base) < word_bytes) {
        mine.word |= bit;
      } else {
        mine.open.free[word] |= bit;
        mine.next = std::min(mine.next, word);
      }
      return;
    }
    if (from != mine.going.from || mine.kept == most_kept) [[unlikely]]
      send_home(mine, class_of(size), from);
    mine.going.free[word] |= bit;
    ++mine.kept;
  }
  // Gives all to everyone. When its thread ends, or rests.
  void release() noexcept;

private:
  static constexpr std::size_t slab_size = 64 * 1024, classes = largest_block / block_unit,
                               word_bytes = 64 * block_unit, words = slab_size / word_bytes;
  static constexpr unsigned most_kept = 32;
  struct some_blocks {  // of one slab
    char* from = nullptr;
    std::array<std::uint64_t, words> free{};  // a bit for each, by its place in units
  };
  struct of_size {
    std::uint64_t word = 0;    // of `open`, taken out of it: what is used next
    char* base = nullptr;      // where that word's first unit lies
    std::size_t next = words;  // no word before this one has any left
    unsigned kept = 0;         // so many are going
    some_blocks open;          // to be used
    some_blocks going;         // of another slab, on their way back
  };
  struct slab;
  struct shelf;

  static constexpr std::size_t class_of(std::size_t size) {
    return (size + block_unit - 1) / block_unit - 1;
  }
  [[gnu::noinline]] static void next_word(of_size& mine, std::size_t k);
  static void refill(of_size& mine, std::size_t k);
  static void send_home(of_size& mine, std::size_t k, char* next) noexcept;
  static void give_back(std::size_t k, some_blocks& b) noexcept;
  friend std::size_t return_free_memory() noexcept;

  std::array<of_size, classes> sizes_;
};

// Chunks of which every block is back go to the system. Gives how many bytes. What threads have at
// hand stays. Any thread; it takes some microseconds a chunk.
std::size_t return_free_memory() noexcept;

}  // namespace troupe::detail
