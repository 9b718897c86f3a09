// SPDX-License-Identifier: MIT
// The actor that waits for many objects on behalf of a task or a program's thread, which takes them
// one by one in the order in which they settle. Each wait is registered once.
//
//   owner --await...--> resolvers --ready...--> wait_set --ready--> owner     when enough have come
//   owner --withdraw--> resolvers --ready, ready--> wait_set                  when it is given up
//
// It holds no refs: an object that nobody refers to goes when it settles, and its resolver holds the
// record until then. Whoever gives a set up does not wait: the set lives until nothing is on its way
// to it, and the domain's end waits for that.
#pragma once
#include "actors/caf_compat.hpp"
#include "actors/messages.hpp"
#include "actors/spinlock.hpp"
#include "actors/tally.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::detail {

class domain;
struct shard;

class wait_set final : public caf::monitorable_actor {
public:
  // Gives the owner's reference. Precondition: the objects live (until register_waits() is over and
  // settled_in() is).
  static wait_set* make(domain& d, object* const* objects, std::size_t count);
  wait_set(caf::actor_config& cfg, domain& d, object* const* objects, std::size_t count);

  // ---- for the owner: one thread or body at a time
  // Sends all waits. They have come in when expect_registered() is false or has been answered.
  void register_waits();
  // The owner (this one, now) gets a ready message when all waits have come in, or when so many
  // objects have been found that are not taken. False: it is so already, and no message comes.
  [[nodiscard]] bool expect_registered(caf::abstract_actor& owner);
  [[nodiscard]] bool expect_found(caf::abstract_actor& owner, std::size_t n);
  // After expect_found: no message is wanted any more. True: none will come.
  [[nodiscard]] bool take_back() { return found_.take_back(); }

  // Its owner's body waits for it, on that stack; null: no more.
  void is_waited_for(const body_wait* body) {
    std::lock_guard guard{waiting_lock_};
    waiting_ = body;
  }
  // For anyone: f(owner, how its body waits, how many are missing), if it does.
  template <class F> void look(F f) {
    std::lock_guard guard{waiting_lock_};
    const std::int64_t missing = found_.missing();
    if (waiting_ && missing > 0) f(*owner_, waiting_, missing);
  }

  // Takes in what has been found, and counts it with what is not taken yet.
  std::size_t collect();
  // Calls f(place) for the first n that were found, in the order in which they settled.
  template <class F> void each_found(std::size_t n, F f) const {
    for (auto s = first_; s && n-- > 0; s = s->next_found) f(place_of(*s));
  }
  // The first that was found. Precondition: there is one.
  std::size_t take_first();
  // These places are handed out, in ascending order, found or not.
  void take(const std::vector<std::size_t>& places);

  // What is left, in order: not to be followed, for nothing holds it.
  const std::vector<object*>& left() const { return left_; }
  const domain& inside() const { return *domain_; }
  std::uint64_t party() const { return party_; }
  caf::abstract_actor* owner() const { return owner_; }  // who waited last

  // Withdraws what still waits, and gives up the owner's reference. Any thread; does not wait.
  void abandon() noexcept;

  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override;
  const char* name() const override { return "troupe.wait_set"; }

private:
  struct slot : waiter {
    slot* next_found = nullptr;
    shard* at = nullptr;  // the object's; the record itself may be gone
    bool taken = false;   // the owner's alone
    bool abroad = false;  // another runtime's, which does not end before `at` has been left alone
    std::atomic<bool> left_alone{false};
  };
  std::size_t place_of(const slot& s) const;  // in left_
  void found(slot& s);
  void message_came_in();

  domain* const domain_;
  const std::uint64_t party_;
  const std::size_t count_;
  const std::unique_ptr<slot[]> slots_;  // one for each object, in their order

  // ---- the owner's
  caf::abstract_actor* owner_ = nullptr;
  std::vector<object*> left_;
  std::vector<std::uint32_t> left_slots_;
  slot* first_ = nullptr;  // found and not taken, the first to settle first
  slot** end_ = &first_;
  std::size_t untaken_ = 0;
  std::int64_t waits_ = 0, collected_ = 0;  // sent; answered and collected

  // ---- shared
  std::atomic<slot*> answered_{nullptr};  // not collected yet, the last one first
  tally found_, acknowledged_;
  spinlock waiting_lock_;
  const body_wait* waiting_ =
      nullptr;  // guarded by waiting_lock_; while it is there the owner lives
  std::atomic<std::int64_t> on_their_way_{0};  // messages to this actor
};

// An owner's hold of a set.
class standing_set {
public:
  standing_set() = default;
  explicit standing_set(wait_set* s) : set_(s) {}
  standing_set(standing_set&& o) noexcept : set_(std::exchange(o.set_, nullptr)) {}
  standing_set& operator=(standing_set o) noexcept {
    std::swap(set_, o.set_);
    return *this;
  }
  ~standing_set() {
    if (set_) set_->abandon();
  }
  wait_set* release() { return std::exchange(set_, nullptr); }
  wait_set& operator*() const { return *set_; }
  wait_set* operator->() const { return set_; }
  explicit operator bool() const { return set_ != nullptr; }

private:
  wait_set* set_ = nullptr;
};

}  // namespace troupe::detail
