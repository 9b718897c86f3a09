// SPDX-License-Identifier: MIT
#include "graph/task_graph.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe::detail;
using answer = task_graph::answer;

namespace {
constexpr std::size_t all = ~std::size_t{0};

void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// A graph of a few objects and waits beside the simplest thing that does the same: each step is
// done to both, and compared.
class pair_of_graphs {
public:
  pair_of_graphs(std::size_t nodes, std::size_t edges)
      : nodes_(nodes),
        edges_(edges),
        sealed_(nodes),
        watched_(nodes),
        waits_for_(edges, none),
        awaited_(edges),
        answered_(edges) {}

  bool idle(std::size_t e) const { return waits_for_[e] == none; }

  void await(std::size_t n, std::size_t e) {
    const answer got = graph_.await(nodes_[n], edges_[e]);
    ++awaited_[e];
    if (sealed_[n] || closed_) {
      hold(got == answer::ready, "a wait for a sealed object is answered at once");
      ++answered_[e];
    } else {
      hold(got == (watched_[n] ? answer::none : answer::watch), "the first wait asks the store");
      watched_[n] = true;
      waits_for_[e] = n;
    }
    compare();
  }
  void seal(std::size_t n, std::size_t most) {
    const auto open = static_cast<std::size_t>(std::count(waits_for_.begin(), waits_for_.end(), n));
    sealed_[n] = true;
    std::size_t got = 0;
    for (edge* e = graph_.sealed(nodes_[n], most); e; ++got) {
      edge* next = e->next;
      take_answer(*e, n);
      e = next;
    }
    hold(got == std::min(most, open), "as many answers as asked for, or as there are waits");
    compare();
  }
  void withdraw(std::size_t e) {
    const bool waited = !idle(e);
    hold(graph_.withdraw(edges_[e]) == waited, "a withdraw answers a wait once");
    if (waited) take_answer(edges_[e], waits_for_[e]);
    compare();
  }
  void close() {
    closed_ = true;
    for (edge* e = graph_.close(); e;) {
      edge* next = e->next;
      take_answer(*e, waits_for_[index(*e)]);
      e = next;
    }
    compare();
    hold(graph_.counts().open() == 0, "nothing waits after the end");
  }

private:
  static constexpr std::size_t none = all;
  std::size_t index(const edge& e) const { return static_cast<std::size_t>(&e - edges_.data()); }
  void take_answer(const edge& e, std::size_t n) {
    const std::size_t i = index(e);
    hold(waits_for_[i] == n && n != none, "who is answered has waited for this");
    waits_for_[i] = none;
    ++answered_[i];
  }
  void compare() const {
    graph_.check();
    std::size_t awaited = 0, answered = 0, open = 0;
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      hold(answered_[i] + (idle(i) ? 0 : 1) == awaited_[i], "each await is answered exactly once");
      hold(idle(i) == (edges_[i].link == nullptr), "a wait knows whether it waits");
      awaited += awaited_[i];
      answered += answered_[i];
      open += idle(i) ? 0 : 1;
    }
    hold(graph_.counts().awaited == awaited, "awaited");
    hold(graph_.counts().answered == answered, "answered");
    hold(graph_.counts().open() == open, "open");
    hold(graph_.counts().sealed ==
             static_cast<std::size_t>(std::count(sealed_.begin(), sealed_.end(), true)),
         "sealed");
    std::size_t seen = 0;
    graph_.each([&](const edge& e) { hold(!idle(index(e)), "each() shows the waits"), ++seen; });
    hold(seen == open, "each() shows all waits");
  }

  std::vector<graph_node> nodes_;
  std::vector<edge> edges_;
  task_graph graph_;
  bool closed_ = false;
  std::vector<bool> sealed_, watched_;
  std::vector<std::size_t> waits_for_, awaited_, answered_;
};

// Three waits, two objects, and everything that can happen to them.
bool happen(pair_of_graphs& g, int event) {
  switch (event) {
    case 0:
    case 1:
      if (!g.idle(static_cast<std::size_t>(event))) return false;
      g.await(0, static_cast<std::size_t>(event));
      return true;
    case 2:
      if (!g.idle(2)) return false;
      g.await(1, 2);
      return true;
    case 3:
    case 4:
    case 5: g.withdraw(static_cast<std::size_t>(event - 3)); return true;
    case 6: g.seal(0, 1); return true;
    case 7: g.seal(0, all); return true;
    case 8: g.seal(1, all); return true;
    default: g.close(); return true;
  }
}
constexpr int events = 10;
}  // namespace

TEST_CASE(
    "every order of six events among three waits for two objects gives one answer to each wait") {
  std::array<int, 6> order{};
  std::size_t legal = 0;
  for (bool more = true; more;) {
    pair_of_graphs g{2, 3};
    bool ok = true;
    for (std::size_t i = 0; i < order.size() && ok; ++i) {
      try {
        ok = happen(g, order[i]);
      } catch (const std::logic_error& e) {
        std::string text;
        for (std::size_t j = 0; j <= i; ++j) text += std::to_string(order[j]) + ' ';
        FAIL(std::string(e.what()) << " after the events " << text);
      }
    }
    legal += ok;
    more = false;
    for (auto& event : order) {
      if (++event < events) {
        more = true;
        break;
      }
      event = 0;
    }
  }
  CHECK(legal > 100'000);
}

TEST_CASE("random events among many waits and objects agree with the simplest graph") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random{seed};
    const std::size_t nodes = 1 + random() % 12, edges = 1 + random() % 60;
    pair_of_graphs g{nodes, edges};
    try {
      for (int i = 0; i < 1500; ++i) {
        const std::size_t e = random() % edges, n = random() % nodes;
        const unsigned what = random() % 100;
        if (what < 70) {
          if (g.idle(e)) g.await(n, e);
        } else if (what < 85) g.withdraw(e);
        else if (what < 99 || i < 1200) {
          if (i % 7 == 0) g.seal(n, random() % 4);
        } else g.close();
      }
      g.close();
    } catch (const std::logic_error& e) { FAIL(e.what() << ", seed " << seed); }
  }
}

TEST_CASE("many waits for one object are answered in batches, each once, and late ones at once") {
  task_graph g;
  graph_node node;
  std::vector<edge> edges(1000);
  for (auto& e : edges) (void)g.await(node, e);
  std::size_t answered = 0, batches = 0;
  do {
    ++batches;
    for (edge* e = g.sealed(node, 256); e; e = e->next) ++answered;
    g.check();
    edge late;
    CHECK(g.await(node, late) == answer::ready);
  } while (node.waiting);
  CHECK(answered == 1000);
  CHECK(batches == 4);
  CHECK(g.counts().sealed == 1);
  CHECK(g.counts().open() == 0);
}

TEST_CASE("the store is asked once for an object, however often its waits are withdrawn") {
  task_graph g;
  graph_node node;
  edge e;
  CHECK(g.await(node, e) == answer::watch);
  CHECK(g.withdraw(e));
  CHECK_FALSE(g.withdraw(e));
  CHECK(g.await(node, e) == answer::none);
  CHECK(g.sealed(node, all) == &e);
  CHECK_FALSE(g.withdraw(e));
}

TEST_CASE("check() says which invariant does not hold") {
  task_graph g;
  graph_node node;
  edge a, b;
  (void)g.await(node, a);
  (void)g.await(node, b);
  node.watched = 0;
  CHECK_THROWS_WITH(g.check(), "an object that is waited for is watched");
  node.watched = 1;
  node.waiting = nullptr;
  CHECK_THROWS_AS(g.check(), std::logic_error);
}

TEST_CASE("an object is kept from the await of one who holds no ref until it is sealed, once") {
  task_graph graph;
  graph_node node;
  std::array<edge, 3> edges;
  CHECK_FALSE(graph.keep(node));  // nobody has asked: no word about it can come
  CHECK(graph.await(node, edges[0]) == answer::watch);
  CHECK(graph.keep(node));
  CHECK(graph.await(node, edges[1]) == answer::none);
  CHECK_FALSE(graph.keep(node));
  CHECK(graph.withdraw(edges[0]));
  CHECK_FALSE(graph.keep(node));
  CHECK(graph.sealed(node, all) == &edges[1]);
  CHECK(graph.let_go(node));
  CHECK_FALSE(graph.let_go(node));
  CHECK(graph.await(node, edges[2]) == answer::ready);
  CHECK_FALSE(graph.keep(node));
  graph.check();
}
