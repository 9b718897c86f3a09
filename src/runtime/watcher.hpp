// SPDX-License-Identifier: MIT
// Who looks on under a deterministic scheduler, and decides what chance would: a simulation. A
// runtime without one has a null pointer, tested next to what is read anyway.
#pragma once
#include "actors/caf_compat.hpp"
#include "runtime/observer.hpp"
#include "store/object_table.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::detail {

class domain;

// Where the system may say no.
enum class weak_point : std::uint8_t { body, memory, stack, clock, slow };

// Every call comes from the simulation's thread.
class watcher : public observer {
public:
  // A domain on this system begins. False: it is not watched.
  virtual bool attach(domain& d) noexcept = 0;
  // It is over; nothing of it is touched from now on.
  virtual void closing(std::int64_t now) noexcept = 0;
  virtual void saw_time(std::int64_t now) noexcept = 0;
  // An object was made; nobody can reach it any more; or it was made in vain, and nobody ever could.
  virtual void saw_made(const object& o) noexcept = 0;
  virtual void saw_gone(const object& o) noexcept = 0;
  virtual void saw_unmade(const object& o) noexcept = 0;
  // Of the program's points: throws if it fails.
  virtual void reach(std::string_view point) = 0;
  // Before each turn. Throws what a check has found.
  virtual void turn() = 0;
  // Which of n runnable jobs is next, the one that has waited longest first.
  virtual std::size_t choose_job(std::size_t n) noexcept = 0;
  virtual std::size_t choose_shard(std::size_t n) noexcept = 0;
  virtual bool fails(weak_point where) noexcept = 0;
  // The same, and throws what such a place throws.
  virtual void may_fail(weak_point where) = 0;
  // So late is the next timer.
  virtual std::int64_t lateness() noexcept = 0;

  // Whether somebody looks for rings now, while all goes on.
  virtual bool looks() noexcept = 0;
};

// Actor systems made from it are watched.
struct watched_config : caf::actor_system_config {
  watcher* by = nullptr;
};

}  // namespace troupe::detail
