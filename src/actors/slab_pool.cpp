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
      empty.reserve(empty.size() + some);
      void* p = mmap(nullptr, (some + 1) * chunk_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (p == MAP_FAILED) throw std::bad_alloc();
      const auto at = (reinterpret_cast<std::uintptr_t>(p) + chunk_size - 1) & ~(chunk_size - 1);
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

// Its state, which stands at its chunk's start; the slab itself is named by its address.
struct block_cache::slab {
  std::array<std::atomic<std::uint64_t>, words> free{};  // what came back
  std::atomic<int> count{0};  // how many, but for those of which a thread is about to tell
  bool bare = false;          // its blocks' pages are the system's; under the shelf's lock

  static slab& of(char* at) {
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return reinterpret_cast<slab*>(address & ~(chunk_size - 1))[address % chunk_size / slab_size];
  }
};

// What all threads share of one size.
struct block_cache::shelf {
  static constexpr std::size_t slabs_of_a_chunk = chunk_size / slab_size, page = 4096,
                               states = slabs_of_a_chunk * sizeof(slab);

  spinlock lock;
  std::vector<char*> half_free;  // slabs
  char* fresh = nullptr;
  std::size_t left = 0;  // bytes of the chunk that have never been a slab
  std::size_t chunks = 0;

  static shelf& of(std::size_t k) {
    static auto* all = new shelf[classes];
    return all[k];
  }
  static char* chunk_of(char* at) { return at - reinterpret_cast<std::uintptr_t>(at) % chunk_size; }
  static std::size_t first_unit(char* at) {  // behind the states, in the first slab
    return at == chunk_of(at) ? (states + block_unit - 1) / block_unit : 0;
  }
  static std::size_t blocks_of(char* at, std::size_t k) {
    return (slab_size / block_unit - first_unit(at)) / (k + 1);
  }
  // Under the lock: nobody takes any meanwhile. The count is raised after the bits are set, so who
  // has given the last ones back does not touch the slab's state any more.
  static bool is_whole(char* at, std::size_t k) {
    return slab::of(at).count.load(std::memory_order_acquire) == static_cast<int>(blocks_of(at, k));
  }

  char* fresh_slab() {
    if (left == 0) {
      fresh = all_chunks().take();
      left = chunk_size;
      const bool huge = chunks++ >= chunks_of_small_pages;
      (void)madvise(fresh, chunk_size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
      for (std::size_t i = 0; i < slabs_of_a_chunk; ++i) new (fresh + i * sizeof(slab)) slab;
    }
    left -= slab_size;
    return std::exchange(fresh, fresh + slab_size);
  }

  // Whole chunks, and of others the pages of whole slabs and of those that have never been one.
  std::size_t trim(std::size_t k) {
    std::unique_lock guard{lock};
    if (left > 0) (void)madvise(fresh, left, MADV_DONTNEED);  // came with a huge page
    std::vector<char*> whole;
    for (auto at : half_free)
      if (is_whole(at, k)) whole.push_back(at);
    std::sort(whole.begin(), whole.end());
    std::vector<char*> free;  // chunks
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < whole.size();) {
      char* const at = whole[i];
      if (at == chunk_of(at) && i + slabs_of_a_chunk <= whole.size() &&
          chunk_of(whole[i + slabs_of_a_chunk - 1]) == at) {
        free.push_back(at);
        i += slabs_of_a_chunk;
        continue;
      }
      if (!std::exchange(slab::of(at).bare, true)) {
        const std::size_t kept = at == chunk_of(at) ? (states + page - 1) / page * page : 0;
        (void)madvise(at + kept, slab_size - kept, MADV_DONTNEED);
        bytes += slab_size - kept;
      }
      ++i;
    }
    std::unique_lock depot_guard{all_chunks().mutex};
    all_chunks().empty.reserve(all_chunks().empty.size() + free.size());  // before any is taken out
    depot_guard.unlock();
    if (!free.empty())
      std::erase_if(half_free, [&](char* at) {
        return std::binary_search(free.begin(), free.end(), chunk_of(at));
      });
    half_free.shrink_to_fit();
    chunks -= free.size();
    guard.unlock();
    for (auto at : free) (void)madvise(at, chunk_size, MADV_DONTNEED);
    depot_guard.lock();
    all_chunks().empty.insert(all_chunks().empty.end(), free.begin(), free.end());
    return bytes + free.size() * chunk_size;
  }
};

void block_cache::give_back(std::size_t k, some_blocks& b) noexcept {
  char* const at = std::exchange(b.from, nullptr);
  if (!at) return;
  slab& s = slab::of(at);
  int n = 0;
  for (std::size_t i = 0; i < words; ++i)
    if (const std::uint64_t free = std::exchange(b.free[i], 0)) {
      s.free[i].fetch_or(free, std::memory_order_release);
      n += std::popcount(free);
    }
  if (n == 0) return;
  const int half = static_cast<int>(shelf::blocks_of(at, k) / 2),
            before = s.count.fetch_add(n, std::memory_order_acq_rel);
  if (before >= half || before + n < half) return;  // exactly one thread crosses the half
  shelf& c = shelf::of(k);
  std::lock_guard guard{c.lock};
  c.half_free.push_back(at);
}

void block_cache::next_word(of_size& mine, std::size_t k) {
  for (;;) {
    for (; mine.next < words; ++mine.next)
      if (const std::uint64_t free = std::exchange(mine.open.free[mine.next], 0)) {
        mine.word = free;
        mine.base = mine.open.from + mine.next++ * word_bytes;
        return;
      }
    refill(mine, k);
    mine.next = 0;
  }
}

void block_cache::refill(of_size& mine, std::size_t k) {
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
    char* const at = c.half_free.back();
    c.half_free.pop_back();
    slab& s = slab::of(at);
    s.bare = false;
    int n = 0;
    for (std::size_t i = 0; i < words; ++i) {
      mine.open.free[i] = s.free[i].exchange(0, std::memory_order_acquire);
      n += std::popcount(mine.open.free[i]);
    }
    mine.open.from = at;
    // What came back meanwhile may have found it half free still, and left it to this thread.
    if (s.count.fetch_sub(n, std::memory_order_acq_rel) - n >=
        static_cast<int>(shelf::blocks_of(at, k) / 2))
      c.half_free.push_back(at);
    if (n > 0) return;
    mine.open.from = nullptr;
  }
  mine.open.from = c.fresh_slab();
  const std::size_t first = shelf::first_unit(mine.open.from);
  for (std::size_t i = 0, n = shelf::blocks_of(mine.open.from, k); i < n; ++i) {
    const std::size_t place = first + i * (k + 1);
    mine.open.free[place / 64] |= std::uint64_t{1} << place % 64;
  }
}

void block_cache::send_home(of_size& mine, std::size_t k, char* next) noexcept {
  give_back(k, mine.going);
  mine.going.from = next;
  mine.kept = 0;
}

void block_cache::release() noexcept {
  for (std::size_t k = 0; k < classes; ++k) {
    give_back(k, sizes_[k].going);
    of_size& mine = sizes_[k];
    if (mine.word != 0)
      mine.open.free[reinterpret_cast<std::uintptr_t>(mine.base) % slab_size / word_bytes] |=
          mine.word;
    give_back(k, mine.open);
    mine = {};
  }
}

std::size_t return_free_memory() noexcept {
  std::size_t bytes = 0;
  try {
    for (std::size_t k = 0; k < block_cache::classes; ++k)
      bytes += block_cache::shelf::of(k).trim(k);
  } catch (const std::bad_alloc&) {}  // not even for the lists: another time
  return bytes;
}

}  // namespace troupe::detail
