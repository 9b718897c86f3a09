// SPDX-License-Identifier: MIT
#include "graph/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace troupe::detail;
using reason = placement::reason;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}
constexpr std::int64_t ms = 1'000'000;

node_facts facts(std::uint64_t id, unsigned slots, std::set<std::string> labels = {}) {
  node_facts f;
  f.id = {id};
  f.name = "n" + std::to_string(id);
  f.slots = slots;
  f.labels = std::move(labels);
  return f;
}
offered_task task(std::uint64_t number, std::set<std::string> labels = {}) {
  offered_task t;
  t.task = {{1}, number};
  t.wants.labels = std::move(labels);
  return t;
}
template <class T> std::vector<T> all_of(const placings& effects) {
  std::vector<T> found;
  for (auto& e : effects)
    if (auto one = std::get_if<T>(&e)) found.push_back(*one);
  return found;
}
attempt sent(const placings& effects) {
  const auto all = all_of<send_task>(effects);
  hold(effects.size() == 1 && all.size() == 1, "one task is sent, and nothing else happens");
  return all[0].to;
}

// A placement beside what can be said of it from outside: which tasks wait, in one list; who was
// sent what; who avoids or killed whom. It says what each effect may be, and what has to happen.
class watched_placement {
public:
  explicit watched_placement(std::uint64_t seed) : random_(seed), placed_(own_ = facts(1, 2)) {
    own_.labels = {"a"};
    placed_ = placement(own_);
  }

  void step() {
    now_ += static_cast<std::int64_t>(random_() % 20) * ms;
    if (const auto at = placed_.next_tick(); at && *at <= now_) apply(placed_.tick(now_));
    switch (random_() % 16) {
      case 0: return join();
      case 1:
        if (random_() % 4 == 0) leave();
        return;
      case 2:
      case 3:
      case 4:
      case 5: return offer();
      case 6: return give();
      case 7: return hand_back();
      case 8: return random_() % 6 ? kill() : acquit();
      case 9: return load();
      case 10: return stale();
      case 11: return random_() % 2 ? forget() : hold_up();
      default: return settle();
    }
  }
  // Able nodes join and all is settled.
  void drain() {
    auto f = facts(900, 3, {"a", "b", "c"});
    f.resources["gpu"] = 90'000;
    nodes_[f.id] = f;
    apply(placed_.joined(f, now_));
    for (int i = 0; i < 100'000 && !(sent_.empty() && waits_.empty() && accused_.empty()); ++i) {
      now_ += 10 * ms;
      if (sent_.empty()) apply(placed_.tick(now_));
      else settle();
    }
    hold(sent_.empty() && waits_.empty() && accused_.empty(), "in the end everything has run");
    while (!here_.empty()) forget_one(here_.begin()->first);
    hold(placed_.known() == 0, "and is forgotten");
  }

private:
  struct known {
    offered_task what;
    std::map<node_id, std::int64_t> avoids;
    std::vector<std::string> killed;
  };
  std::size_t pick(std::size_t n) { return random_() % n; }

  void join() {
    if (nodes_.size() > 4) return;
    auto f = facts(10 + next_node_++, static_cast<unsigned>(random_() % 4));
    f.name = "n" + std::to_string(random_() % 3);
    for (const char* label : {"a", "b", "c"})
      if (random_() % 2) f.labels.insert(label);
    if (random_() % 2) f.resources["gpu"] = static_cast<std::int64_t>(random_() % 3) * 10'000;
    if (random_() % 3 == 0) f.functions = std::set<std::uint64_t>{0, random_() % 3};
    nodes_[f.id] = f;
    apply(placed_.joined(f, now_));
  }
  void leave() {
    if (nodes_.empty()) return;
    auto at = nodes_.begin();
    std::advance(at, pick(nodes_.size()));
    const node_id gone = at->first;
    nodes_.erase(at);
    for (auto it = sent_.begin(); it != sent_.end();)
      if (it->second.node == gone) {
        loose_.insert(it->first);
        old_.push_back(it->second);
        it = sent_.erase(it);
      } else ++it;
    apply(placed_.left(gone, now_));
  }
  offered_task some_task() {
    offered_task t = task(++number_);
    t.wants.function = random_() % 3;
    for (const char* label : {"a", "b", "c"})
      if (random_() % 5 == 0) t.wants.labels.insert(label);
    if (random_() % 6 == 0)
      t.wants.resources["gpu"] = static_cast<std::int64_t>(1 + random_() % 2) * 10'000;
    for (auto& [id, f] : nodes_)
      if (random_() % 4 == 0) t.bytes[id] = random_() % 4'000'000;
    t.must_leave = random_() % 4 == 0;
    t.may_wait = random_() % 2;
    return t;
  }
  void offer() {
    const auto t = some_task();
    tasks_[t.task] = {t, {}, {}};
    loose_.insert(t.task);
    apply(placed_.offer(t, now_));
  }
  void give() {
    if (here_.empty()) return;
    auto at = here_.begin();
    std::advance(at, pick(here_.size()));
    const auto id = at->first;
    here_.erase(at);
    given_.insert(id);  // its place in line is a new one
    const auto effects = placed_.give(tasks_.at(id).what, now_);
    loose_.insert(id);
    const auto all = all_of<send_task>(effects);
    if (std::none_of(all.begin(), all.end(), [&](auto& s) { return s.to.task == id; })) {
      loose_.erase(id);
      here_[id] = true;
    }
    apply(effects);
  }
  attempt take_sent() {
    auto at = sent_.begin();
    std::advance(at, pick(sent_.size()));
    const attempt a = at->second;
    sent_.erase(at);
    old_.push_back(a);
    return a;
  }
  void settle() {
    if (sent_.empty()) return;
    const attempt a = take_sent();
    tasks_.erase(a.task);
    const auto took = static_cast<std::int64_t>(random_() % 3 ? 100'000 : 50 * ms);
    apply(placed_.settled(a, took, random_() % 3, now_));
  }
  void hand_back() {
    if (sent_.empty()) return;
    const attempt a = take_sent();
    loose_.insert(a.task);
    if (random_() % 4 == 0) {
      lacks_.insert({a.node, tasks_[a.task].what.wants.function});
      apply(placed_.handed_back(a, reason::lacks_function, now_));
    } else {
      tasks_[a.task].avoids[a.node] = now_ + 100 * ms;
      apply(placed_.handed_back(a, reason::busy, now_));
    }
  }
  // What it needs has to be made again first.
  void hold_up() {
    if (sent_.empty()) return;
    const auto id = take_sent().task;
    apply(placed_.held_up(old_.back(), now_));
    auto again = tasks_.at(id).what;
    again.wants.room = random_() % 2 == 0;
    tasks_.at(id).what = again;
    loose_.insert(id);
    apply(placed_.offer(again, now_));
  }
  void kill() {
    if (sent_.empty() || random_() % 3) return;
    const attempt a = take_sent();
    tasks_[a.task].killed.push_back(nodes_.at(a.node).name);
    if (tasks_[a.task].killed.size() == 3) accused_[a.task] = now_ + placement::verdict_after;
    else loose_.insert(a.task);
    apply(placed_.killed(a, now_));
  }
  void acquit() {
    for (auto& [id, until] : std::exchange(accused_, {})) {
      tasks_[id].killed.pop_back();
      loose_.insert(id);
    }
    apply(placed_.acquit(now_));
  }
  void load() {
    if (nodes_.empty()) return;
    auto at = nodes_.begin();
    std::advance(at, pick(nodes_.size()));
    const std::size_t waiting = random_() % 3 == 0 ? random_() % 6 : 0;
    waiting_[at->first] = waiting;
    apply(placed_.load(at->first, random_() % 4, static_cast<unsigned>(random_() % 3), waiting,
                       now_));
  }
  void stale() {
    if (old_.empty()) return;
    const attempt a = old_[pick(old_.size())];
    const auto before = placed_.stale();
    switch (random_() % 3) {
      case 0: hold(placed_.settled(a, 1, 99, now_).empty(), "an old answer has no effect"); break;
      case 1: hold(placed_.handed_back(a, reason::busy, now_).empty(), "nor a return"); break;
      default: hold(placed_.killed(a, now_).empty(), "nor a death"); break;
    }
    hold(placed_.stale() == before + 1, "they are counted");
  }
  void forget_one(global_id id) {
    waits_.erase(id.number);
    here_.erase(id);
    accused_.erase(id);
    if (const auto at = sent_.find(id); at != sent_.end()) {
      old_.push_back(at->second);
      sent_.erase(at);
    }
    tasks_.erase(id);
    apply(placed_.forget(id, now_));
  }
  void forget() {
    if (tasks_.empty()) return;
    auto at = tasks_.begin();
    std::advance(at, pick(tasks_.size()));
    forget_one(at->first);
  }

  bool can(const node_facts& f, const needs& n) const {
    if (f.slots == 0 || lacks_.count({f.id, n.function})) return false;
    if (f.functions && !f.functions->count(n.function)) return false;
    for (auto& label : n.labels)
      if (!f.labels.count(label)) return false;
    for (auto& [name, amount] : n.resources)
      if (!f.resources.count(name) || f.resources.at(name) < amount) return false;
    return true;
  }
  bool own_may(const known& t) const { return !t.what.must_leave && can(own_, t.what.wants); }
  bool anyone_can(const needs& n) const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](auto& e) { return can(e.second, n); });
  }
  bool has_killed(const known& t, const node_facts& f) const {
    return std::find(t.killed.begin(), t.killed.end(), f.name) != t.killed.end();
  }
  // It may go there, if there is room.
  bool may_go(const known& t, const node_facts& f) const {
    if (!can(f, t.what.wants)) return false;
    const auto avoid = t.avoids.find(f.id);
    if (avoid != t.avoids.end() && avoid->second > now_) return false;
    const auto there =
        std::count_if(sent_.begin(), sent_.end(), [&](auto& e) { return e.second.node == f.id; });
    const auto waiting = waiting_.find(f.id);
    const bool all_wait =
        waiting != waiting_.end() && waiting->second >= static_cast<std::size_t>(there);
    if (!all_wait && !t.killed.empty() && std::any_of(sent_.begin(), sent_.end(), [&](auto& e) {
          return e.second.node == f.id && !(e.first == t.what.task) &&
                 !tasks_.at(e.first).killed.empty() &&
                 sent_at_.at(e.first) > now_ - placement::alone_for;
        }))
      return false;  // a suspect is there
    return !has_killed(t, f) || std::none_of(nodes_.begin(), nodes_.end(), [&](auto& e) {
      return can(e.second, t.what.wants) && !has_killed(t, e.second);
    });
  }

  void apply(const placings& effects) {
    for (auto& e : effects) {
      if (auto s = std::get_if<send_task>(&e)) {
        const auto& t = tasks_.at(s->to.task);
        hold(loose_.erase(t.what.task) + waits_.erase(t.what.task.number) == 1,
             "only who has no place is sent, once");
        hold(nodes_.count(s->to.node) && may_go(t, nodes_.at(s->to.node)), "to who can run it");
        hold(numbers_.insert(s->to.number).second, "each attempt has a number of its own");
        for (auto& [number, other] : waits_)
          hold(number > t.what.task.number || !(other == t.what.wants) ||
                   !may_go(tasks_.at({{1}, number}), nodes_.at(s->to.node)) ||
                   !t.what.bytes.empty() || given_.contains({{1}, number}),
               "nobody overtakes who needs the same and may go there");
        sent_[s->to.task] = s->to;
        sent_at_[s->to.task] = now_;
      } else if (auto h = std::get_if<run_here>(&e)) {
        const auto& t = tasks_.at(h->task);
        hold(loose_.erase(h->task) + waits_.erase(h->task.number) == 1,
             "who has no place runs here");
        hold(own_may(t), "if it may");
        hold(t.killed.empty() || !anyone_can(t.what.wants),
             "and who kills only if nobody else can");
        here_[h->task] = true;
      } else if (auto n = std::get_if<nobody_can>(&e)) {
        const auto& t = tasks_.at(n->task);
        hold(!own_may(t) && !anyone_can(t.what.wants) && !t.what.may_wait, "nobody can");
        for (auto& [id, f] : nodes_)
          hold(f.slots == 0 || std::any_of(n->why.begin(), n->why.end(),
                                           [node = id](auto& why) { return why.node == node; }),
               "and it is said what each lacks");
        loose_.erase(n->task);
        waits_.erase(n->task.number);
        tasks_.erase(n->task);
      } else {
        auto& p = std::get<poisoned_task>(e);
        hold(tasks_.at(p.task).killed == p.nodes && p.nodes.size() == 3, "the third is the last");
        hold(accused_.at(p.task) <= now_, "a second after it");
        accused_.erase(p.task);
        tasks_.erase(p.task);
      }
    }
    for (auto& id : loose_) {
      const auto& t = tasks_.at(id);
      hold(t.what.may_wait || anyone_can(t.what.wants), "who waits may hope");
      waits_[id.number] = t.what.wants;
    }
    loose_.clear();
    hold(placed_.waiting() == waits_.size(), "those without effect wait");
    placed_.check();
    const auto idle = placed_.taker();
    for (auto& [number, wants] : waits_)
      hold(!idle || !may_go(tasks_.at({{1}, number}), nodes_.at(*idle)),
           "nobody waits for a node that has room");
  }

  std::mt19937_64 random_;
  node_facts own_;
  placement placed_;
  std::int64_t now_ = 0;
  std::uint64_t number_ = 0, next_node_ = 0;
  std::map<node_id, node_facts> nodes_;
  std::set<std::pair<node_id, std::uint64_t>> lacks_;
  std::map<node_id, std::size_t> waiting_;  // tasks there, as it has said
  std::map<global_id, known> tasks_;
  std::set<global_id> loose_;             // have no place before the effects
  std::map<std::uint64_t, needs> waits_;  // by their numbers: the order of their offers
  std::map<global_id, attempt> sent_;
  std::map<global_id, std::int64_t> sent_at_;
  std::map<global_id, bool> here_;
  std::map<global_id, std::int64_t> accused_;  // until when
  std::set<global_id> given_;
  std::vector<attempt> old_;
  std::set<std::uint64_t> numbers_;
};
}  // namespace

TEST_CASE("whatever happens, each task is in one place, in its turn, where it can run") {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    watched_placement p(seed);
    for (int i = 0; i < 400; ++i) p.step();
    p.drain();
  }
}

TEST_CASE("what can run here does, until it is given away") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1), 0);
  auto effects = p.offer(task(1), 0);
  CHECK(all_of<run_here>(effects).size() == 1);
  CHECK(p.known() == 0);
  CHECK(p.taker() == node_id{2});
  CHECK(sent(p.give(task(1), 0)).node == node_id{2});
}

TEST_CASE("a node is given one long task to wait for each slot, or 2 ms of short ones") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 4), 0);
  CHECK(p.window_of({2}) == 8);
  std::uint64_t n = 0;
  attempt last;
  std::vector<attempt> all;
  const auto fill = [&] {
    while (p.taker()) all.push_back(last = sent(p.give(task(++n), 0)));
  };
  fill();
  CHECK(p.sent_to({2}) == 8);
  CHECK(p.give(task(++n), 0).empty());
  (void)p.settled(last, 100'000, 3, 0);
  CHECK(p.window_of({2}) == 4 + 4 * 20);
  fill();
  CHECK(p.sent_to({2}) == 84);
  (void)p.settled(last, 1, 83, 0);  // the average moves by an eighth
  CHECK(p.window_of({2}) == 4 + 4 * 2'000'000 / 87'501);
  for (int i = 0; i < 100; ++i) (void)p.settled(sent(p.give(task(++n), 0)), 1, 0, 0);
  CHECK(p.window_of({2}) == 1024);
  for (auto& a : all) (void)p.settled(a, 50 * ms, 0, 0);
  CHECK(p.window_of({2}) == 8);
}

TEST_CASE("tasks of others fill a node's window too") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 2), 0);
  (void)p.load({2}, 2, 0, 0, 0);
  CHECK(!p.taker());
  (void)p.load({2}, 0, 1, 0, 0);
  CHECK(p.taker() == node_id{2});
}

TEST_CASE("a task goes to its arguments, if that saves more than the way and the wait there") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1), 0);
  auto t = task(1);
  t.bytes = {{{2}, 100'000}};  // 200 us: not more than the way
  CHECK(all_of<run_here>(p.offer(t, 0)).size() == 1);
  t.bytes = {{{2}, 100'001}};
  CHECK(sent(p.offer(t, 0)).node == node_id{2});
  auto u = task(2);
  u.bytes = {{{2}, 1'000'000}};  // 2 ms, and one runs there: 2 ms as far as is known
  CHECK(all_of<run_here>(p.offer(u, 0)).size() == 1);
  u.bytes = {{{2}, 1'200'000}};
  CHECK(sent(p.offer(u, 0)).node == node_id{2});
  auto v = task(3);
  v.bytes = {{{2}, 50'000'000}, {{1}, 49'000'000}};
  CHECK(all_of<run_here>(p.offer(v, 0)).size() == 1);
}

TEST_CASE("what the own node lacks waits in line for one that can, in the order offered") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1, {"gpu"}), 0);
  const auto a = sent(p.offer(task(1, {"gpu"}), 0));
  (void)sent(p.offer(task(2, {"gpu"}), 0));
  CHECK(p.offer(task(3, {"gpu"}), 0).empty());
  CHECK(p.offer(task(4, {"gpu"}), 0).empty());
  CHECK(p.waiting() == 2);
  CHECK(sent(p.settled(a, 10 * ms, 0, 0)).task.number == 3);
  CHECK(p.settled(a, 10 * ms, 0, 0).empty());
  CHECK(p.stale() == 1);
  CHECK(sent(p.joined(facts(3, 1, {"gpu"}), 0)).task.number == 4);
}

TEST_CASE("nobody can, because of these, unless the task may wait for nodes to come") {
  placement p(facts(1, 2));
  auto f = facts(2, 1, {"ssd"});
  f.resources["gpu"] = 10'000;
  f.functions = std::set<std::uint64_t>{7};
  (void)p.joined(f, 0);
  auto t = task(1, {"ssd"});
  t.wants.resources["gpu"] = 20'000;
  const auto no = all_of<nobody_can>(p.offer(t, 0));
  REQUIRE(no.size() == 1);
  using kind = lack::kind;
  CHECK(no[0].why == std::vector<lack>{{{1}, "n1", kind::label, "ssd", 0, 0},
                                       {{1}, "n1", kind::resource, "gpu", 20'000, 0},
                                       {{2}, "n2", kind::resource, "gpu", 20'000, 10'000},
                                       {{2}, "n2", kind::function, "", 0, 0}});
  t.may_wait = true;
  CHECK(p.offer(t, 0).empty());
  f = facts(3, 1, {"ssd"});
  f.resources["gpu"] = 20'000;
  CHECK(sent(p.joined(f, 0)).node == node_id{3});
}

TEST_CASE("who hands a task back is not sent it again for 100 ms; who lacks its function, never") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1, {"gpu"}), 0);
  const auto a = sent(p.offer(task(1, {"gpu"}), 0));
  CHECK(p.handed_back(a, reason::busy, 5 * ms).empty());
  CHECK(p.next_tick() == 105 * ms);
  CHECK(p.tick(104 * ms).empty());
  const auto b = sent(p.tick(105 * ms));
  CHECK(b.number != a.number);
  CHECK(p.handed_back(a, reason::busy, 105 * ms).empty());
  CHECK(p.sent_to({2}) == 1);
  const auto no = all_of<nobody_can>(p.handed_back(b, reason::lacks_function, 106 * ms));
  REQUIRE(no.size() == 1);
  CHECK(no[0].why.back().what == lack::kind::function);
}

TEST_CASE("a task that kills its nodes is tried on another, and the third is the last") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1), 0);
  (void)p.joined(facts(3, 1), 0);
  const auto a = sent(p.give(task(1), 0));
  const auto b = sent(p.killed(a, 0));
  CHECK(b.node != a.node);
  CHECK(p.left(a.node, 0).empty());
  auto again = facts(4, 4);
  again.name = a.node == node_id{2} ? "n2" : "n3";
  (void)p.joined(again, 0);
  const auto c = sent(p.killed(b, 0));  // it has killed both: either of them
  CHECK(p.killed(c, 0).empty());
  const auto d = sent(p.acquit(900 * ms));  // another node has died, too
  CHECK(p.killed(d, 900 * ms).empty());
  CHECK(p.next_tick() == 1900 * ms);
  const auto end = all_of<poisoned_task>(p.tick(1900 * ms));
  REQUIRE(end.size() == 1);
  CHECK(end[0].nodes.size() == 3);
  CHECK(p.known() == 0);
}

TEST_CASE("a node that comes again as the same was not killed by anything") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1, {"gpu"}), 0);
  auto stays = task(1, {"gpu"});
  stays.may_wait = true;
  auto last = sent(p.offer(stays, 0));
  for (int i = 0; i < 5; ++i) {  // its link is cut again and again
    (void)p.retired({2}, i * ms);
    CHECK(p.killed(last, i * ms).empty());
    (void)p.left({2}, i * ms);
    last = sent(p.joined(facts(2, 1, {"gpu"}), i * ms));
  }
}

TEST_CASE("what was at a node that left is placed again, and its answers are stale") {
  placement p(facts(1, 2));
  (void)p.joined(facts(2, 1), 0);
  const auto a = sent(p.give(task(1), 0));
  CHECK(all_of<run_here>(p.left({2}, 0)).size() == 1);
  CHECK(p.settled(a, 1, 0, 0).empty());
  CHECK(p.stale() == 1);
  (void)p.forget(a.task, 0);
  CHECK(p.known() == 0);
}

TEST_CASE("who waits for a node to come waits as long as there is hope") {
  placement p(facts(1, 2));
  auto t = task(1);
  t.must_leave = t.may_wait = true;
  CHECK(p.offer(t, 0).empty());
  REQUIRE(p.hoping().size() == 1);
  CHECK(p.waiting() == 1);
  CHECK(all_of<nobody_can>(p.give_up(p.hoping()[0])).size() == 1);
  CHECK(p.known() == 0);
  CHECK(p.hoping().empty());
  (void)p.joined(facts(2, 1), 0);
  for (std::uint64_t n = 2; n < 5; ++n) {
    auto other = task(n);
    other.must_leave = other.may_wait = true;
    (void)p.offer(other, 0);
  }
  CHECK(p.waiting() > 0);  // for room, not for a node
  CHECK(p.hoping().empty());
}
