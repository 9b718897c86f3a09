// SPDX-License-Identifier: MIT
// Refs across nodes: an object lives as long as any node has a ref to it.
//
//   owner --ref--> borrower --released(n)--> owner         n: so often it had been sent
//   borrower --ref--> third --claim--> owner --claimed--> third --passed--> borrower
//                     until `passed` the borrower keeps its own hold, so the claim finds the object
//
// Counts, not flags: a ref that is on its way when the borrower releases what it had is a new count.
// One node's view of it, in both roles. Messages of a pair of nodes arrive in order, or the link is
// broken and each side is told that the other has left. If a borrower dies between passing a ref on
// and the third node's claim, the claim may find nothing: the third node learns that it is lost.
#pragma once
#include "graph/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

class borrows {
public:
  explicit borrows(node_id self) : self_(self) {}

  // What a node sends another, about an object.
  struct message {
    enum kind : std::uint8_t { released, claim, claimed, not_there, passed };
    kind is;
    node_id to;
    global_id object;
    std::uint64_t count = 0;  // released
    node_id via;              // claim, claimed, not_there: who passed the ref on
  };
  struct effects {
    std::vector<message> send;
    std::vector<global_id> let_go;  // own objects that no other node has a ref to any more
    std::vector<global_id> lost;    // borrowed ones that nobody holds for this node
  };

  // ---- refs that are sent. The caller holds a ref while it calls.
  // True: it is lent for the first time; hold the object until it is let go.
  [[nodiscard]] bool lend(global_id own, node_id to);
  // Precondition: it is borrowed, and `to` is not its maker (who needs no count of its own objects).
  void pass_on(global_id borrowed, node_id to);

  // ---- refs that come, of others' objects
  effects got(global_id object, node_id from);
  effects local_gone(global_id borrowed);  // the last ref here is gone

  // ---- messages
  effects arrived(const message& m, node_id from);
  effects left(node_id node);

  // ---- questions
  bool is_lent(global_id own) const { return lent_.contains(own); }
  bool is_lent_to(global_id own, node_id to) const;
  bool is_borrowed(global_id object) const { return borrowed_.contains(object); }
  // Its owner has it for this node, as far as is known here.
  bool is_held(global_id object) const;
  // Its owner knows that this node has it.
  bool is_confirmed(global_id object) const;
  std::size_t lent_count() const { return lent_.size(); }
  std::size_t borrowed_count() const { return borrowed_.size(); }
  void check() const;  // throws std::logic_error

private:
  using counts = std::map<node_id, std::uint64_t>;
  struct loan {
    bool local = true;            // there is a ref here
    bool lost = false;            // and that was said
    std::uint64_t received = 0;   // so often the owner has counted it for this node
    counts claiming, passing_on;  // by who passed it on to here, and to whom it was passed on
  };
  static void lose(global_id object, loan& l, effects& then);
  void release_if_unused(global_id object, effects& then);
  void take(global_id own, node_id from, std::uint64_t n, effects& then);
  static bool take_one(counts& all, node_id of);

  const node_id self_;
  std::unordered_map<global_id, counts> lent_;
  std::unordered_map<global_id, loan> borrowed_;
};

}  // namespace troupe::detail
