// SPDX-License-Identifier: MIT
#include "testing/invariants.hpp"

#include "actors/client.hpp"
#include "actors/task.hpp"

#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::testing::detail {

namespace {
using namespace troupe::detail;

void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// f(who, the object; null: something else)
template <class F> void each_wait(domain& d, F f) {
  for (auto& s : d.shards())
    s.resolver->core().graph().each([&](const edge& e) {
      auto& w = static_cast<const waiter&>(e);
      auto set = dynamic_cast<const wait_set*>(w.who);
      f(set ? set->owner() : w.who, &w.awaited());
    });
  d.clock().actor().core().all().each(
      [&](const timer& t) { f(static_cast<const sleeper&>(t).who, nullptr); });
  d.streams().each([&](const stream_channel& c) {
    c.actor->core().each_wait([&](caf::abstract_actor* who) { f(who, nullptr); });
  });
  if (auto a = d.admission())
    a->core().ledger().each(
        [&](const resource_ask& r) { f(static_cast<const resource_wait&>(r).who, nullptr); });
  if (auto g = d.bound_gate())
    g->actor().core().waiting().each(
        [&](const entry& e) { f(static_cast<const entrance&>(e).who, nullptr); });
  d.hosts().each([&](const host& h) {
    h.actor->core().line().each_waiting(
        [&](const turn& t) { f(static_cast<const actor_turn&>(t).who, nullptr); });
  });
}

struct sums {
  object_table::counters store;
  task_graph::counters graph;
  std::size_t unburied = 0;  // of those gone: their store has not come to it yet
};

sums add_up(domain& d) {
  sums all;
  for (auto& s : d.shards()) {
    s.store->core().table().check();
    s.resolver->core().graph().check();
    const auto& t = s.store->core().table().counts();
    all.store.puts += t.puts;
    all.store.drops += t.drops;
    all.store.gone += t.gone;
    all.unburied += s.store->core().unburied();
    const auto& g = s.resolver->core().graph().counts();
    all.graph.awaited += g.awaited;
    all.graph.answered += g.answered;
  }
  d.clock().actor().core().all().check();
  d.streams().each([](const stream_channel& c) { c.actor->core().buffer().check(); });
  if (auto a = d.admission()) a->core().ledger().check();
  if (auto g = d.bound_gate()) g->actor().core().waiting().check();
  d.hosts().each([](const host& h) { h.actor->core().line().check(); });
  return all;
}

// Nothing is runnable: what is held, a body holds; and who is asked for it knows that.
void check_holders(domain& d, const history& seen, const std::unordered_set<const void*>& waiting) {
  const auto& counts = seen.counts();
  std::vector<std::int64_t> in_use(d.options().resources.size());
  seen.each_unended([&](const troupe::detail::task* t, std::uint32_t number) {
    auto asks = t->asks();
    if (!asks || asks->is != resource_ask::state::held) return;
    if (!seen.is_in_body(number))
      throw std::logic_error(seen.name(number) + " holds resources, and its body does not run");
    for (const auto& p : asks->parts) in_use[p.name] += p.amount;
  });
  if (auto a = d.admission())
    for (std::uint32_t i = 0; i < in_use.size(); ++i)
      hold(a->core().ledger().in_use(i) == in_use[i], "what is in use, a task holds");
  std::size_t constructors = 0;
  seen.each_unended([&](const troupe::detail::task* t, std::uint32_t) {
    constructors += t->is_constructor() && !t->family().settled.load() ? 1 : 0;
  });
  if (auto g = d.bound_gate())
    hold(g->actor().core().waiting().tasks() == counts.submitted - counts.settled - constructors,
         "the gate counts the tasks that have not settled");
  d.waiting().each([&](const kin& k) {
    hold(waiting.contains(static_cast<const caf::abstract_actor*>(
             &troupe::detail::task::of(const_cast<kin&>(k)))),
         "who stands in the roster waits");
  });
  seen.each_unended([&](const troupe::detail::task* t, std::uint32_t number) {
    const bool only_leaves = t->turn_of_call() && t->family().settled.load();  // in line, to end
    if (t->family().up() && t->family().place == kin::nowhere && !only_leaves)
      throw std::logic_error(seen.name(number) +
                             " waits, and a cancel of its parent would not find it");
  });
}

// Nothing is runnable: turns are held by bodies that have not ended, and who is in line waits there.
void check_hosts(domain& d, const history& seen) {
  std::unordered_map<const hosted*, std::size_t> begun, waiting;
  seen.each_unended([&](const troupe::detail::task* t, std::uint32_t number) {
    auto turn = t->turn_of_call();
    if (!turn || turn->is == turn::state::idle) return;
    if (turn->is == turn::state::waiting) ++waiting[turn->of];
    else ++begun[turn->of];
    if (turn->is == turn::state::held && !t->family().settled.load() && !seen.is_in_body(number))
      throw std::logic_error(seen.name(number) +
                             " has its actor's turn, and its body does not run");
  });
  d.hosts().each([&](const host& h) {
    auto& line = h.actor->core().line();
    hold(h.actor->at_rest(), "an actor's host has messages, and no turn: it was not scheduled");
    hold(line.begun() <= begun[&h],
         "an actor's turn is held by nobody");  // (others have given it back)
    hold(line.waiting() == waiting[&h], "an actor's line knows who waits in it");
    hold(h.handles.load() > 0 || h.actor->core().being_made() ||
             line.begun() + line.waiting() > 0 || seen.counts().ended != seen.counts().submitted,
         "an actor without handles that nobody waits for is over");
  });
}

// Nothing is runnable: so every message has been handled, and who has not ended waits.
void check_quiet(domain& d, const history& seen, const sums& all) {
  for (auto& s : d.shards())
    hold(s.store->at_rest() && s.resolver->at_rest(),
         "a store or resolver has messages, and no turn: it was not scheduled");
  hold(d.clock().actor().at_rest(), "the clock has messages, and no turn: it was not scheduled");
  if (auto a = d.admission()) {
    hold(a->at_rest(), "the admission has messages, and no turn: it was not scheduled");
  }
  if (auto g = d.bound_gate()) {
    hold(g->actor().at_rest(), "the gate has messages, and no turn: it was not scheduled");
  }
  d.streams().each([](const stream_channel& c) {
    hold(c.actor->at_rest(), "a stream has messages, and no turn: it was not scheduled");
  });
  hold(all.store.puts == seen.counts().settled + seen.counts().puts,
       "messages to the stores: puts = settled tasks + parts of tuples + puts of the program");
  std::unordered_set<const void*> waiting;
  each_wait(d, [&](caf::abstract_actor* who, const object* what) {
    hold(!what || !what->present,
         "who waits for an object that is there is told: a message is lost");
    waiting.insert(who);
    if (seen.counts().ended == seen.counts().submitted)
      hold(dynamic_cast<const client*>(who) != nullptr,
           "no wait is left over when all tasks have ended");
  });
  seen.each_unended([&](const troupe::detail::task* t, std::uint32_t number) {
    if (!waiting.contains(static_cast<const caf::abstract_actor*>(t)))
      throw std::logic_error(seen.name(number) +
                             " has not ended, and waits for nothing: a message is lost");
  });
  hold(d.streams().all_finished() || seen.counts().ended != seen.counts().submitted,
       "no stream is open when all tasks have ended");
  check_holders(d, seen, waiting);
  check_hosts(d, seen);
}
}  // namespace

void check_invariants(domain& d, const history& seen) {
  if (!seen.broken().empty()) throw std::logic_error(seen.broken());
  const sums all = add_up(d);
  const auto& counts = seen.counts();
  hold(d.total(&books::submitted) == counts.submitted,
       "the count of submitted tasks is that of the history");
  hold(d.total(&books::settled) == counts.settled,
       "the count of settled tasks is that of the history");
  hold(d.total(&books::ended) == counts.ended, "the count of ended tasks is that of the history");
  std::size_t unsettled = 0;
  seen.each_unended([&](const troupe::detail::task* t, std::uint32_t) {
    unsettled += t->family().settled.load() ? 0 : 1;
  });
  hold(counts.submitted == counts.settled + unsettled, "tasks submitted = settled + unsettled");
  std::size_t open = 0;
  for (auto& s : d.shards()) s.resolver->core().graph().each([&](const edge&) { ++open; });
  hold(all.graph.awaited == all.graph.answered + open,
       "edges awaited = readiness messages + open edges");
  hold(counts.ended <= counts.settled && counts.settled <= counts.submitted,
       "no more tasks have ended than settled, or settled than were submitted");
  hold(all.graph.answered <= all.graph.awaited, "waits are answered once");
  hold(all.store.puts <= counts.settled + counts.puts, "an object is put once");
  const std::size_t made = d.total(&books::made);
  hold(made == counts.made && all.store.gone == counts.gone + all.unburied,
       "the counts of objects made and gone are those of the history");
  hold(made == all.store.gone + seen.objects() - all.unburied, "objects made = gone + alive");
  hold(all.store.puts <= made, "no more objects are put than were made");
  if (d.runnable() == 0 && !seat::mine().running) check_quiet(d, seen, all);
}

void check_all_over() {
  auto& s = seat::mine();
  s.gone.tell([&s](kin* k) { troupe::detail::task::free_block_of(k, s); });
  hold(!kin::any_standing(), "what was asked to end is gone in the end");
}

}  // namespace troupe::testing::detail
