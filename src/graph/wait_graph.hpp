// SPDX-License-Identifier: MIT
// Who waits on whom at one moment, and which of them wait in a ring. Pure: it is told what everybody
// waits for, and says who can never go on. Names are numbers; whoever is named and does not wait may
// do what he is waited for at any time.
//
// A wait is over when all it is on has come, but for so many that are to spare (wait for n of m). An
// ask for a resource is over when so much is free and nobody is before it in that resource's line.
// Those who can go on do, whatever they may have to wait for later: what is left when all these are
// taken out, again and again, is stuck (the reduction of Holt's graphs, "Some deadlock properties of
// computer systems", 1972); the rings are its strongly connected components (Tarjan, 1972).
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::detail {

class wait_graph {
public:
  using name = std::uint64_t;
  // One who waits, and on whom. `tag`: what the wait is, for whoever has said so.
  struct link {
    name who = 0;
    std::uint32_t tag = 0;
    name on = 0;
    friend bool operator==(const link&, const link&) = default;
  };
  // Each waits on the next one, and the last on the first.
  using ring = std::vector<link>;
  struct verdict {
    std::vector<ring> rings;
    std::map<name, std::size_t> members;  // all who wait in rings: a ring that each is in
    // For each ring: all who are stuck and whom its members wait on, directly or not. It is one only
    // because none of those can go on.
    std::vector<std::vector<name>> because;
  };

  // Each name once.
  void waits(name who, std::uint32_t to_spare = 0);
  // Precondition of these: `who` waits.
  void waits_on(name who, name on, std::uint32_t tag);
  // In the order of that resource's line.
  void asks(name who, std::uint32_t resource, std::int64_t amount, std::uint32_t tag);

  void has(std::uint32_t resource, std::int64_t total) { resources_[resource].total = total; }
  void holds(name who, std::uint32_t resource, std::int64_t amount);

  // To be asked once, when all has been said.
  verdict rings();
  // After that: whether it can never go on, in a ring or behind one.
  bool is_stuck(name who) const;

private:
  struct need {
    name on;
    std::uint32_t tag;
  };
  struct part {
    std::uint32_t resource, tag;
    std::int64_t amount;
    std::size_t place;  // in the line
  };
  struct waiter {
    name who;
    std::uint32_t to_spare;
    std::vector<need> needs;
    std::vector<part> parts;
    std::vector<std::size_t> behind;  // those who wait on this one
    std::size_t open = 0;             // needs of those who are stuck
    bool stuck = true;
  };
  struct holding {
    name who;
    std::int64_t amount;
  };
  struct resource {
    std::int64_t total = 0, stuck = 0;  // stuck: with those who are
    std::vector<std::size_t> line;
    std::size_t first = 0;  // of those in line who are stuck
    std::vector<holding> held;
  };
  // To places of others, each with the tag of the wait. A resource of which somebody lacks an amount has
  // a place, too, behind the waiters': between those who lack it and those who hold it.
  using edges = std::vector<std::vector<std::pair<std::size_t, std::uint32_t>>>;

  std::size_t place_of(name who) const;  // size(): does not wait
  bool may_go_on(const waiter& w) const;
  void reduce();
  edges stuck_on_stuck() const;
  std::vector<name> reachable(const ring& r, const edges& e) const;
  ring ring_through(std::size_t start, const edges& e, const std::vector<std::size_t>& part) const;

  std::vector<waiter> all_;
  std::unordered_map<name, std::size_t> places_;
  std::map<std::uint32_t, resource> resources_;
};

}  // namespace troupe::detail
