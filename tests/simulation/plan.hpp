// SPDX-License-Identifier: MIT
// A random program as data: a pure function of its seed, with what each of its tasks must give.
#pragma once
#include "testing/random.hpp"

#include <troupe/troupe.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace simulated {

using number = std::uint64_t;
using random_numbers = troupe::testing::detail::random_numbers;

// What tasks give: a number that counts how many of it there are. One thread runs all.
struct value {
  static inline long alive = 0;
  number n = 0;
  value(number x = 0) : n(x) { ++alive; }
  value(const value& o) : n(o.n) { ++alive; }
  value& operator=(const value&) = default;
  ~value() { --alive; }
};
using value_ref = troupe::ref<value>;

// What a thrower throws: its own number.
struct bad : std::runtime_error {
  using runtime_error::runtime_error;
};
// What is thrown by who is to be tried again.
struct again : std::runtime_error {
  using runtime_error::runtime_error;
};

// What a node must give: a number, or the error of the thrower that comes first.
struct expected {
  number gives = 0;
  std::optional<number> failed = {};
  bool may_expire = false;  // it, or what it depends on, may be past its deadline instead
};

struct kind;
struct node {
  const kind* what;
  number own;  // its share of chance
  int depth;   // of the plans around it
  std::vector<std::size_t> inputs;
  expected gives;
};

// A feature of Troupe is an entry in a table of kinds: how such a task is made, and what a serial
// program would give in its place.
struct kind {
  const char* name;
  unsigned weight;          // how often it is taken, against the others
  std::size_t most_inputs;  // it has at least one, unless this is 0
  expected (*gives)(const node& n, const std::vector<expected>& in);
  value_ref (*make)(const troupe::scope& on, const node& n, const std::vector<value_ref>& in);
};
const std::vector<kind>& kinds();  // the first has no inputs

// What the whole run is like.
struct run_mood {
  bool faulty = false;
  bool slow = false;     // the clock may go on while others could run: what is late may be in time
  bool stopped = false;  // or ended, in the middle: what has failed is not tried again
  bool short_deadlines = false;
  bool cancels = false;
  bool bounded = false;
  double disks = 0;  // how much there is of the resource "disk"; 0: none
};
inline run_mood mood;
inline troupe::duration (*virtual_time)() = nullptr;  // since the start of the run

// The first promise that was broken inside a task. An error thrown there would not be seen if the
// task is cancelled.
inline std::string broken_promise;
inline void must(bool holds, const std::string& otherwise) {
  if (!holds && broken_promise.empty()) broken_promise = otherwise;
}

using plan = std::vector<node>;
plan make_plan(number seed, std::size_t most_nodes, int depth = 0);

number mix(number a, number b);

// Calls f() until it does not fail for want of memory. (Only an injected fault says so.)
template <class F> auto insist(F f) {
  for (;;) {
    try {
      return f();
    } catch (const std::bad_alloc&) {}
  }
}

}  // namespace simulated
