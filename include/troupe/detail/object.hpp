// SPDX-License-Identifier: MIT
// The record of an object: what a ref points to. Plain data of the store and the resolver, and the
// few words that all threads share.
#pragma once
#include <troupe/detail/core.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>
#include <variant>

namespace troupe::detail {

class failure;  // what went wrong (src/runtime/failure.hpp)
struct shard;   // a store actor and a resolver actor (src/actors/shard.hpp)
class task;     // the task actor (src/actors/task.hpp)

// What the library must know of a value's type; one constant per type.
struct value_type {
  std::size_t size, align;
  void (*destroy)(void*) noexcept;  // null: nothing to do
};

template <class T> inline constexpr value_type value_type_of = [] {
  static_assert(alignof(T) <= 64, "troupe: values are aligned to at most 64 bytes");
  return value_type{sizeof(T), alignof(T),
                    std::is_trivially_destructible_v<T> ? nullptr : +[](void* p) noexcept {
                      static_cast<T*>(p)->~T();
                    }};
}();
template <> inline constexpr value_type value_type_of<void>{0, 1, nullptr};

// Whether the task that makes an object may be run by whoever needs the value. `queued`: its inputs
// are there and nobody has begun it; whoever swaps in `claimed` runs it. `reserved`: the same, but
// only for whoever takes it from its queue. `in_line`: a call whose actor gives it its turn; whoever
// swaps in `claimed` settles it.
enum class claim : std::uint8_t { waiting, in_line, queued, reserved, claimed };

// A hint that spares its reader a message: the outcome is `here`, for good; or its value is elsewhere, on
// another node.
enum class whereabouts : std::uint8_t { unknown, here, elsewhere };

// Who may touch what: `refs`, `lies`, `claim`, `holds`, `home`: anyone. The store_entry: the
// store actor of the object's shard; once it is sealed everyone may read it. The graph_node: the
// resolver actor of that shard. A value lies in the record, behind it.
struct object : store_entry, graph_node {
  std::atomic<std::uint8_t> holds{
      2};  // of the memory: the store's, its task's, a word's on its way
  std::atomic<detail::whereabouts> lies{whereabouts::unknown};
  std::atomic<detail::claim> claim{claim::waiting};
  std::atomic<std::uint32_t> refs{1};  // of the value
  std::atomic<shard*> home;            // decided by the first message about the object
  const value_type* type;
  union {
    task* maker;        // until it is settled; valid for whoever has claimed it, and for the store
    object* next_dead;  // after its last ref
  };

  object(shard* home, const value_type* type) noexcept : home(home), type(type), maker(nullptr) {}

  // True: the caller is the one who runs its task, now. (Not by an exchange: a call of an actor may
  // have been begun, broken its actor and stood in line again since the load.)
  bool claim_it(detail::claim from = detail::claim::queued) noexcept {
    return claim.load(std::memory_order_relaxed) == from &&
           claim.compare_exchange_strong(from, detail::claim::claimed);
  }
  bool is_sealed() const noexcept {
    return lies.load(std::memory_order_acquire) == detail::whereabouts::here;
  }
  bool is_elsewhere() const noexcept {
    return lies.load(std::memory_order_acquire) == detail::whereabouts::elsewhere;
  }
  void found_elsewhere() noexcept {
    auto not_yet = detail::whereabouts::unknown;
    lies.compare_exchange_strong(not_yet, detail::whereabouts::elsewhere);
  }
  void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept {
    if (refs.load(std::memory_order_acquire) == 1 ||
        refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      last_ref_gone();
  }
  // Nobody else can reach the value: it may be moved from.
  bool sole() const noexcept;

  static constexpr std::size_t offset(std::size_t align) { return (56 + align - 1) & ~(align - 1); }
  void* storage() noexcept { return reinterpret_cast<char*>(this) + offset(type->align); }

private:
  void last_ref_gone() noexcept;  // drop ---> store
};
static_assert(sizeof(object) == 56, "a small value fits into the record's own cache line");

[[noreturn]] void throw_outcome(const object& o);  // the error that it settled with

}  // namespace troupe::detail
