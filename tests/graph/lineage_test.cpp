// SPDX-License-Identifier: MIT
#include "graph/lineage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

using namespace troupe::detail;
using task = lineage::task;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}
const node_id w{7}, x{8};
lineage::place place_at(node_id n, std::uint64_t number) { return {{n, number}, 100}; }
using tasks = std::vector<task>;

// A program that submits tasks whose inputs are earlier ones, keeps some refs, waits for some values
// and loses nodes. What runs must find its inputs, what is waited for must come, and what nobody can
// reach must go.
class program {
public:
  program(std::uint64_t seed, std::size_t most) : random_(seed), core_(most), most_(most) {}

  void step() {
    switch (random_() % 9) {
      case 0:
      case 1: return submit();
      case 2:
      case 3:
      case 4: return finish_one();
      case 5: return fetch_one();
      case 6: return wait_for_one();
      case 7: return drop_one();
      default:
        if (random_() % 4 == 0) lose_node();
        else look();
    }
  }
  void end() {
    for (auto& [t, k] : known_) k.held = 0;
    for (int i = 0; i < 100'000 && !known_.empty(); ++i) {
      if (!running_.empty()) finish_one();
      else if (!fetching_.empty()) fetch_one();
      else look();
    }
    hold(known_.empty(), "a task that nobody can reach is kept");
    hold(core_.size() == 0, "something is left");
    hold(there_.empty(), "a value is kept on a node for ever");
  }
  void check() const { core_.check(); }

private:
  struct known {
    tasks inputs;
    int held = 1;  // refs of the program, and of calls under way
    bool rests = false, waited = false;
  };
  std::size_t refs(task t) const {
    std::size_t n = static_cast<std::size_t>(known_.at(t).held);
    for (auto& [other, k] : known_)
      if (other != t)
        n += static_cast<std::size_t>(std::count(k.inputs.begin(), k.inputs.end(), t));
    return n;
  }
  bool is_there(task t) const {
    return !known_.contains(t) ||
           std::any_of(there_.begin(), there_.end(), [&](auto& e) { return e.second == t; });
  }
  tasks resting(const tasks& all) const {
    tasks some;
    for (const task t : all)
      if (known_.contains(t) && known_.at(t).rests) some.push_back(t);
    return some;
  }
  void submit() {
    const task t = ++last_;
    known k;
    for (auto n = random_() % 3; n > 0; --n) {
      tasks candidates;
      for (auto& [other, o] : known_)
        if (o.rests && o.held > 0) candidates.push_back(other);
      if (!candidates.empty()) k.inputs.push_back(candidates[random_() % candidates.size()]);
    }
    known_.emplace(t, k);
    apply(core_.place_it(t, resting(k.inputs)));
  }
  void apply(const lineage::effects& e) {
    for (const auto& v : e.let_go) hold(there_.erase(v) == 1, "let go what is not there");
    for (const task t : e.end) over(t);
    for (const task t : e.cut) over(t), ++cuts;
    for (const task t : e.run) {
      hold(known_.contains(t) && !running_.contains(t), "runs twice at a time");
      hold(!is_there(t), "runs although it has a value");
      for (const task i : known_.at(t).inputs) hold(is_there(i), "runs without its input");
      running_.insert(t);
    }
    for (const task t : e.fetch) {
      hold(known_.at(t).waited, "fetched, and nobody waits");
      hold(is_there(t), "fetched from where it is not");
      fetching_.insert(t);
    }
  }
  void over(task t) {
    known_.erase(t);
    running_.erase(t);
    fetching_.erase(t);
  }
  template <class Set> task any(const Set& all) {
    return *std::next(all.begin(), static_cast<std::ptrdiff_t>(random_() % all.size()));
  }
  void finish_one() {
    if (running_.empty()) return;
    const task t = any(running_);
    running_.erase(t);
    for (const task i : known_.at(t).inputs) hold(is_there(i), "its input went while it ran");
    if (random_() % 4 == 0) return settle(t);  // small, or failed
    known& k = known_.at(t);
    k.rests = true;
    const auto where = place_at(random_() % 2 ? w : x, ++values_);
    there_.emplace(where.value, t);
    apply(core_.made(t, where, resting(k.inputs)));
  }
  void settle(task t) {
    const auto e = core_.settled(t);
    over(t);
    apply(e);
  }
  void fetch_one() {
    if (fetching_.empty()) return;
    const task t = any(fetching_);
    fetching_.erase(t);
    settle(t);
  }
  void wait_for_one() {
    tasks some;
    for (auto& [t, k] : known_)
      if (k.rests && k.held > 0 && !k.waited) some.push_back(t);
    if (some.empty()) return;
    const task t = any(some);
    known_.at(t).waited = true;
    apply(core_.wanted(t));
  }
  void drop_one() {
    tasks some;
    for (auto& [t, k] : known_)
      if (k.held > 0 && !k.waited) some.push_back(t);
    if (!some.empty()) --known_.at(any(some)).held;
  }
  void look() {
    tasks all;
    for (auto& [t, k] : known_)
      if (k.rests) all.push_back(t);
    for (const task t : all)
      if (known_.contains(t) && refs(t) == core_.references(t)) apply(core_.idle(t));
    // nobody waits for the value of a task that does not rest: it ends by itself
  }
  void lose_node() {
    const node_id n = random_() % 2 ? w : x;
    tasks again;
    for (auto i = there_.begin(); i != there_.end();) {
      if (i->first.maker != n) {
        ++i;
        continue;
      }
      fetching_.erase(i->second);
      i = there_.erase(i);
    }
    // what ran with an input from there runs again
    for (const task t : running_)
      for (const task i : known_.at(t).inputs)
        if (!is_there(i)) again.push_back(t);
    std::sort(again.begin(), again.end());
    again.erase(std::unique(again.begin(), again.end()), again.end());
    for (const task t : again) running_.erase(t);
    apply(core_.gone(n));
    for (const task t : again) apply(core_.place_it(t, resting(known_.at(t).inputs)));
  }

public:
  std::size_t cuts = 0;

private:
  std::mt19937_64 random_;
  lineage core_;
  const std::size_t most_;
  std::map<task, known> known_;
  std::set<task> running_, fetching_;
  std::map<global_id, task> there_;
  task last_ = 0;
  std::uint64_t values_ = 0;
};
}  // namespace

TEST_CASE("a value that nobody waits for stays where it was made, and is fetched once") {
  lineage l;
  CHECK(l.place_it(1, {}).run == tasks{1});
  CHECK(l.made(1, place_at(w, 5), {}).fetch.empty());
  CHECK(l.where(1)->value == global_id{w, 5});
  CHECK(l.wanted(1).fetch == tasks{1});
  CHECK(l.wanted(1).fetch.empty());
  CHECK(l.settled(1).let_go == std::vector{global_id{w, 5}});
  CHECK(l.size() == 0);
}

TEST_CASE("what is lost is made again when somebody needs it, its inputs first") {
  lineage l;
  (void)l.made(1, place_at(w, 1), {});
  (void)l.made(2, place_at(w, 2), {1});
  (void)l.made(3, place_at(w, 3), {2, 2});
  CHECK(l.references(2) == 2);
  CHECK(l.gone(w).run.empty());
  CHECK(l.wanted(3).run == tasks{1});
  CHECK(l.made(1, place_at(x, 1), {}).run == tasks{2});
  CHECK(l.made(2, place_at(x, 2), {1}).run == tasks{3});
  CHECK(l.made(3, place_at(x, 3), {2, 2}).fetch == tasks{3});
}

TEST_CASE(
    "the value of an input is let go when only calls that rest refer to it, and the call is kept") {
  lineage l;
  (void)l.made(1, place_at(w, 1), {});
  (void)l.made(2, place_at(w, 2), {1});
  const auto idle = l.idle(1);
  CHECK(idle.let_go == std::vector{global_id{w, 1}});
  CHECK(idle.end.empty());
  (void)l.gone(w);
  CHECK(l.place_it(9, {2}).run == tasks{1});
  CHECK(l.made(1, place_at(x, 1), {}).run == tasks{2});
  CHECK(l.made(2, place_at(x, 2), {1}).run == tasks{9});
  CHECK(l.idle(2).end == tasks{2});
  CHECK(l.references(1) == 0);
  CHECK(l.idle(1).end == tasks{1});
  CHECK(l.size() == 0);
}

TEST_CASE("of too many tasks that rest those go whose values were let go, the oldest first") {
  lineage l{3};
  for (task t = 1; t <= 3; ++t) (void)l.made(t, place_at(w, t), t > 1 ? tasks{t - 1} : tasks{});
  CHECK(l.made(4, place_at(w, 4), {3}).cut.empty());
  (void)l.idle(1);
  (void)l.idle(2);
  CHECK(l.made(5, place_at(w, 5), {4}).cut == tasks{1, 2});
  l.check();
}

TEST_CASE("random programs that lose nodes: every value that is waited for comes") {
  std::size_t cuts = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    CAPTURE(seed);
    program p{seed, seed % 3 == 0 ? std::size_t{8} : std::size_t{1000}};
    for (int i = 0; i < 400; ++i) {
      p.step();
      REQUIRE_NOTHROW(p.check());
    }
    p.end();
    cuts += p.cuts;
  }
  CHECK(cuts > 100);
}
