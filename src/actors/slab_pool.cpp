// SPDX-License-Identifier: MIT
#include "actors/slab_pool.hpp"

#include "actors/spinlock.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::detail {

// At the start of its memory; its blocks follow.
struct slab {
  std::array<std::atomic<std::uint64_t>, block_cache::words> free{};  // what came back
  std::atomic<int> count{0};  // how many, but for those of which a thread is about to tell
  bool bare = false;          // its blocks' pages are the system's; under the shelf's lock
};

namespace {
constexpr std::size_t chunk_size = 2 * 1024 * 1024;  // a huge page
// The first chunks of a size stay with small pages, so that a small program stays small.
constexpr std::size_t chunks_of_small_pages = 4;

// Chunks that no size uses. Their pages are the system's.
struct depot {
  std::mutex mutex;
  std::vector<char*> empty;
  char* take() {
    std::lock_guard guard{mutex};
    if (empty.empty()) {
      constexpr std::size_t some = 16;  // addresses, not memory
      void* p = mmap(nullptr, (some + 1) * chunk_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (p == MAP_FAILED) throw std::bad_alloc();
      const auto at = (reinterpret_cast<std::uintptr_t>(p) + chunk_size - 1) & ~(chunk_size - 1);
      empty.reserve(empty.size() + some);
      for (std::size_t i = some; i-- > 0;)
        empty.push_back(reinterpret_cast<char*>(at + i * chunk_size));
    }
    char* chunk = empty.back();
    empty.pop_back();
    return chunk;
  }
};
depot& all_chunks() {
  static auto* d = new depot;
  return *d;
}  // never destroyed: threads may end late
}  // namespace

// What all threads share of one size.
struct block_cache::shelf {
  spinlock lock;
  std::vector<slab*> half_free;
  char* fresh = nullptr;
  std::size_t left = 0;  // bytes of the chunk that have never been a slab
  std::size_t chunks = 0;

  static shelf& of(std::size_t k) {
    static auto* all = new shelf[classes];
    return all[k];
  }
  static constexpr std::size_t head = (sizeof(slab) + block_unit - 1) / block_unit;  // units
  static std::size_t per_slab(std::size_t k) { return (slab_size / block_unit - head) / (k + 1); }
  static slab* first_of_chunk(slab* s) {
    return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(s) & ~(chunk_size - 1));
  }
  static bool is_whole(const slab* s, std::size_t k) {
    std::size_t n = 0;
    for (auto& word : s->free)
      n += static_cast<std::size_t>(std::popcount(word.load(std::memory_order_acquire)));
    return n == per_slab(k);
  }

  slab* fresh_slab() {
    if (left == 0) {
      fresh = all_chunks().take();
      left = chunk_size;
      const bool huge = chunks++ >= chunks_of_small_pages;
      (void)madvise(fresh, chunk_size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    }
    auto s = new (fresh) slab;
    fresh += slab_size;
    left -= slab_size;
    return s;
  }

  // Whole chunks, and of others the whole slabs' pages (but the first, which has the slab's state).
  std::size_t trim(std::size_t k) noexcept {
    constexpr std::size_t slabs = chunk_size / slab_size, state = 4096;
    std::unique_lock guard{lock};
    if (left > 0) (void)madvise(fresh, left, MADV_DONTNEED);  // came with a huge page
    std::vector<slab*> whole;
    for (auto s : half_free)
      if (is_whole(s, k)) whole.push_back(s);
    std::sort(whole.begin(), whole.end());
    std::vector<slab*> free;  // the first of each whole chunk
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < whole.size();) {
      slab* const first = first_of_chunk(whole[i]);
      if (whole[i] == first && i + slabs <= whole.size() &&
          first_of_chunk(whole[i + slabs - 1]) == first) {
        free.push_back(first);
        i += slabs;
        continue;
      }
      if (!std::exchange(whole[i]->bare, true)) {
        (void)madvise(reinterpret_cast<char*>(whole[i]) + state, slab_size - state, MADV_DONTNEED);
        bytes += slab_size - state;
      }
      ++i;
    }
    if (!free.empty())
      std::erase_if(half_free, [&](slab* s) {
        return std::binary_search(free.begin(), free.end(), first_of_chunk(s));
      });
    half_free.shrink_to_fit();
    chunks -= free.size();
    guard.unlock();
    for (auto s : free) (void)madvise(s, chunk_size, MADV_DONTNEED);
    std::lock_guard depot_guard{all_chunks().mutex};
    for (auto s : free) all_chunks().empty.push_back(reinterpret_cast<char*>(s));
    return bytes + free.size() * chunk_size;
  }
};

void block_cache::give_back(std::size_t k, some_blocks& b) noexcept {
  slab* const s = std::exchange(b.from, nullptr);
  if (!s) return;
  int n = 0;
  for (std::size_t i = 0; i < words; ++i)
    if (const std::uint64_t free = std::exchange(b.free[i], 0)) {
      s->free[i].fetch_or(free, std::memory_order_release);
      n += std::popcount(free);
    }
  if (n == 0) return;
  const int half = static_cast<int>(shelf::per_slab(k) / 2),
            before = s->count.fetch_add(n, std::memory_order_acq_rel);
  if (before >= half || before + n < half) return;  // exactly one thread crosses the half
  shelf& c = shelf::of(k);
  std::lock_guard guard{c.lock};
  c.half_free.push_back(s);
}

void block_cache::refill(of_size& mine, std::size_t k) {
  mine.first = 0;
  mine.open.from = nullptr;  // all of it is used
  if (mine.kept > 0) {
    mine.open = mine.going;
    mine.going = {};
    mine.kept = 0;
    return;
  }
  shelf& c = shelf::of(k);
  std::lock_guard guard{c.lock};
  while (!c.half_free.empty()) {
    slab* s = c.half_free.back();
    c.half_free.pop_back();
    s->bare = false;
    int n = 0;
    for (std::size_t i = 0; i < words; ++i) {
      mine.open.free[i] = s->free[i].exchange(0, std::memory_order_acquire);
      n += std::popcount(mine.open.free[i]);
    }
    s->count.fetch_sub(n, std::memory_order_acq_rel);
    if (n == 0) continue;
    mine.open.from = s;
    return;
  }
  mine.open.from = c.fresh_slab();
  for (std::size_t i = 0, n = shelf::per_slab(k); i < n; ++i) {
    const std::size_t place = shelf::head + i * (k + 1);
    mine.open.free[place / 64] |= std::uint64_t{1} << place % 64;
  }
}

void block_cache::send_home(of_size& mine, std::size_t k, slab* next) noexcept {
  give_back(k, mine.going);
  mine.going.from = next;
  mine.kept = 0;
}

void block_cache::release() noexcept {
  for (std::size_t k = 0; k < classes; ++k) {
    give_back(k, sizes_[k].going);
    give_back(k, sizes_[k].open);
    sizes_[k] = {};
  }
}

std::size_t return_free_memory() noexcept {
  std::size_t bytes = 0;
  for (std::size_t k = 0; k < block_cache::classes; ++k) bytes += block_cache::shelf::of(k).trim(k);
  return bytes;
}

}  // namespace troupe::detail
