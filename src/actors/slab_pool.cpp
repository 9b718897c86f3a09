// SPDX-License-Identifier: MIT
#include "actors/slab_pool.hpp"

#include "actors/spinlock.hpp"

#include <atomic>
#include <bitset>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooled = false;  // every block by itself, so that a use after its end shows
#else
constexpr bool pooled = true;
#endif

namespace troupe::detail {

namespace {
constexpr std::size_t slab_size = 64 * 1024, classes = largest_block / block_unit,
                      slabs_at_once = 16;

struct block {
  block* next;
};
struct slab {                         // at the start of its memory; its blocks follow
  std::atomic<block*> back{nullptr};  // what came back
  std::atomic<std::size_t> count{0};  // and how many
};
struct common {  // of all threads, for one size
  spinlock lock;
  std::vector<slab*> half_free;
  char* fresh = nullptr;
  std::size_t left = 0;
};
struct bundle {  // blocks of one slab on their way back
  slab* from = nullptr;
  block* head = nullptr;
  block* tail = nullptr;
  std::size_t n = 0;
};
struct local {  // of one thread, for one size
  block* open = nullptr;
  slab* current = nullptr;  // where `open` is from
  bundle going;
};

common& shared(std::size_t k) {
  static auto* all = new common[classes];
  return all[k];
}  // never destroyed: threads may end late
constinit thread_local local locals[classes] = {};
// A strand may go on on another thread: no address of a thread_local may be kept across calls.
[[gnu::noinline]] local& mine(std::size_t k) {
  asm volatile("");
  return locals[k];
}

std::size_t class_of(std::size_t size) { return (size + block_unit - 1) / block_unit - 1; }
std::size_t block_size(std::size_t k) { return (k + 1) * block_unit; }
std::size_t per_slab(std::size_t k) { return (slab_size - block_unit) / block_size(k); }
char* block_at(slab* s, std::size_t k, std::size_t i) {
  return reinterpret_cast<char*>(s) + block_unit + i * block_size(k);
}
slab* slab_of(void* p) {
  return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(p) & ~(slab_size - 1));
}

void give_back(std::size_t k, bundle g) {
  if (g.n == 0) return;
  g.tail->next = g.from->back.load(std::memory_order_relaxed);
  while (!g.from->back.compare_exchange_weak(g.tail->next, g.head, std::memory_order_release,
                                             std::memory_order_relaxed)) {}
  const std::size_t before = g.from->count.fetch_add(g.n, std::memory_order_acq_rel),
                    half = per_slab(k) / 2;
  if (before >= half || before + g.n < half) return;  // exactly one thread crosses the half
  std::lock_guard guard{shared(k).lock};
  shared(k).half_free.push_back(g.from);
}

void sort(
    local& l,
    std::size_t k) {  // by address: what is made one after another then lies one after another
  std::bitset<slab_size / block_unit> there;
  for (; l.open; l.open = l.open->next)
    there.set(
        static_cast<std::size_t>(reinterpret_cast<char*>(l.open) - block_at(l.current, k, 0)) /
        block_size(k));
  for (std::size_t i = per_slab(k); i-- > 0;)
    if (there[i]) l.open = new (block_at(l.current, k, i)) block{l.open};
}

[[gnu::noinline]] void refill(local& l, std::size_t k) {
  if (auto g = std::exchange(l.going, {}); g.n > 0) {
    l.open = g.head;
    l.current = g.from;
    g.tail->next = nullptr;
    return;
  }
  auto& c = shared(k);
  std::lock_guard guard{c.lock};
  while (!c.half_free.empty()) {
    l.current = c.half_free.back();
    c.half_free.pop_back();
    l.current->count.exchange(0, std::memory_order_acq_rel);
    if ((l.open = l.current->back.exchange(nullptr, std::memory_order_acq_rel))) return sort(l, k);
  }
  if (c.left == 0) {
    c.fresh = static_cast<char*>(std::aligned_alloc(slab_size, slabs_at_once * slab_size));
    if (!c.fresh) throw std::bad_alloc();
    c.left = slabs_at_once;
  }
  l.current = new (c.fresh) slab;
  c.fresh += slab_size;
  --c.left;
  for (std::size_t i = per_slab(k); i-- > 0;)
    l.open = new (block_at(l.current, k, i)) block{l.open};
}
}  // namespace

void* allocate_block(std::size_t size) {
  if (!pooled || size > largest_block) return ::operator new (size, std::align_val_t{block_unit});
  const std::size_t k = class_of(size);
  local& l = mine(k);
  if (!l.open) refill(l, k);
  return std::exchange(l.open, l.open->next);
}

void free_block(void* p, std::size_t size) noexcept {
  if (!pooled || size > largest_block) return ::operator delete (p, std::align_val_t{block_unit});
  const std::size_t k = class_of(size);
  local& l = mine(k);
  slab* s = slab_of(p);
  if (s == l.current) {
    l.open = new (p) block{l.open};
    return;
  }
  if (s != l.going.from || l.going.n == 32) give_back(k, std::exchange(l.going, {}));
  l.going.head = new (p) block{l.going.head};
  if (l.going.n++ == 0) {
    l.going.tail = l.going.head;
    l.going.from = s;
  }
}

void release_thread_blocks() noexcept {
  for (std::size_t k = 0; k < classes; ++k) {
    local& l = mine(k);
    give_back(k, std::exchange(l.going, {}));
    bundle open{l.current, l.open, l.open, l.open ? std::size_t{1} : 0};
    if (l.open)
      while (open.tail->next) {
        open.tail = open.tail->next;
        ++open.n;
      }
    l = {};
    give_back(k, open);
  }
}

}  // namespace troupe::detail
