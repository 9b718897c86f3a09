// SPDX-License-Identifier: MIT
#include "seeing/inspector.hpp"

#include "actors/client.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/wait.hpp"

#include <pthread.h>
#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>

#include <algorithm>
#include <map>
#include <system_error>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace troupe::detail {

namespace {
using namespace std::chrono_literals;
constexpr auto look_every = 200ms, look_again = 50ms;
constexpr int rest_per_look = 100;  // times as long as a look has taken
constexpr std::size_t most_told = 16;

// A clock ends it, or whoever lets submits in.
bool ends_by_itself(wait_kind k) {
  switch (k) {
    case wait_kind::bound:
    case wait_kind::sleep:
    case wait_kind::back_off:
    case wait_kind::limit:
    case wait_kind::deadline: return true;
    default: return false;
  }
}
auto identity(const seen_wait& w, std::uint64_t on) {
  return std::tuple(w.is, w.place, w.number, w.what, on);
}
using identities = std::vector<decltype(identity(std::declval<seen_wait>(), 0))>;
}  // namespace

std::uint64_t census::on(const seen_wait& w) const {
  if (!w.what) return w.on;
  const auto found = makers.find(w.what);
  return found == makers.end() ? 0 : found->second.get()->id();
}

// ---- a survey -----------------------------------------------------------------------------------

census inspector::take(const await& how, bool at_rest) {
  const auto& shards = domain_.shards();
  const auto streams = domain_.streams().handles();
  const auto hosts = domain_.hosts().handles();
  std::vector<survey_part> parts(shards.size() + 3 + streams.size() + hosts.size());
  std::size_t answers = shards.size() + 1 + streams.size() + hosts.size();
  if (domain_.admission()) ++answers;
  if (domain_.bound_gate()) ++answers;
  const auto ask_all = [&](caf::abstract_actor* me) {
    auto part = parts.begin();
    const auto one = [&](auto& actor) {
      const survey_msg m{&*part++, me};
      if (me) actor.tell(m);
      else actor.handle_at_rest(m);
    };
    for (auto& s : shards) one(*s.resolver);
    one(domain_.clock().actor());
    if (auto a = domain_.admission()) one(*a);
    if (auto g = domain_.bound_gate()) one(g->actor());
    for (auto& s : streams)
      one(*static_cast<stream_actor*>(caf::actor_cast<caf::abstract_actor*>(s)));
    for (auto& h : hosts) one(*static_cast<host_actor*>(caf::actor_cast<caf::abstract_actor*>(h)));
  };
  if (at_rest) ask_all(nullptr);
  else how(answers, [&](caf::abstract_actor& me) { ask_all(&me); });
  census c;
  for (auto& p : parts) {
    std::move(p.waits.begin(), p.waits.end(), std::back_inserter(c.waits));
    c.records.merge(p.records);
    std::move(p.holders.begin(), p.holders.end(), std::back_inserter(c.holders));
  }
  std::vector<object*> objects;
  for (auto& [o, hold] : c.records) objects.push_back(o);
  ask_makers(c, objects, how, at_rest);
  return c;
}

// Precondition: their records are held.
void inspector::ask_makers(census& c, const std::vector<object*>& objects, const await& how,
                           bool at_rest) {
  std::map<shard*, survey_part> by_shard;
  for (object* o : objects) {
    shard& s = shard_of(*o);
    if (s.inside == &domain_) by_shard[&s].makers.push_back({o});
  }
  if (at_rest) {
    for (auto& [s, part] : by_shard) s->store->handle_at_rest(survey_msg{&part, nullptr});
  } else if (!by_shard.empty()) {
    how(by_shard.size(), [&](caf::abstract_actor& me) {
      for (auto& [s, part] : by_shard) s->store->tell(survey_msg{&part, &me});
    });
  }
  for (auto& [s, part] : by_shard)
    for (auto& m : part.makers)
      if (m.who) c.makers.emplace(m.what, std::move(m.who));
}

// ---- rings --------------------------------------------------------------------------------------

wait_graph::verdict inspector::rings_in(const census& c,
                                        std::vector<const seen_wait*>& tags) const {
  struct waiter {
    std::uint32_t some = 0, missing = 0, to_spare = 0;
    bool goes_on = false;
  };
  std::map<std::uint64_t, waiter> all;
  for (auto& w : c.waits) {
    waiter& one = all[w.who.get()->id()];
    const task& t = *w.who.get();
    // (A call that has settled in line keeps its place there.)
    if (ends_by_itself(w.is) || w.over || (t.asked_to_end() && !t.family().settled.load()))
      one.goes_on = true;
    if (w.is == wait_kind::some) {
      ++one.some;
      one.missing = w.to_spare;
    } else one.to_spare = std::max(one.to_spare, w.to_spare);
  }
  wait_graph g;
  for (auto& [id, w] : all)
    if (!w.goes_on) g.waits(id, w.some > w.missing ? w.some - w.missing : w.to_spare);
  if (auto a = domain_.admission())
    for (std::uint32_t r = 0; r < domain_.options().resources.size(); ++r)
      g.has(r, a->core().ledger().total(r));
  for (auto& h : c.holders)
    if (h.amount > 0) g.holds(h.who, h.resource, h.amount);
  for (auto& w : c.waits) {
    const std::uint64_t id = w.who.get()->id();
    if (all.at(id).goes_on) continue;
    const auto tag = static_cast<std::uint32_t>(tags.size());
    tags.push_back(&w);
    if (w.is == wait_kind::resource) g.asks(id, w.resource, w.amount, tag);
    else g.waits_on(id, c.on(w), tag);
  }
  return g.rings();
}

// Whether all of them were stuck in the same waits then. One that needs all that it waits for is stuck
// as long as one of those is; others, only by all of them.
bool inspector::is_same(const census& then, const census& now,
                        const std::vector<std::uint64_t>& stuck) {
  const std::unordered_set<std::uint64_t> all(stuck.begin(), stuck.end());
  struct both {
    identities then, now;
    bool needs_all = true, held = false;
  };
  std::unordered_map<std::uint64_t, both> waits;
  for (auto& w : then.waits)
    if (all.contains(w.who.get()->id()))
      waits[w.who.get()->id()].then.push_back(identity(w, then.on(w)));
  for (auto& [who, b] : waits) std::sort(b.then.begin(), b.then.end());
  for (auto& w : now.waits) {
    if (!all.contains(w.who.get()->id())) continue;
    both& b = waits[w.who.get()->id()];
    const auto is = identity(w, now.on(w));
    b.now.push_back(is);
    b.needs_all =
        b.needs_all && w.to_spare == 0 && w.is != wait_kind::some && w.is != wait_kind::resource;
    b.held =
        b.held || (all.contains(now.on(w)) && std::binary_search(b.then.begin(), b.then.end(), is));
  }
  return std::all_of(stuck.begin(), stuck.end(), [&](std::uint64_t who) {
    const auto found = waits.find(who);
    if (found == waits.end()) return false;
    both& b = found->second;
    if (b.needs_all) return b.held;
    std::sort(b.now.begin(), b.now.end());
    return b.then == b.now;
  });
}

std::string inspector::tell(const wait_graph::ring& r, const census& c,
                            const std::vector<const seen_wait*>& tags) const {
  std::string text = "a ring of waits: ";
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (r.size() > most_told && i == most_told / 2) {
      text += std::to_string(r.size() - most_told) + " more ...; ";
      i = r.size() - most_told / 2;
    }
    const seen_wait& w = *tags[r[i].tag];
    text += "'" + std::string(w.who.get()->name_of_task()) + "' waits for " + words(c, w);
    if (w.is == wait_kind::resource)
      text += ", which '" + c.name_of(r[i].on) + "' holds or asks for before it";
    if (w.at.line != 0)
      text += " (" + std::string(w.at.file) + ":" + std::to_string(w.at.line) + ")";
    text += i + 1 < r.size() ? "; " : "";
  }
  return text;
}

// First all are marked, so that none ends as a descendant of another. What it tells of must not be let
// go before they have heard of it.
void inspector::accuse(const census& c, const wait_graph::verdict& v,
                       const std::vector<const seen_wait*>& tags, bool at_rest) {
  std::vector<std::shared_ptr<const std::string>> texts;
  for (auto& r : v.rings) texts.push_back(std::make_shared<std::string>(tell(r, c, tags)));
  std::map<std::uint64_t, task*> members;
  for (auto& w : c.waits)
    if (task* t = w.who.get(); v.members.contains(t->id()) && !t->family().settled.load())
      members.emplace(t->id(), t);
  {
    std::lock_guard guard{stories_mutex_};
    for (auto& [id, t] : members) stories_[id] = texts[v.members.at(id)];
  }
  for (auto& [id, t] : members)
    if (!t->family().ask(kin::ring)) forget(*t);  // it is to end for another reason by now
  const auto tell_all = [&](caf::abstract_actor* me) {
    for (auto& [id, t] : members)
      shard_of(*t->out()).store->tell(cancel_msg{.o = t->out(), .in_ring = true, .who = me});
  };
  if (at_rest) tell_all(nullptr);
  else if (!members.empty())
    own_way()(members.size(), [&](caf::abstract_actor& me) { tell_all(&me); });
}

std::string inspector::story_of(const task& t) {
  std::lock_guard guard{stories_mutex_};
  const auto found = stories_.find(t.id());
  return "task '" + std::string(t.name_of_task()) + "' is in " +
         (found == stories_.end() ? "a ring of waits" : *found->second);
}
void inspector::forget(const task& t) {
  std::lock_guard guard{stories_mutex_};
  stories_.erase(t.id());
}

// How many waits there are.
std::size_t inspector::look_once() {
  census now = take(own_way());
  note(now);
  std::vector<const seen_wait*> tags;
  auto v = rings_in(now, tags);
  const std::size_t waits = now.waits.size();
  if (v.rings.empty()) {
    suspects_.reset();
    return waits;
  }
  wait_graph::verdict certain;
  bool open = false;
  for (std::size_t i = 0; i < v.rings.size(); ++i) {
    if (!suspects_ || !is_same(*suspects_, now, v.because[i])) open = true;
    else {
      for (auto& [who, place] : v.members)
        if (place == i) certain.members.emplace(who, certain.rings.size());
      certain.rings.push_back(v.rings[i]);
    }
  }
  if (!certain.rings.empty()) accuse(now, certain, tags, false);
  suspects_ = open ? std::make_unique<census>(std::move(now)) : nullptr;
  return waits;
}

bool inspector::look_at_rest() {
  if (looking_) return false;
  std::size_t told = waits_begun_;
  for (auto& s : domain_.shards()) {
    const auto& counts = s.resolver->core().graph().counts();
    told += counts.awaited + counts.answered;
  }
  told += domain_.total(&books::submitted) + domain_.total(&books::settled);
  if (told == std::exchange(told_, told)) return false;
  const census c = take({}, true);
  std::vector<const seen_wait*> tags;
  const auto v = rings_in(c, tags);
  if (v.rings.empty()) return false;
  accuse(c, v, tags, true);
  return true;
}

bool inspector::look() {
  if (looking_ || stopped_) return false;
  looking_ = true;
  (void)look_once();
  looking_ = false;
  return true;
}

// ---- its thread ---------------------------------------------------------------------------------

inspector::await inspector::own_way() {
  return [this](std::size_t answers, const ask& ask) {
    if (!own_) {
      caf::actor_config cfg;
      own_ = caf::make_actor<client, caf::actor>(domain_.system().next_actor_id(),
                                                 domain_.system().node(), &domain_.system(), cfg);
    }
    auto& me = *static_cast<client*>(caf::actor_cast<caf::abstract_actor*>(own_));
    me.arrivals.begin(static_cast<std::int32_t>(answers), countdown::free);
    ask(me);
    if (domain_.at_once()) me.block(nullptr);
    else
      while (!me.arrivals.due()) (void)domain_.step_alone(0);
  };
}

// Without a thread nobody looks, until there is one.
void inspector::start() noexcept {
  if (!domain_.at_once()) {
    ++waits_begun_;
    return;
  }
  std::lock_guard guard{mutex_};
  if (awake_.exchange(true) || stopped_) return;
  rung_ = true;
  if (!thread_.joinable()) {
    running_.store(true);
    try {
      thread_ = std::thread([this] {
        loop();
        running_.store(false);
      });
    } catch (const std::system_error&) {
      running_.store(false);
      awake_.store(false);
    }
  }
  bell_.notify_one();
}

void inspector::loop() {
  pthread_setname_np(pthread_self(), "troupe.inspect");
  std::chrono::nanoseconds rest = look_every;
  for (;;) {
    {
      std::unique_lock guard{mutex_};
      if (!awake_.load()) bell_.wait(guard, [this] { return rung_ || stopped_; });
      rung_ = false;
      if (bell_.wait_for(guard, rest, [this] { return stopped_; })) return;
    }
    const auto began = std::chrono::steady_clock::now();
    std::size_t waits = look_once();
    if (waits == 0) {  // whoever waits from now on wakes it; who was about to wait is seen soon
      awake_.store(false);
      (void)seat::tidy();
      {
        std::unique_lock guard{mutex_};
        if (bell_.wait_for(guard, look_every, [this] { return stopped_; })) return;
      }
      if ((waits = look_once()) > 0) awake_.store(true);
    }
    const auto took = std::chrono::steady_clock::now() - began;
    rest = suspects_ ? std::max<std::chrono::nanoseconds>(look_again, 2 * took)
                     : std::max<std::chrono::nanoseconds>(look_every, rest_per_look * took);
  }
}

void inspector::ask_to_stop() {
  std::lock_guard guard{mutex_};
  stopped_ = true;
  bell_.notify_one();
}

void inspector::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
  suspects_.reset();
  own_ = nullptr;
}

}  // namespace troupe::detail
