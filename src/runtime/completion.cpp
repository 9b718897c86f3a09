// SPDX-License-Identifier: MIT
// wait for some of many, and as_completed: the first to settle first.
#include "actors/client.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/wait.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <string>

namespace troupe::detail {

namespace {

[[noreturn]] void throw_bad_wait(std::size_t n, std::size_t count) {
  throw error("wait for " + std::to_string(n) + " of " + std::to_string(count) +
              " refs: there are not so many");
}

// Adds the first that are sealed, until there are n.
void add_sealed(places& ready, object* const* objects, std::size_t count, std::size_t n) {
  for (std::size_t i = 0, k = 0; i < count && ready.size() < n; ++i) {
    if (!objects[i]) throw_empty_input();
    if (k < ready.size() && ready[k] == i) ++k;  // those that are in it already, in order
    else if (objects[i]->is_sealed())
      ready.insert(ready.begin() + static_cast<std::ptrdiff_t>(k++), i);
  }
}

standing_set& standing_of(domain& d) {
  task* me = seat::mine().running;
  return me ? me->standing() : client::mine(d).standing;
}

standing_set open(domain& d, object* const* objects, std::size_t count) {
  if (d.closing()) throw cancelled("a wait was cancelled: the runtime ends");
  standing_set s{wait_set::make(d, objects, count)};
  s->register_waits();
  auto registered = [&](caf::abstract_actor& me) { return s->expect_registered(me); };
  (void)await_word(
      d, registered, [] { return false; }, nullptr);
  return s;
}

// Whether the set stands for exactly these objects. What it found may have gone, and another object
// be in its place: one that has not settled shows that. What it has not found, its resolver holds.
bool goes_on(wait_set& s, const domain& d, object* const* objects, std::size_t count,
             std::size_t n) {
  if (s.party() != d.number() || !std::ranges::equal(s.left(), std::span{objects, count}))
    return false;
  s.collect();
  bool all_sealed = true;
  s.each_found(n, [&](std::size_t place) { all_sealed &= objects[place]->is_sealed(); });
  return all_sealed;
}

// Until n are found. False: the time is up.
bool await_found(domain& d, wait_set& s, std::size_t n, const std::int64_t* until) {
  while (s.collect() < n) {
    if (task* me = seat::mine().running) me->refuse_if_asked();
    auto found = [&](caf::abstract_actor& me) { return s.expect_found(me, n); };
    struct told {
      wait_set& set;
      const body_wait body;
      told(wait_set& s, body_wait b) : set(s), body(b) { set.is_waited_for(&body); }
      ~told() { set.is_waited_for(nullptr); }
    };
    const auto in_time = [&] {
      const std::optional<told> in_body =
          seat::mine().running ? std::optional<told>(std::in_place, s, waits_at({})) : std::nullopt;
      return await_word(
          d, found, [&] { return s.take_back(); }, until);
    };
    if (in_time()) continue;
    if (s.collect() >= n) return true;
    if (task* me = seat::mine().running) me->refuse_if_asked();
    if (d.closing()) throw cancelled("a wait was cancelled: the runtime ends");
    if (!until)
      throw deadlock("nothing can go on, and the program waits for a value that nobody will make");
    return false;
  }
  return true;
}

}  // namespace

places await_first(domain& d, object* const* objects, std::size_t count, std::size_t n,
                   const duration* timeout) {
  if (n > count) throw_bad_wait(n, count);
  places ready;
  if (n == count && !timeout) {
    await_objects(d, objects, count, n, nullptr);
    ready.resize(n);
    std::iota(ready.begin(), ready.end(), std::size_t{0});
    return ready;
  }
  if (n == 0) return ready;
  standing_set& mine = standing_of(d);
  if (!mine || !goes_on(*mine, d, objects, count, n)) {
    add_sealed(ready, objects, count, n);
    if (ready.size() == n) return ready;
    refuse_waits();
    if (timeout && timeout->count() <= 0) return ready;
    ready.clear();
    mine = open(d, objects, count);
  }
  std::optional<std::int64_t> until;
  if (timeout) until = time_limit(d, *timeout);
  if (mine->collect() < n) refuse_waits();
  const bool in_time = await_found(d, *mine, n, until ? &*until : nullptr);
  mine->each_found(n, [&](std::size_t place) { ready.push_back(place); });
  std::ranges::sort(ready);
  if (d.closing() && !std::ranges::all_of(ready, [&](auto i) { return objects[i]->is_sealed(); })) {
    ready.clear();  // answered because the runtime ends
    add_sealed(ready, objects, count, n);
    if (ready.size() < n) throw cancelled("a wait was cancelled: the runtime ends");
  } else if (!in_time) {
    add_sealed(ready, objects, count, n);  // the word about some may still be on its way
  }
  mine->take(ready);
  if (mine->left().empty()) mine = {};
  return ready;
}

void close_gaps(object** objects, std::size_t count, const places& gaps) {
  if (gaps.empty()) return;
  object** to = objects + gaps[0];
  for (std::size_t k = 0; k < gaps.size(); ++k)
    to =
        std::copy(objects + gaps[k] + 1, objects + (k + 1 < gaps.size() ? gaps[k + 1] : count), to);
  std::fill(to, objects + count, nullptr);
}

// ---- as_completed -------------------------------------------------------------------------------

wait_set* open_set(domain& d, object* const* objects, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (!objects[i]) throw_empty_input();
  if (count == 0) return nullptr;
  refuse_waits();
  return open(d, objects, count).release();
}

void close_set(wait_set* s) noexcept { standing_set{s}; }

std::size_t await_next(domain& d, wait_set& s, object* const* objects) {
  if (s.collect() == 0) refuse_waits();
  await_found(d, s, 1, nullptr);
  const std::size_t place = s.take_first();
  if (!objects[place]->is_sealed()) throw cancelled("a wait was cancelled: the runtime ends");
  return place;
}

}  // namespace troupe::detail
