// SPDX-License-Identifier: MIT
// Who may use what there is a limited amount of. Pure: events in, effects out; names are numbers,
// amounts whole ten-thousandths. One ledger belongs to one admission actor.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::detail {

// An amount of one name, and its place in that name's line.
struct resource_part {
  std::uint32_t name = 0;
  std::int64_t amount = 0;
  std::size_t place = none;
  static constexpr std::size_t none = ~std::size_t{0};
};

// What one task asks for: all of it at once, or nothing.
//
//   idle --ask--> waiting --all is free, and it is first in each of its lines--> held
//     ^              |                                                            |
//     +--withdraw, close                                                give_back-+--> idle
struct resource_ask {
  enum class state : std::uint8_t { idle, waiting, held };
  std::vector<resource_part> parts;  // each name once, each amount more than zero
  std::int64_t key = 0;              // the least first; ties: the first to come
  std::uint64_t order = 0;
  resource_ask* next = nullptr;  // in a chain of effects
  resource_ask* next_held = nullptr;
  resource_ask** link_held = nullptr;
  state is = state::idle;
};

// A name's line is a heap. An ask is admitted when it is first in the lines of all its names and
// all fits; so it overtakes an earlier one only if the two have no name in common, and the first of
// all is only ever waiting for what is in use: nobody starves. An event costs O(names of the asks
// that it admits * log(waiting)).
class resources {
public:
  explicit resources(const std::vector<std::int64_t>& totals);

  // Each gives a chain (by `next`, in their order) of those admitted now, to be told.
  // Precondition: a is idle, and none of its amounts is more than the total.
  [[nodiscard]] resource_ask* ask(resource_ask& a);
  // Precondition: a is held.
  [[nodiscard]] resource_ask* give_back(resource_ask& a);
  struct withdrawal {
    bool waited;  // it is to be answered now; false: it has been answered
    resource_ask* admitted;
  };
  [[nodiscard]] withdrawal withdraw(resource_ask& a);
  // The end: a chain of all that wait, to be told; none of them holds anything. Later asks are to
  // be answered at once, and are not put to the ledger.
  [[nodiscard]] resource_ask* close();
  bool closed() const { return closed_; }

  std::int64_t in_use(std::uint32_t name) const { return lines_[name].in_use; }
  std::size_t waiting() const { return waiting_; }
  // f(ask) for each that waits, once for each of its names.
  template <class F> void each(F f) const {
    for (auto& l : lines_)
      for (auto& e : l.heap) f(*e.who);
  }
  // Calls f(ask, part, place) for each that waits, in the order of each line.
  template <class F> void each_in_line(F f) const {
    for (auto& l : lines_) {
      auto in_order = l.heap;
      std::sort(in_order.begin(), in_order.end(), before);
      for (auto& e : in_order) f(*e.who, *e.part);
    }
  }
  // f(ask), once for each that waits among the first `most` places of each line's heap.
  template <class F> void each_near_front(std::size_t most, F f) const {
    for (auto& l : lines_)
      for (std::size_t i = 0; i < l.heap.size() && i < most; ++i)
        if (const entry& e = l.heap[i]; e.part == &e.who->parts.front()) f(*e.who);
  }
  template <class F> void each_held(F f) const {
    for (auto a = held_; a; a = a->next_held) f(*a);
  }
  std::int64_t total(std::uint32_t name) const { return lines_[name].total; }
  void check() const;  // throws std::logic_error

private:
  struct entry {
    resource_ask* who;
    resource_part* part;
  };
  struct line {
    std::int64_t total = 0, in_use = 0;
    std::vector<entry> heap;
  };
  static bool before(const entry& a, const entry& b) {
    return a.who->key != b.who->key ? a.who->key < b.who->key : a.who->order < b.who->order;
  }
  bool may_begin(const resource_ask& a) const;
  resource_ask* admit(const resource_ask& because);
  void leave_lines(resource_ask& a);
  void put(line& l, std::size_t i, entry e) {
    l.heap[i] = e;
    e.part->place = i;
  }
  void up(line& l, std::size_t i);
  void down(line& l, std::size_t i);

  std::vector<line> lines_;  // by name
  resource_ask* held_ = nullptr;
  std::vector<std::uint32_t> look_;  // names whose first may be admitted now
  std::uint64_t orders_ = 0;
  std::size_t waiting_ = 0;
  bool closed_ = false;
};

}  // namespace troupe::detail
