// SPDX-License-Identifier: MIT
#include "store/borrows.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace troupe::detail;
using message = borrows::message;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// Nodes that make objects, send each other refs and drop them, over links that keep their order and
// delay all they like. Nodes die.
class cluster {
public:
  explicit cluster(std::uint64_t seed, bool deaths) : random_(seed), deaths_(deaths) {
    for (std::uint64_t n = 1; n <= 4; ++n) nodes_.emplace(node_id{n}, node_id{n});
  }
  void step() {
    switch (random_() % 10) {
      case 0: return make();
      case 1:
      case 2: return send_ref();
      case 3:
      case 4: return drop();
      case 5:
        if (deaths_ && nodes_.size() > 2 && random_() % 40 == 0) die();
        return;
      default: return deliver();
    }
  }
  void end() {
    while (!links_.empty()) deliver();
    for (auto& [id, n] : nodes_)
      while (!n.refs.empty()) drop_at(id, *n.refs.begin());
    while (!links_.empty()) deliver();
    for (auto& [id, n] : nodes_) {
      hold(n.core.lent_count() == 0, "something is lent for ever");
      hold(n.core.borrowed_count() == 0, "something is borrowed for ever");
      hold(n.held.empty(), "an object is held for ever");
    }
  }
  void check() {
    for (auto& [id, n] : nodes_) {
      n.core.check();
      for (const auto& o : n.refs) {
        if (o.maker == id || !nodes_.contains(o.maker)) continue;
        hold(n.core.is_borrowed(o), "a ref that is not counted");
        if (n.core.is_confirmed(o))
          hold(nodes_.at(o.maker).core.is_lent_to(o, id), "the owner does not know of a holder");
      }
      if (!deaths_) hold(n.lost.empty(), "lost, and nobody had died");
    }
  }
  std::size_t lost() const {
    std::size_t n = 0;
    for (const auto& [id, node] : nodes_) n += node.lost.size();
    return n;
  }

private:
  struct node {
    explicit node(node_id id) : core(id) {}
    borrows core;
    std::set<global_id> refs;  // here
    std::set<global_id> held;  // own ones, since others have refs
    std::set<global_id> lost;
  };
  struct sent {
    std::optional<message> what;  // none: a ref
    global_id ref;
  };
  using link = std::pair<node_id, node_id>;

  node_id any() {
    return std::next(nodes_.begin(), static_cast<long>(random_() % nodes_.size()))->first;
  }
  void make() {
    const node_id at = any();
    nodes_.at(at).refs.insert({at, ++numbers_});
  }
  void send_ref() {
    const node_id from = any(), to = any();
    node& n = nodes_.at(from);
    if (from == to || n.refs.empty()) return;
    const global_id o = *std::next(n.refs.begin(), static_cast<long>(random_() % n.refs.size()));
    if (o.maker == from) {
      if (n.core.lend(o, to)) hold(n.held.insert(o).second, "lent for the first time twice");
    } else if (n.lost.contains(o)) return;
    else if (o.maker != to) n.core.pass_on(o, to);
    links_[{from, to}].push_back({std::nullopt, o});
  }
  void drop() {
    const node_id at = any();
    node& n = nodes_.at(at);
    if (n.refs.empty()) return;
    drop_at(at, *std::next(n.refs.begin(), static_cast<long>(random_() % n.refs.size())));
  }
  void drop_at(node_id at, global_id o) {
    node& n = nodes_.at(at);
    n.refs.erase(o);
    n.lost.erase(o);
    if (o.maker != at) apply(at, n.core.local_gone(o));
  }
  void deliver() {
    if (links_.empty()) return;
    const auto i = std::next(links_.begin(), static_cast<long>(random_() % links_.size()));
    const auto [from, to] = i->first;
    const sent s = i->second.front();
    i->second.pop_front();
    if (i->second.empty()) links_.erase(i);
    node& n = nodes_.at(to);
    if (s.what) return apply(to, n.core.arrived(*s.what, from));
    if (s.ref.maker == to) {  // back at home: its own hold is still there
      n.refs.insert(s.ref);
      return;
    }
    if (!nodes_.contains(s.ref.maker)) return;  // a node refuses refs of the dead
    n.refs.insert(s.ref);
    n.lost.erase(s.ref);
    apply(to, n.core.got(s.ref, from));
  }
  void apply(node_id at, const borrows::effects& then) {
    node& n = nodes_.at(at);
    for (const auto& m : then.send) {
      hold(m.to != at, "a message to itself");
      if (nodes_.contains(m.to)) links_[{at, m.to}].push_back({m, {}});
    }
    for (const auto& o : then.let_go) {
      hold(n.held.erase(o) == 1, "let go, and was not held");
      for (const auto& [id, other] : nodes_)
        if (id != at && other.refs.contains(o) && other.core.is_confirmed(o))
          throw std::logic_error("let go while another node has it");
    }
    for (const auto& o : then.lost) hold(n.lost.insert(o).second, "lost twice");
  }
  void die() {
    const node_id gone = any();
    nodes_.erase(gone);
    std::erase_if(links_,
                  [&](const auto& l) { return l.first.first == gone || l.first.second == gone; });
    for (auto& [id, n] : nodes_) apply(id, n.core.left(gone));
  }

  std::mt19937_64 random_;
  const bool deaths_;
  std::map<node_id, node> nodes_;
  std::map<link, std::deque<sent>> links_;
  std::uint64_t numbers_ = 0;
};
}  // namespace

TEST_CASE("an object is held exactly as long as other nodes have refs, in any order of messages") {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    cluster c(seed, false);
    for (int i = 0; i < 300; ++i) {
      c.step();
      REQUIRE_NOTHROW(c.check());
    }
    REQUIRE_NOTHROW(c.end());
  }
}

TEST_CASE(
    "when nodes die, what they had is let go, and who holds what they owned learns that it is "
    "lost") {
  std::size_t lost = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    cluster c(seed, true);
    for (int i = 0; i < 400; ++i) {
      c.step();
      REQUIRE_NOTHROW(c.check());
    }
    lost += c.lost();
    REQUIRE_NOTHROW(c.end());
  }
  CHECK(lost > 100);
}

TEST_CASE("a ref that was sent while the borrower released the last one is a new count") {
  const node_id a{1}, b{2};
  const global_id o{a, 1};
  borrows owner(a), borrower(b);
  CHECK(owner.lend(o, b));
  borrower.got(o, a);
  const auto released = borrower.local_gone(o).send.at(0);
  CHECK(!owner.lend(o, b));
  CHECK(owner.arrived(released, b).let_go.empty());
  borrower.got(o, a);
  CHECK(owner.is_lent_to(o, b));
  const auto again = borrower.local_gone(o).send.at(0);
  CHECK(owner.arrived(again, b).let_go == std::vector{o});
  CHECK(owner.arrived(again, b).let_go.empty());  // twice: no effect
}

TEST_CASE("a borrower that passes a ref on keeps its own until the third node is counted") {
  const node_id a{1}, b{2}, c{3};
  const global_id o{a, 1};
  borrows owner(a), borrower(b), third(c);
  CHECK(owner.lend(o, b));
  borrower.got(o, a);
  borrower.pass_on(o, c);
  CHECK(borrower.local_gone(o).send.empty());
  const auto claim = third.got(o, b).send.at(0);
  CHECK(!third.is_confirmed(o));
  const auto claimed = owner.arrived(claim, c).send.at(0);
  const auto passed = third.arrived(claimed, a).send.at(0);
  CHECK(third.is_confirmed(o));
  const auto released = borrower.arrived(passed, c).send.at(0);
  CHECK(owner.arrived(released, b).let_go.empty());
  CHECK(owner.is_lent_to(o, c));
}

TEST_CASE("a ref whose owner has not got the object is borrowed, but held by nobody") {
  const node_id a{1}, b{2}, c{3};
  const global_id o{a, 1};
  borrows owner(a), third(c);
  const auto claim = third.got(o, b).send.at(0);
  CHECK(third.is_held(o));  // until it is known that it is not
  const auto answer = third.arrived(owner.arrived(claim, c).send.at(0), a);
  CHECK(answer.lost == std::vector{o});
  CHECK(third.is_borrowed(o));
  CHECK(!third.is_held(o));
  CHECK(third.local_gone(o).send.empty());
  CHECK(!third.is_borrowed(o));
}
