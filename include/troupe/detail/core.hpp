// SPDX-License-Identifier: MIT
// An object's record as the pure core sees it: plain data, no atomics. src/store/object_table.hpp
// and src/graph/task_graph.hpp work on it.
#pragma once
#include <cstdint>

namespace troupe::detail {

// What the store knows of an object.
//
//   expected --put--> sealed --drop--> gone          the usual way
//   expected --drop--> dropped --put--> gone         nobody waited for the value
struct store_entry {
  const void* value = nullptr;  // the value; or, if it failed, the failure
  // written before the object is seen to be sealed, and read by anyone after that
  std::uint8_t present : 1 = 0;  // put has come
  std::uint8_t failed : 1 = 0;   // `value` is a failure
  std::uint8_t aliased : 1 = 0;  // `value` lies in another object, which this one keeps
  std::uint8_t split : 1 = 0;    // its refs are those of parts of its value, each with its own part
  std::uint8_t : 0;
  // the store's alone
  std::uint8_t watched : 1 = 0;  // the resolver wants to hear of it
  std::uint8_t dropped : 1 = 0;  // the last ref is gone
  std::uint8_t mourner : 2 = 0;  // who hears of its end: a detail::mourner
  std::uint8_t away : 1 = 0;     // on another node, which is asked once somebody waits for it
};

// One wait for one object: the object's resolver links it, and answers it exactly once.
struct edge;
struct graph_node {
  edge* waiting = nullptr;         // the newest first
  std::uint8_t watched : 1 = 0;    // the store has been asked
  std::uint8_t sealed : 1 = 0;     // nobody waits any more
  std::uint8_t kept : 1 = 0;       // the resolver keeps the object until it hears that it is sealed
  std::uint8_t elsewhere : 1 = 0;  // its value is there, but on another node
  std::uint8_t wanted : 1 = 0;     // and somebody here waits for it
};

// A call's place among those of a stateful actor (src/graph/turns.hpp).
//
//   idle --join--> waiting --inputs are there, and it is next--> held --end--> idle
//                     |                                           |  ^
//                     `--refuse--> idle                 step_out--|  |--its turn again
//                                                                 v  |
//                                                            outside --step_in--> returning
struct caller_line;
struct turn {
  enum class state : std::uint8_t { idle, waiting, held, outside, returning };
  std::uint64_t caller = 0;     // its calls come in the order made
  std::uint64_t number = 0;     // the order in which they joined
  turn* next = nullptr;         // in its line, among those who return, or in a chain of effects
  caller_line* line = nullptr;  // while it waits
  state is = state::idle;
  bool shared = false;  // others that are shared may run with it
  bool ready = false;   // its inputs are there
};

}  // namespace troupe::detail
