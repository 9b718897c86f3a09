// SPDX-License-Identifier: MIT
#include "graph/placement.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::int64_t worth_waiting = 2'000'000;  // ns of short tasks that may wait at a node
constexpr std::size_t most_window = 1024, most_there = 4 * most_window;
constexpr std::int64_t handing_over = 200'000;  // ns that a task's way to a node may cost
constexpr std::int64_t avoid_for = 100'000'000;
constexpr std::int64_t longest = std::int64_t{1} << 52;

// At 500 MB/s.
std::int64_t time_to_move(std::uint64_t bytes) {
  return bytes > longest / 2 ? longest : static_cast<std::int64_t>(2 * bytes);
}
std::uint64_t bytes_at(const offered_task& t, node_id n) {
  const auto found = t.bytes.find(n);
  return found == t.bytes.end() ? 0 : found->second;
}
std::uint64_t bytes_in_all(const offered_task& t) {
  std::uint64_t sum = 0;
  for (auto& [node, bytes] : t.bytes) sum += bytes;
  return sum;
}
}  // namespace

bool has_all(const node_facts& has, const needs& n) {
  if (!std::includes(has.labels.begin(), has.labels.end(), n.labels.begin(), n.labels.end()))
    return false;
  return std::all_of(n.resources.begin(), n.resources.end(), [&](const auto& wanted) {
    const auto found = has.resources.find(wanted.first);
    return found == has.resources.end() ? wanted.second <= 0 : wanted.second <= found->second;
  });
}

// Short tasks: as many as it takes 2 ms to run; long ones: one for each slot, beside those that run.
// Nothing is known of a new node: as if its tasks were long.
std::size_t placement::node::window() const {
  const std::int64_t slots = facts.slots, average = service > 0 ? service : worth_waiting;
  const auto window = static_cast<std::size_t>(slots + slots * worth_waiting / average);
  return std::max<std::size_t>(std::min(window, most_window), 2 * std::size_t{facts.slots});
}

std::int64_t placement::node::wait() const {
  if (there() < facts.slots) return 0;
  const std::int64_t average = service > 0 ? service : worth_waiting;
  const auto before = static_cast<std::int64_t>(there() - facts.slots + 1);
  return std::min(average, longest / before) * before / std::max(1u, facts.slots);
}

// Some of ours may be on their way and not in its count: too few others until it says more.
void placement::node::queue_is(std::size_t queue) {
  const std::size_t busy = facts.slots;
  if (queue > 0) others = queue + busy - std::min(queue + busy, ours.size());
  else others = std::min(others, busy - std::min(busy, ours.size()));
}

bool placement::node::can(const needs& n) const {
  if (facts.slots == 0 || lacking.count(n.function) != 0) return false;
  if (facts.functions && facts.functions->count(n.function) == 0) return false;
  return has_all(facts, n);
}

void placement::node::add_lacks(const needs& n, std::vector<lack>& to) const {
  const auto add = [&](lack::kind what, const std::string& name, std::int64_t wanted,
                       std::int64_t has) {
    to.push_back({facts.id, facts.name, what, name, wanted, has});
  };
  for (auto& label : n.labels)
    if (facts.labels.count(label) == 0) add(lack::kind::label, label, 0, 0);
  for (auto& [name, wanted] : n.resources) {
    const auto found = facts.resources.find(name);
    const std::int64_t has = found == facts.resources.end() ? 0 : found->second;
    if (wanted > has) add(lack::kind::resource, name, wanted, has);
  }
  if (lacking.count(n.function) != 0 || (facts.functions && !facts.functions->count(n.function)))
    add(lack::kind::function, {}, 0, 0);
}

bool placement::record::restricted(time now) const {
  return !killed.empty() ||
         std::any_of(avoids.begin(), avoids.end(), [&](auto& a) { return a.second > now; });
}

placings placement::joined(node_facts facts, time now) {
  placings out;
  const node_id id = facts.id;
  if (id == own_.facts.id) return out;
  nodes_.try_emplace(id, node{std::move(facts), {}, 0, 0, 0, {}});
  std::vector<record*> cleared;
  for (auto& [task, r] : tasks_)
    if (std::erase_if(r.killed, [&](auto& k) { return k.first == id; }) > 0 &&
        r.is == state::accused)
      cleared.push_back(&r);
  std::sort(cleared.begin(), cleared.end(), [](auto* a, auto* b) { return a->order < b->order; });
  for (record* r : cleared) {
    discharge(*r);
    place(*r, out, now);
  }
  pump(out, now);
  return out;
}

placings placement::retired(node_id id, time now) {
  placings out;
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return out;
  found->second.facts.slots = 0;
  refuse_stuck(out);
  pump(out, now);
  return out;
}

placings placement::left(node_id id, time now) {
  placings out;
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return out;
  const ordered lost = std::move(found->second.ours);
  nodes_.erase(found);
  for (auto& [order, r] : lost) place(*r, out, now);
  refuse_stuck(out);
  pump(out, now);
  return out;
}

placings placement::offer(offered_task t, time now) {
  placings out;
  record& r = remember(std::move(t));
  if (!own_may(r) || !r.killed.empty()) place(r, out, now);
  else if (node* n = r.restricted(now) ? nullptr : near(r.what)) send(r, *n, out, now);
  else {
    out.push_back(run_here{r.what.task});
    if (!r.restricted(now)) erase(r);
  }
  pump(out, now);
  return out;
}

void placement::let_wait(const global_id& task) {
  if (const auto found = tasks_.find(task); found != tasks_.end())
    found->second.what.may_wait = true;
}

void placement::expect_nobody(std::uint64_t function) {
  for (auto& [id, r] : tasks_)
    if (r.what.wants.function == function) r.what.may_wait = false;
}

std::vector<needs> placement::hoping() const {
  std::vector<needs> all;
  for (auto& [wants, l] : lines_)
    if (!anyone_can(wants)) all.push_back(wants);
  return all;
}

placings placement::give_up(const needs& n) {
  placings out;
  const auto found = lines_.find(n);
  if (found == lines_.end()) return out;
  for (auto& [order, r] : found->second.all) r->what.may_wait = false;
  refuse_stuck(out);
  return out;
}

std::optional<node_id> placement::taker() const {
  const node* best = nullptr;
  for (auto& [id, n] : nodes_) {
    if (n.there() >= n.window() || n.ours.size() >= most_there) continue;
    const bool better = !best || n.there() * best->facts.slots < best->there() * n.facts.slots;
    if (better) best = &n;
  }
  return best ? std::optional{best->facts.id} : std::nullopt;
}

placings placement::give(offered_task t, time now) {
  placings out;
  pump(out, now);  // those who wait come first, and some may avoid nobody any more
  record& r = remember(std::move(t));
  if (node* n = choose(r, now)) send(r, *n, out, now);
  else if (!r.restricted(now)) erase(r);
  return out;
}

placings placement::forget(const global_id& task, time now) {
  placings out;
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return out;
  erase(found->second);
  pump(out, now);
  return out;
}

placings placement::settled(const attempt& a, time service, std::size_t queue, time now) {
  placings out;
  record* r = current(a);
  if (!r) return out;
  node& n = nodes_.at(a.node);
  service = std::clamp<time>(service, 1, longest);
  n.service = n.service == 0 ? service : std::max<time>(1, n.service + (service - n.service) / 8);
  erase(*r);
  n.queue_is(queue);
  pump(out, now);
  return out;
}

placings placement::handed_back(const attempt& a, reason why, time now) {
  placings out;
  record* r = current(a);
  if (!r) return out;
  node& n = nodes_.at(a.node);
  n.ours.erase(r->order);
  if (why == reason::lacks_function) n.lacking.insert(r->what.wants.function);
  else {
    std::erase_if(r->avoids, [&](auto& avoid) { return avoid.second <= now; });
    r->avoids.emplace_back(a.node, now + avoid_for);
    rests_.insert(now + avoid_for);
  }
  place(*r, out, now);
  if (why == reason::lacks_function) refuse_stuck(out);
  pump(out, now);
  return out;
}

placings placement::held_up(const attempt& a, time now) {
  placings out;
  record* r = current(a);
  if (!r) return out;
  nodes_.at(a.node).ours.erase(r->order);
  r->is = state::here;
  pump(out, now);
  return out;
}

placings placement::load(node_id id, std::size_t queue, unsigned free_slots, std::size_t waiting,
                         time now) {
  placings out;
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return out;
  node& n = found->second;
  const std::size_t there = queue + n.facts.slots - std::min(free_slots, n.facts.slots);
  n.others = there - std::min(there, n.ours.size());
  n.waiting = waiting;
  pump(out, now);
  return out;
}

placement::record* placement::current(const attempt& a) {
  const auto found = tasks_.find(a.task);
  if (found != tasks_.end() && found->second.is == state::sent && found->second.current == a)
    return &found->second;
  ++stale_;
  return nullptr;
}

// One that has come back keeps what is known of it.
placement::record& placement::remember(offered_task&& t) {
  const auto [at, is_new] = tasks_.try_emplace(t.task);
  record& r = at->second;
  if (r.is != state::here) throw std::logic_error("a task that is placed is not offered again");
  r.what = std::move(t);
  if (is_new) r.order = ++orders_;
  return r;
}

void placement::erase(record& r) {
  if (r.is == state::sent) nodes_.at(r.current.node).ours.erase(r.order);
  else if (r.is == state::waiting) {
    const auto l = lines_.find(r.what.wants);
    l->second.all.erase(r.order);
    if (l->second.all.empty()) lines_.erase(l);
  } else if (r.is == state::accused) discharge(r);
  tasks_.erase(global_id{r.what.task});
}

bool placement::anyone_can(const needs& n) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](auto& e) { return e.second.can(n); });
}

bool placement::banned(const record& r, const node& n, time now) const {
  return std::any_of(r.avoids.begin(), r.avoids.end(), [&](const auto& avoid) {
    return avoid.first == n.facts.id && avoid.second > now;
  });
}

// Where it would have its arguments first; ties: who is the least full.
placement::node* placement::choose(const record& r, time now) {
  const auto has_killed = [&](const node& n) {
    return std::any_of(r.killed.begin(), r.killed.end(),
                       [&](auto& k) { return k.second == n.facts.name; });
  };
  bool elsewhere = false;  // somebody can whom it has not killed
  if (!r.killed.empty())
    for (auto& [id, n] : nodes_) elsewhere |= n.can(r.what.wants) && !has_killed(n);
  const std::uint64_t bytes = bytes_in_all(r.what);
  node* best = nullptr;
  std::int64_t least = 0;
  for (auto& [id, n] : nodes_) {
    if (r.what.wants.room && (n.there() >= n.window() || n.ours.size() >= most_there)) continue;
    if (banned(r, n, now)) continue;
    if ((elsewhere && has_killed(n)) || !n.can(r.what.wants)) continue;
    if (!r.killed.empty() && n.has_suspect(now))
      continue;  // else nobody could say which of them it was
    const std::int64_t cost = n.wait() + time_to_move(bytes - bytes_at(r.what, id));
    if (best && (cost > least ||
                 (cost == least && n.there() * best->facts.slots >= best->there() * n.facts.slots)))
      continue;
    best = &n;
    least = cost;
  }
  return best;
}

// Whoever has more than half of the bytes, if what they save is more than what it waits there.
placement::node* placement::near(const offered_task& t) {
  const std::uint64_t bytes = bytes_in_all(t);
  for (auto& [id, there] : t.bytes) {
    const std::uint64_t elsewhere = bytes - there;
    if (there <= elsewhere) continue;
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) continue;
    node& n = found->second;
    if (n.there() < most_window && n.can(t.wants) &&
        time_to_move(there - elsewhere) > handing_over + n.wait())
      return &n;
  }
  return nullptr;
}

void placement::send(record& r, node& n, placings& out, time now) {
  r.is = state::sent;
  r.sent_at = now;
  if (!r.killed.empty()) rests_.insert(now + alone_for);
  r.current = {r.what.task, ++attempts_, n.facts.id};
  n.ours.emplace(r.order, &r);
  out.push_back(send_task{r.current});
}

// It is nowhere now. Whoever killed a node runs here only if nobody else can.
void placement::place(record& r, placings& out, time now) {
  r.is = state::here;
  const bool anyone = anyone_can(r.what.wants);
  if (own_may(r) && (r.killed.empty() || !anyone)) {
    out.push_back(run_here{r.what.task});
  } else if (!anyone && !r.what.may_wait) {
    refuse(r, out);
  } else if (node* n = nullptr;
             !r.restricted(now) && lines_.count(r.what.wants) == 0 && (n = near(r.what))) {
    send(r, *n, out, now);
  } else {
    r.is = state::waiting;
    lines_[r.what.wants].all.emplace(r.order, &r);
  }
}

void placement::refuse(record& r, placings& out) {
  nobody_can no{r.what.task, {}};
  own_.add_lacks(r.what.wants, no.why);
  for (auto& [id, n] : nodes_) n.add_lacks(r.what.wants, no.why);
  out.push_back(std::move(no));
  erase(r);
}

// A node has left, or can do less than was thought.
void placement::refuse_stuck(placings& out) {
  std::vector<record*> stuck;
  for (auto& [wants, l] : lines_)
    if (!anyone_can(wants))
      for (auto& [order, r] : l.all)
        if (own_may(*r) || !r->what.may_wait) stuck.push_back(r);
  for (record* r : stuck) {
    if (!own_may(*r)) {
      refuse(*r, out);
      continue;
    }
    const auto l = lines_.find(r->what.wants);
    l->second.all.erase(r->order);
    if (l->second.all.empty()) lines_.erase(l);
    r->is = state::here;
    out.push_back(run_here{r->what.task});
  }
}

// Those who avoid some node let those behind them pass: each is tried until an unrestricted one of
// its line finds no room.
void placement::pump(placings& out, time now) {
  rests_.erase(rests_.begin(), rests_.upper_bound(now));
  struct cursor {
    line* in;
    ordered::iterator at;
  };
  std::vector<cursor> cursors;
  for (auto& [wants, l] : lines_) cursors.push_back({&l, l.all.begin()});
  while (!cursors.empty()) {
    const auto oldest = std::min_element(
        cursors.begin(), cursors.end(), [](auto& a, auto& b) { return a.at->first < b.at->first; });
    record& r = *oldest->at->second;
    if (node* n = choose(r, now)) {
      oldest->at = oldest->in->all.erase(oldest->at);
      send(r, *n, out, now);
    } else if (r.restricted(now)) ++oldest->at;
    else oldest->at = oldest->in->all.end();
    if (oldest->at == oldest->in->all.end()) cursors.erase(oldest);
  }
  std::erase_if(lines_, [](auto& l) { return l.second.all.empty(); });
}

std::size_t placement::waiting() const {
  std::size_t n = 0;
  for (auto& [wants, l] : lines_) n += l.all.size();
  return n;
}
std::size_t placement::sent_to(node_id id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? 0 : found->second.ours.size();
}
std::size_t placement::window_of(node_id id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? 0 : found->second.window();
}

void placement::check() const {
  auto hold = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  std::size_t sent = 0, waiting = 0, here = 0, accused = 0;
  for (auto& [id, n] : nodes_) {
    hold(n.facts.id == id && id != own_.facts.id, "the others are known by their ids");
    hold(n.window() >= n.facts.slots + (n.facts.slots ? 1 : 0), "a window has room to wait");
    std::size_t roomless = 0;
    for (auto& [order, r] : n.ours) {
      hold(r->is == state::sent && r->current.node == id && r->order == order &&
               r->current.number <= attempts_,
           "what was sent knows where");
      hold(n.facts.slots == 0 || n.can(r->what.wants) ||
               n.lacking.count(r->what.wants.function) != 0,
           "nobody is sent what it cannot run");
      ++sent;
      roomless += r->what.wants.room ? 0 : 1;
    }
    hold(n.ours.size() - roomless <=
             (n.waiting > 0 ? most_there : std::max(n.window(), most_window)),
         "no more is sent than may wait there");
  }
  for (auto& [wants, l] : lines_) {
    hold(!l.all.empty(), "a line that is kept has somebody in it");
    for (auto& [order, r] : l.all) {
      hold(r->is == state::waiting && r->order == order && r->what.wants == wants,
           "a line holds those who wait with its needs");
      hold(r->what.may_wait || anyone_can(wants), "who waits for nobody has said so");
      ++waiting;
    }
  }
  for (auto& [id, r] : tasks_) {
    hold(r.what.task == id && (r.killed.size() < most_kills) == (r.is != state::accused),
         "after three deaths it is accused");
    here += r.is == state::here ? 1 : 0;
    if (r.is != state::accused) continue;
    ++accused;
    const auto v = verdicts_.find({r.verdict, r.order});
    hold(v != verdicts_.end() && v->second == &r, "and waits for its verdict");
  }
  hold(accused == verdicts_.size() && sent + waiting + here + accused == tasks_.size(),
       "each task is in one place");
}

}  // namespace troupe::detail
