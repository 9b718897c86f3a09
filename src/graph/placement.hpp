// SPDX-License-Identifier: MIT
// Which node runs a task. Pure: events in, effects out. One belongs to one node, and places what
// that node owns. Times are nanoseconds of the caller's clock.
#pragma once
#include "graph/ids.hpp"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe::detail {

struct needs {
  std::uint64_t function = 0;
  std::set<std::string> labels;
  std::map<std::string, std::int64_t> resources;  // ten-thousandths
  bool room = true;  // in a window; false: what is in the windows may wait for it
  friend auto operator<=>(const needs&, const needs&) = default;
};

struct node_facts {
  node_id id;
  std::string name;
  unsigned slots = 0;
  std::set<std::string> labels;
  std::map<std::string, std::int64_t> resources;     // totals, in ten-thousandths
  std::optional<std::set<std::uint64_t>> functions;  // none: all
};

// Labels and resources; whether it knows the function is another thing.
bool has_all(const node_facts& has, const needs& n);

struct offered_task {
  global_id task;
  needs wants;
  std::map<node_id, std::uint64_t> bytes;  // of its arguments, by where they are
  bool must_leave = false;                 // not on the own node, even if it could
  bool may_wait = false;                   // for nodes to come that can
};

// A number comes once in a placement's life: an answer names the attempt that it is for.
struct attempt {
  global_id task;
  std::uint64_t number = 0;
  node_id node;
  friend bool operator==(const attempt&, const attempt&) = default;
};

struct lack {
  enum class kind : std::uint8_t { label, resource, function };
  node_id node;
  std::string node_name;
  kind what = kind::label;
  std::string name;                  // of the label or resource
  std::int64_t wanted = 0, has = 0;  // of the resource
  friend bool operator==(const lack&, const lack&) = default;
};

// Effects.
struct send_task {
  attempt to;
};
struct run_here {
  global_id task;
};
struct nobody_can {
  global_id task;
  std::vector<lack> why;  // of every node that is there; the task is forgotten
};
struct poisoned_task {
  global_id task;
  std::vector<std::string> nodes;  // that it killed; the task is forgotten
};
using placing = std::variant<send_task, run_here, nobody_can, poisoned_task>;
using placings = std::vector<placing>;

// A task that the own node can run stays in its queue, unknown here, but for one whose arguments lie
// elsewhere. What the own queue has too much of is given to nodes with room in their windows. What
// has to leave waits in the line of its needs; whenever a node has room, the oldest of the heads of
// all lines goes first: no one is overtaken by a later one that needs the same.
//
//   offer --own node can--> here --give--> sent
//     `----> waiting --a capable node has room--> sent --settled--> forgotten
//               ^                                  |
//               `--handed back, its node is gone---'----> here, if the own node can
//                                                  `----> accused --> poisoned, or placed again
class placement {
public:
  using time = std::int64_t;
  enum class reason : std::uint8_t { busy, lacks_function };
  static constexpr time alone_for = 2'000'000'000;      // a suspect, on its node
  static constexpr time verdict_after = 1'000'000'000;  // of who is accused
  static constexpr std::size_t most_kills = 3;  // deaths of nodes with it, then it is accused

  explicit placement(node_facts own) : own_{std::move(own), {}, 0, 0, 0, {}} {}

  [[nodiscard]] placings joined(node_facts facts, time now);
  // It takes no more; what was sent there stays.
  [[nodiscard]] placings retired(node_id node, time now);
  // What was sent there is placed again.
  [[nodiscard]] placings left(node_id node, time now);
  // Precondition: the task is not known here.
  [[nodiscard]] placings offer(offered_task t, time now);

  // From now on it waits if nobody is there that can run it.
  void let_wait(const global_id& task);
  // Who needs this function does not wait for nodes to come. To be told before a node hands it back.
  void expect_nobody(std::uint64_t function);

  // Those that wait for nodes to come: what they need; and that none will come that has it.
  std::vector<needs> hoping() const;  // what those need
  [[nodiscard]] placings give_up(const needs& n);

  // Who has the most room now.
  std::optional<node_id> taker() const;
  // One that waits in the own queue: it is sent, or stays (no effect names it).
  [[nodiscard]] placings give(offered_task t, time now);
  // It has begun here, or nobody wants it any more: answers are stale from now on.
  [[nodiscard]] placings forget(const global_id& task, time now);

  // Each has no effect if the attempt is not the task's current one.
  // `queue`: how many tasks wait for a slot there.
  [[nodiscard]] placings settled(const attempt& a, time service, std::size_t queue, time now);
  [[nodiscard]] placings handed_back(const attempt& a, reason why, time now);
  // It was not sent after all: what it needs has to be made again first. It is offered again then.
  [[nodiscard]] placings held_up(const attempt& a, time now);
  // Its node died of it, perhaps. To be told before that node has left. From then on it is a suspect:
  // no node has two of them, so that the next death says more.
  // After three deaths it is accused, and poisoned if no other node dies for a second.
  [[nodiscard]] placings killed(const attempt& a, time now);
  // A node has died that had none of the accused: nodes die of something else. The last death of
  // each does not count. To be told before the death of those who were there.
  [[nodiscard]] placings acquit(time now);

  // `waiting`: tasks there that wait for others, and let more in.
  [[nodiscard]] placings load(node_id node, std::size_t queue, unsigned free_slots,
                              std::size_t waiting, time now);
  [[nodiscard]] placings tick(time now);
  // When a tick may be of use.
  std::optional<time> next_tick() const {
    std::optional<time> next;
    if (!rests_.empty()) next = *rests_.begin();
    if (!verdicts_.empty() && (!next || verdicts_.begin()->first.first < *next))
      next = verdicts_.begin()->first.first;
    return next;
  }

  std::size_t waiting() const;
  std::size_t sent_to(node_id node) const;
  std::size_t window_of(node_id node) const;  // 0: not there
  std::size_t known() const { return tasks_.size(); }
  std::size_t stale() const { return stale_; }
  void check() const;  // throws std::logic_error

private:
  struct record;
  using ordered = std::map<std::uint64_t, record*>;  // the oldest first
  struct node {
    node_facts facts;
    std::set<std::uint64_t> lacking;  // functions: it said so
    std::int64_t service = 0;         // on average
    std::size_t others = 0;           // tasks there that others sent, as far as it said
    std::size_t waiting = 0;          // tasks there that need no slot for now, as far as it said
    ordered ours;

    std::size_t there() const { return ours.size() - std::min(waiting, ours.size()) + others; }
    std::size_t window() const;
    std::int64_t wait() const;
    void queue_is(std::size_t queue);
    bool can(const needs& n) const;
    // Of ours, one that was aboard of a node that died. Not for long, nor when all there wait: what it
    // waits for may be another.
    bool has_suspect(time now) const;
    void add_lacks(const needs& n, std::vector<lack>& to) const;
  };
  enum class state : std::uint8_t { here, waiting, sent, accused };
  struct record {
    offered_task what;
    std::uint64_t order = 0;
    state is = state::here;
    attempt current{};  // while it is sent
    time sent_at = 0;
    time verdict = 0;                                     // while it is accused
    std::vector<std::pair<node_id, time>> avoids;         // until when
    std::vector<std::pair<node_id, std::string>> killed;  // nodes, with their names
    bool restricted(time now) const;
  };
  struct line {
    ordered all;
  };

  record* current(const attempt& a);
  record& remember(offered_task&& t);
  void erase(record& r);
  void discharge(record& r);
  bool own_may(const record& r) const { return !r.what.must_leave && own_.can(r.what.wants); }
  bool anyone_can(const needs& n) const;
  bool banned(const record& r, const node& n, time now) const;
  node* choose(const record& r, time now);
  node* near(const offered_task& t);
  void send(record& r, node& n, placings& out, time now);
  void place(record& r, placings& out, time now);
  void refuse_stuck(placings& out);
  void refuse(record& r, placings& out);
  void pump(placings& out, time now);

  node own_;
  std::map<node_id, node> nodes_;
  std::unordered_map<global_id, record> tasks_;
  std::map<needs, line> lines_;  // with somebody in each
  std::multiset<time> rests_;    // when somebody may go where he may not go now
  std::map<std::pair<time, std::uint64_t>, record*> verdicts_;  // of the accused, by their orders
  std::uint64_t orders_ = 0, attempts_ = 0;
  std::size_t stale_ = 0;
};

}  // namespace troupe::detail
