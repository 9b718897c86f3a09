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
  // What came back: the first one's place (in units from the slab's start; 0: none), and how many.
  std::atomic<std::uint32_t> back{0};
  // Under the shelf's lock. Of its chunk's first slab: so many slabs of the chunk are wholly free.
  int whole = 0;
  bool blank = false;  // its blocks' pages are the system's, and so what linked them is gone
};
static_assert(sizeof(slab) <= block_unit);

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
  static std::size_t block_size(std::size_t k) { return (k + 1) * block_unit; }
  static std::size_t per_slab(std::size_t k) { return (slab_size - block_unit) / block_size(k); }
  static char* block_at(slab* s, std::size_t k, std::size_t i) {
    return reinterpret_cast<char*>(s) + block_unit + i * block_size(k);
  }
  static std::uint32_t place_of(slab* s, block* b) {
    return static_cast<std::uint32_t>(reinterpret_cast<char*>(b) - reinterpret_cast<char*>(s)) /
           block_unit;
  }
  static void* unit_of(slab* s, std::size_t place) {
    return reinterpret_cast<char*>(s) + place * block_unit;
  }
  static block* block_in(slab* s, std::uint32_t back) {
    return back == 0 ? nullptr : static_cast<block*>(unit_of(s, back >> 16));
  }
  static std::uint32_t count_in(std::uint32_t back) { return back & 0xffff; }
  static slab* first_of_chunk(slab* s) {
    return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(s) & ~(chunk_size - 1));
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
    std::unique_lock guard{lock};
    std::vector<slab*> free;  // the first of each chunk that is
    for (auto s : half_free)
      if (s == first_of_chunk(s) && s->whole == static_cast<int>(chunk_size / slab_size))
        free.push_back(s);
    std::sort(free.begin(), free.end());
    if (!free.empty())
      std::erase_if(half_free, [&](slab* s) {
        return std::binary_search(free.begin(), free.end(), first_of_chunk(s));
      });
    half_free.shrink_to_fit();
    std::size_t bytes = free.size() * chunk_size;
    for (auto s : half_free) {
      constexpr std::size_t state = 4096;
      if (s->blank || count_in(s->back.load(std::memory_order_acquire)) != per_slab(k)) continue;
      s->blank = true;
      (void)madvise(reinterpret_cast<char*>(s) + state, slab_size - state, MADV_DONTNEED);
      bytes += slab_size - state;
    }
    chunks -= free.size();
    guard.unlock();
    for (auto s : free) (void)madvise(s, chunk_size, MADV_DONTNEED);
    std::lock_guard depot_guard{all_chunks().mutex};
    for (auto s : free) all_chunks().empty.push_back(reinterpret_cast<char*>(s));
    return bytes;
  }
};

void block_cache::give_back(std::size_t k, bundle g) noexcept {
  if (g.n == 0) return;
  slab& s = *g.from;
  const auto place = shelf::place_of(&s, g.head);
  const auto more = static_cast<std::uint32_t>(g.n);
  std::uint32_t before = s.back.load(std::memory_order_relaxed), after;
  do {
    g.tail->next = shelf::block_in(&s, before);
    after = place << 16 | (shelf::count_in(before) + more);
  } while (!s.back.compare_exchange_weak(before, after, std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
  const std::size_t all = shelf::per_slab(k), half = all / 2;
  // exactly one thread crosses the half
  const bool useful = shelf::count_in(before) < half && shelf::count_in(after) >= half;
  const bool whole = shelf::count_in(after) == all;
  if (!useful && !whole) return;
  shelf& c = shelf::of(k);
  std::lock_guard guard{c.lock};
  if (useful) c.half_free.push_back(&s);
  if (whole) ++shelf::first_of_chunk(&s)->whole;
}

// By address: what is made one after another then lies one after another.
void block_cache::sort(of_size& mine) {
  std::array<std::uint64_t, slab_size / block_unit / 64> there{};  // a bit for each unit
  for (block* b = mine.open; b; b = b->next) {
    const auto at = shelf::place_of(mine.current, b);
    there[at / 64] |= std::uint64_t{1} << at % 64;
  }
  mine.open = nullptr;
  for (std::size_t i = there.size(); i-- > 0;)
    for (std::uint64_t left = there[i]; left != 0;) {
      const int top = 63 - std::countl_zero(left);
      left ^= std::uint64_t{1} << top;
      mine.open = new (shelf::unit_of(mine.current, i * 64 + static_cast<std::size_t>(top)))
          block{mine.open};
    }
}

block_cache::block* block_cache::refill(of_size& mine, std::size_t k) {
  if (bundle g = std::exchange(mine.going, {}); g.n > 0) {
    mine.current = g.from;
    g.tail->next = nullptr;
    return mine.open = g.head;
  }
  shelf& c = shelf::of(k);
  mine.current = nullptr;
  std::unique_lock guard{c.lock};
  while (!c.half_free.empty()) {
    slab* s = mine.current = c.half_free.back();
    c.half_free.pop_back();
    const std::uint32_t back = s->back.exchange(0, std::memory_order_acq_rel);
    // Who has given back the last of its blocks counts it as whole, now or soon.
    if (shelf::count_in(back) == shelf::per_slab(k)) --shelf::first_of_chunk(s)->whole;
    if (std::exchange(s->blank, false)) break;
    if ((mine.open = shelf::block_in(s, back))) {
      guard.unlock();
      sort(mine);
      return mine.open;
    }
    mine.current = nullptr;
  }
  if (!mine.current) mine.current = c.fresh_slab();
  guard.unlock();
  mine.open = nullptr;
  for (std::size_t i = shelf::per_slab(k); i-- > 0;)
    mine.open = new (shelf::block_at(mine.current, k, i)) block{mine.open};
  return mine.open;
}

void block_cache::send_home(of_size& mine, std::size_t k, slab* next) noexcept {
  give_back(k, std::exchange(mine.going, {}));
  mine.going.from = next;
}

void block_cache::release() noexcept {
  for (std::size_t k = 0; k < classes; ++k) {
    of_size mine = std::exchange(sizes_[k], {});
    give_back(k, mine.going);
    bundle open{mine.current, mine.open, mine.open, mine.open ? std::size_t{1} : 0};
    if (mine.open)
      while (open.tail->next) {
        open.tail = open.tail->next;
        ++open.n;
      }
    give_back(k, open);
  }
}

std::size_t return_free_memory() noexcept {
  std::size_t bytes = 0;
  for (std::size_t k = 0; k < block_cache::classes; ++k) bytes += block_cache::shelf::of(k).trim(k);
  return bytes;
}

}  // namespace troupe::detail
