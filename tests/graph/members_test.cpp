// SPDX-License-Identifier: MIT
#include "graph/members.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe::detail;
using member = members::member;
using addresses = std::vector<std::string>;

namespace {
constexpr std::int64_t ms = 1'000'000;
member node(std::uint64_t id, std::string address) {
  return {{id}, "n" + std::to_string(id), std::move(address)};
}

// Nodes that call each other over a network that loses them, without time passing in a call.
class cluster {
public:
  explicit cluster(std::uint64_t seed) : random_(seed) {}

  void start(const std::string& address, const addresses& seeds) {
    stop(address);
    running r{member{{++ids_}, address, address}, seeds};
    nodes_.emplace(address, std::make_unique<running>(std::move(r)));
  }
  void stop(const std::string& address) {
    if (!nodes_.contains(address)) return;
    const node_id gone = nodes_.at(address)->core.self().node;
    nodes_.erase(address);
    for (auto& [where, n] : nodes_)
      if (n->core.find(gone)) n->core.closed(now_, gone);
  }
  void cut(const std::string& a, const std::string& b) {
    if (!nodes_.contains(a) || !nodes_.contains(b)) return;
    running &x = *nodes_.at(a), &y = *nodes_.at(b);
    if (!x.core.find(y.core.self().node)) return;
    x.core.closed(now_, y.core.self().node);
    y.core.closed(now_, x.core.self().node);
  }
  void pass(std::int64_t time) {
    now_ += time;
    for (auto& [where, caller] : nodes_)
      for (const auto& to : caller->core.due(now_)) call(*caller, to);
    for (auto& [where, n] : nodes_) n->core.check();
  }
  void act(const addresses& all, const addresses& seeds) {
    const auto any = [&]() -> const std::string& { return all[random_() % all.size()]; };
    switch (random_() % 8) {
      case 0: return stop(any());
      case 1: return start(any(), seeds);
      case 2: return cut(any(), any());
      default: return pass(static_cast<std::int64_t>(random_() % 900) * ms);
    }
  }
  bool all_are_connected() const {
    return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      return n.second->core.here().size() + 1 == nodes_.size() &&
             n.second->core.next_due() == INT64_MAX;
    });
  }
  bool runs(const std::string& address) const { return nodes_.contains(address); }

private:
  struct running {
    running(member self, const addresses& seeds) : core(std::move(self), seeds) {}
    members core;
  };
  void call(running& caller, const std::string& to) {
    const member me = caller.core.self();
    if (to == me.address) throw std::logic_error("a node called itself");
    const auto i = nodes_.find(to);
    if (i == nodes_.end()) return caller.core.refused(now_, to, false);
    running& callee = *i->second;
    const member it = callee.core.self();
    if (caller.core.find(it.node)) throw std::logic_error("called who is connected");
    tell(caller, caller.core.opened(now_, it, to), it);
    tell(callee, callee.core.opened(now_, me, ""), me);
    callee.core.heard_of(now_, caller.core.here());
    caller.core.heard_of(now_, callee.core.here());
  }
  void tell(running&, const std::vector<node_id>& whom, const member& of) {
    for (auto& [where, n] : nodes_)
      if (std::find(whom.begin(), whom.end(), n->core.self().node) != whom.end())
        n->core.heard_of(now_, {of});
  }

  std::mt19937_64 random_;
  std::map<std::string, std::unique_ptr<running>> nodes_;
  std::int64_t now_ = 0;
  std::uint64_t ids_ = 0;
};
}  // namespace

TEST_CASE("nodes that know one seed are all connected in the end, whatever was lost meanwhile") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    cluster c(seed);
    const addresses all{"a:1", "b:1", "c:1", "d:1", "e:1"}, seeds{"a:1"};
    for (int i = 0; i < 200; ++i) c.act(all, seeds);
    if (!c.runs("a:1")) c.start("a:1", seeds);
    for (int i = 0; i < 40; ++i) c.pass(members::longest_wait / 2);
    REQUIRE_NOTHROW(c.pass(members::remembered));
    REQUIRE(c.all_are_connected());
  }
}

TEST_CASE("a seed that does not answer is called again, at first often, then every five seconds") {
  members m(node(1, "a:1"), {"b:1"});
  std::int64_t now = 0;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(m.due(now) == addresses{"b:1"});
    CHECK(m.due(now).empty());  // it is being called
    m.refused(now, "b:1", false);
    waits.push_back(m.next_due() - now);
    CHECK(m.due(m.next_due() - 1).empty());
    now = m.next_due();
  }
  CHECK(waits == std::vector<std::int64_t>{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms,
                                           3200 * ms, 5000 * ms, 5000 * ms});
}

TEST_CASE("a seed that turns out to be this node, or of another version, is not called again") {
  members m(node(1, "127.0.0.1:1"), {"localhost:1", "127.0.0.1:1", ""});
  REQUIRE(m.due(0) == addresses{"localhost:1"});
  m.refused(0, "localhost:1", true);
  CHECK(m.next_due() == INT64_MAX);
}

TEST_CASE("a node that is called by another address than it gives for itself is called once") {
  members m(node(1, "a:1"), {"localhost:2"});
  REQUIRE(m.due(0) == addresses{"localhost:2"});
  CHECK(m.opened(0, node(2, "127.0.0.1:2"), "localhost:2").empty());
  CHECK(m.is_connected_to("localhost:2"));
  CHECK(m.is_connected_to("127.0.0.1:2"));
  CHECK(m.due(1000 * ms).empty());
  CHECK(m.next_due() == INT64_MAX);
  m.closed(1000 * ms, {2});
  CHECK(!m.is_connected_to("localhost:2"));
  CHECK(m.due(1100 * ms) == addresses{"127.0.0.1:2", "localhost:2"});
}

TEST_CASE("who is here hears of a newcomer; the newcomer's address is called by those who hear") {
  members a(node(1, "a:1"), {}), b(node(2, "b:1"), {});
  CHECK(a.opened(0, node(2, "b:1"), "").empty());
  CHECK(a.opened(0, node(3, "c:1"), "") == std::vector<node_id>{{2}});
  b.opened(0, node(1, "a:1"), "a:1");
  b.heard_of(0, {node(3, "c:1"), node(2, "b:1"), node(1, "a:1"), node(4, "")});
  CHECK(b.due(0) == addresses{"c:1"});
}

TEST_CASE("who was told of and never answers is forgotten after a minute, a seed never") {
  members m(node(1, "a:1"), {"s:1"});
  m.heard_of(0, {node(2, "b:1")});
  std::int64_t now = 0;
  std::set<std::string> late;
  while (now < 3 * members::remembered) {
    for (const auto& to : m.due(now)) {
      if (now > members::remembered) late.insert(to);
      m.refused(now, to, false);
    }
    now = m.next_due();
  }
  CHECK(late == std::set<std::string>{"s:1"});
}

TEST_CASE("a node that comes again has another id, and the old one is gone") {
  members m(node(1, "a:1"), {});
  m.opened(0, node(2, "b:1"), "");
  m.closed(5, {2});
  CHECK(!m.find({2}));
  CHECK_THROWS_AS(m.closed(6, {2}), std::logic_error);
  m.opened(7, node(9, "b:1"), "");
  CHECK(m.find({9})->name == "n9");
  CHECK(m.here().size() == 1);
}
