// SPDX-License-Identifier: MIT
// Who waits for which object. Pure: events in, effects out; its data lie in the records of the
// objects and of those who wait, so an event is a few loads and stores, without a look-up or an
// allocation. One task_graph belongs to one resolver actor.
#pragma once
#include <troupe/detail/core.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::detail {

// A wait in two lists: that of its object, and that of all waits of this graph (for endings and
// explanations).
//
//   idle --await--> waiting --sealed--> answered      exactly one answer for each await
//                      +------withdraw--> answered
//                      `------elsewhere--> answered      of a follower: it may go where the value is
struct edge {
  edge* next = nullptr;
  edge** link = nullptr;  // what points to this edge; null: it is not waiting
  edge* next_of_all = nullptr;
  edge** link_of_all = nullptr;
  graph_node* what = nullptr;
  std::uint64_t party = 0;     // whose wait it is: the runtime with whose end it is over
  bool follows = false;        // its waiter can do without the value, if it is known where that is
  std::uint32_t to_spare = 0;  // of its waiter's waits so many need not be answered
};

class task_graph {
public:
  // What the resolver does next: nothing, ask the store, answer at once; or ask the store, and have the
  // value fetched.
  enum class answer { none, watch, ready, fetch };
  struct counters {
    std::size_t awaited = 0, answered = 0, sealed = 0;
    std::size_t open() const { return awaited - answered; }
  };

  // Precondition: e is idle.
  [[nodiscard]] answer await(graph_node& node, edge& e);
  // The node has its outcome. Up to `most` waits are over: a chain by `next`, each to be answered.
  // More may wait: ask again.
  [[nodiscard]] edge* sealed(graph_node& node, std::size_t most);
  // Its value lies on another node. The waits of followers are over, now (a chain by `next`) and from
  // now on. fetch: somebody else waits, so it is to come here.
  struct followers {
    edge* chain;
    bool fetch;
  };
  [[nodiscard]] followers elsewhere(graph_node& node);
  static bool is_elsewhere(const graph_node& node) { return node.elsewhere && !node.sealed; }
  // The waiter gives up. True: it was waiting, and is to be answered now; false: it has been
  // answered.
  [[nodiscard]] bool withdraw(edge& e);
  // After a withdraw, a close, elsewhere(), or an await of one who holds no ref: its waiter may let the object go,
  // while the store's word about it is still on its way. True: keep the object until let_go() says so, after sealed().
  [[nodiscard]] bool keep(graph_node& node);
  [[nodiscard]] bool let_go(graph_node& node);
  // The end of a runtime: its waits are over, a chain by `next`; every later one is answered at
  // once.
  [[nodiscard]] edge* close(std::uint64_t party = 0);

  const counters& counts() const { return counts_; }
  template <class F> void each(F f) const {
    for (auto e = all_; e; e = e->next_of_all) f(*e);
  }
  // Tests every invariant in O(waits); throws std::logic_error with the one that does not hold.
  void check() const;

private:
  static void push(edge*& head, edge& e, edge* edge::*next, edge** edge::*link) {
    e.*next = head;
    e.*link = &head;
    if (head) head->*link = &(e.*next);
    head = &e;
  }
  static void remove(edge& e, edge* edge::*next, edge** edge::*link) {
    *(e.*link) = e.*next;
    if (e.*next) (e.*next)->*link = e.*link;
    e.*link = nullptr;
  }
  void unlink(edge& e) {
    remove(e, &edge::next, &edge::link);
    remove(e, &edge::next_of_all, &edge::link_of_all);
    ++counts_.answered;
  }
  bool is_closed(std::uint64_t party) const;
  answer await_elsewhere(graph_node& node, edge& e);

  edge* all_ = nullptr;
  counters counts_;
  std::vector<std::uint64_t> closed_;  // parties
};

inline task_graph::answer task_graph::await(graph_node& node, edge& e) {
  ++counts_.awaited;
  e.what = &node;
  if (node.sealed || (!closed_.empty() && is_closed(e.party))) {
    ++counts_.answered;
    return answer::ready;
  }
  if (node.elsewhere) [[unlikely]]
    return await_elsewhere(node, e);
  push(node.waiting, e, &edge::next, &edge::link);
  push(all_, e, &edge::next_of_all, &edge::link_of_all);
  if (node.watched) return answer::none;
  node.watched = 1;
  return answer::watch;
}

inline edge* task_graph::sealed(graph_node& node, std::size_t most) {
  if (!node.sealed) ++counts_.sealed;
  node.sealed = 1;
  edge* chain = nullptr;
  for (; node.waiting && most > 0; --most) {
    edge& e = *node.waiting;
    unlink(e);
    e.next = chain;
    chain = &e;
  }
  return chain;
}

}  // namespace troupe::detail
