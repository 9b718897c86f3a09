// SPDX-License-Identifier: MIT
// Values that lie on other nodes, and how they are made again when they are lost. Pure: events in,
// effects out. One belongs to one node; its tasks are those that this node has submitted.
//
//   under way --made--> elsewhere --wanted--> fetched --settled--> (forgotten)
//      ^                  |   |                  |
//      |                  |   `--only calls that rest refer to it--> let go
//      |                  `--its node is gone-------'--> lost          |
//      `------needed: wanted here, or an input of what is to run--------'
//
// A task rests from `made` to `settled`: its call is kept, and with it what the call refers to. So
// its inputs can be made again, too, in their order, although their values were let go long ago.
#pragma once
#include "graph/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace troupe::detail {

class lineage {
public:
  using task = std::uint64_t;
  struct place {
    global_id value;  // its maker is the node that has it
    std::uint64_t bytes = 0;
  };
  struct effects {
    std::vector<task> run;          // what it needs is there: give it a node
    std::vector<task> fetch;        // somebody here waits for the value
    std::vector<global_id> let_go;  // values that nobody needs now
    std::vector<task> end;          // nobody needs them any more; they are forgotten
    std::vector<task> cut;  // the same, though others could have needed them: there were too many
  };

  // At most so many tasks rest; of those whose values were let go the oldest is cut.
  explicit lineage(std::size_t most = 100'000) : most_(most) {}

  // A task is to run. `inputs`: tasks that may rest, once for each ref to them in its call.
  [[nodiscard]] effects place_it(task t, const std::vector<task>& inputs);
  // It rests from now on (again).
  [[nodiscard]] effects made(task t, const place& where, const std::vector<task>& inputs);
  [[nodiscard]] effects wanted(task t);
  // Its value is here, or it has failed, or nobody wants it any more.
  [[nodiscard]] effects settled(task t);
  // Nobody refers to it but the calls of those that rest.
  [[nodiscard]] effects idle(task t);
  // Its node has not got the value.
  [[nodiscard]] effects lost(task t);
  [[nodiscard]] effects gone(node_id node);

  bool rests(task t) const;
  std::optional<place> where(task t) const;  // none: it is not made, or lost
  std::size_t references(task t) const;      // to it, in the calls of those that rest
  std::vector<task> at(node_id node) const;
  std::size_t size() const { return records_.size(); }
  void check() const;  // throws std::logic_error

private:
  enum class state : std::uint8_t { under_way, elsewhere, lost, blocked };
  struct record {
    state is = state::lost;
    place where{};
    bool rests = false, wanted = false;
    std::vector<task> inputs;
    std::size_t references = 0, busy = 0;  // busy: those of calls that are to run again
    std::size_t missing = 0;
    std::set<task> waiting;  // blocked ones, of which it is an input
  };
  void need(task t, effects& out);
  void is_there(record& r, effects& out);
  void count_busy(const record& r, bool more);
  void forget(task t, effects& out);
  void lose(task t, record& r, effects& out);
  void cut(effects& out);

  const std::size_t most_;
  std::map<task, record> records_;
  std::set<task> spare_;  // lost, and not needed
};

}  // namespace troupe::detail
