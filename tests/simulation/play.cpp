// SPDX-License-Identifier: MIT
#include "tests/simulation/play.hpp"

#include "testing/invariants.hpp"
#include "tests/simulation/kinds.hpp"

#include <troupe/testing.hpp>

#include <algorithm>
#include <new>
#include <string_view>

namespace simulated {

namespace {
using troupe::testing::simulation;

struct wrong : std::runtime_error {
  using runtime_error::runtime_error;
};
void hold(bool holds, const std::string& otherwise) {
  if (!holds) throw wrong(otherwise);
}

troupe::stream<value> counted(number own, number n) {
  for (number k = 0; k < n; ++k) co_yield value{mix(own, k)};
}

// Half of the runs are without faults. Each has a bound, resources, short deadlines and cancels, or not.
run_mood mood_of(random_numbers& random) {
  run_mood m;
  m.faulty = random.below(2) == 0;
  m.bounded = random.below(3) == 0;
  if (random.below(2) == 0) m.disks = static_cast<double>(1 + random.below(3));
  m.short_deadlines = random.below(3) == 0;
  m.cancels = random.below(2) == 0;
  return m;
}
troupe::runtime_options options_of(const run_mood& m, random_numbers& random) {
  troupe::runtime_options o;
  if (m.bounded && random.below(4) > 0) o.max_unsettled_tasks = 3 + random.below(38);
  if (m.bounded && (o.max_unsettled_tasks == 0 || random.below(4) == 0))
    o.max_argument_bytes = 6000 + random.below(20'000);
  if (m.disks > 0) o.resources = {{"disk", m.disks}, {"lamp", 1}};
  o.count_names = random.below(8) == 0;
  return o;
}

class player {
public:
  explicit player(std::uint64_t seed)
      : random_(mix(seed, 1)),
        seed_(seed),
        sim_(seed, options_of(mood = mood_of(random_), random_)) {
    broken_promise.clear();
    playing = &sim_;
    virtual_time = [] { return playing->now(); };
    sim_.check_every(check_every);
    if (!mood.faulty) return;
    for (auto point : {"body", "memory", "stack", "clock", "slow", "program"})
      if (random_.below(2) == 0) {
        sim_.fail(point, static_cast<double>(1 + random_.below(40)) / 1000);
        mood.slow |= point == std::string_view{"slow"};
      }
  }

  void play() {
    for (number round = 0; round == 0 || sim_.steps() < fewest_steps; ++round) {
      submit_all(round);
      use_all();
      clear();
      at_rest();
    }
    if (random_.below(3) == 0) read_a_stream();
    switch (random_.below(3)) {
      case 0: break;
      case 1: stop_in_the_middle(); break;
      case 2: end_in_the_middle(); break;
    }
    clear();
    end();
    sim_.check();
    troupe::testing::detail::check_all_over();
    hold(broken_promise.empty(), broken_promise);
    hold(value::alive == 0, std::to_string(value::alive) + " values have outlived their refs");
  }
  const simulation& sim() const { return sim_; }

private:
  static constexpr std::size_t check_every = 8;

  void some_steps(number most) {
    for (number k = random_.below(most); k > 0 && sim_.step(); --k) {}
  }

  void submit_all(number round) {
    plan_ = make_plan(mix(seed_, round), 60);
    for (const node& n : plan_) {
      std::vector<value_ref> in;
      for (auto k : n.inputs) in.push_back(made_[k]);
      made_.push_back(insist([&] { return n.what->make(sim_.runtime(), n, in); }));
      asked_to_end_.push_back(false);
      if (random_.below(3) == 0) some_steps(20);
      if (mood.cancels && random_.below(8) == 0) cancel_one();
    }
  }

  // Nothing of a task runs between two steps: so what is asked to end now gives no value.
  void cancel_one() {
    const std::size_t i = random_.below(made_.size());
    const bool settled = made_[i].settled();
    const auto came_of_it = sim_.runtime().cancel(made_[i]);
    hold(!settled || came_of_it == troupe::cancel_result::already_settled,
         name_of(i) + "was cancelled, and had settled");
    if (came_of_it != troupe::cancel_result::already_settled) asked_to_end_[i] = true;
    if (came_of_it == troupe::cancel_result::before_start && random_.below(2))
      hold(throws_early_end(sim_.runtime(), made_[i]),
           name_of(i) + "never begins, and has a value");
  }
  static bool throws_early_end(const troupe::scope& s, const value_ref& r) {
    try {
      (void)s.get(r);
      return false;
    } catch (const troupe::error&) { return true; }
  }
  std::string name_of(std::size_t i) const {
    return "node " + std::to_string(i) + ", " + plan_[i].what->name + ", ";
  }
  // What was cancelled, and what depends on it.
  std::vector<bool> touched() const {
    std::vector<bool> t = asked_to_end_;
    for (std::size_t i = 0; i < t.size(); ++i)
      for (auto k : plan_[i].inputs) t[i] = t[i] || t[k];
    return t;
  }

  // The plan's refs, some of them given up early: what nobody keeps goes on all the same.
  void use_all() {
    auto& rt = sim_.runtime();
    std::vector<value_ref> some;
    for (auto& r : made_) {
      if (random_.below(3) == 0) r = {};
      else some.push_back(r);
    }
    if (!some.empty() && random_.below(2)) {
      const std::size_t n = random_.below(some.size() + 1);
      const bool patient = random_.below(2);
      auto w = patient ? rt.wait(some, n)
                       : rt.wait(some, n, std::chrono::microseconds(random_.below(3000)));
      hold(w.ready.size() + w.pending.size() == some.size(), "wait has lost refs");
      hold(patient ? w.ready.size() == n : w.ready.size() <= n,
           "wait gave another number than was asked for");
    }
    if (!some.empty() && random_.below(4) == 0) {
      std::size_t enough = 1 + random_.below(some.size());
      for (auto& r : rt.as_completed(some)) {
        hold(r.settled(), "completed, and not settled");
        if (--enough == 0) break;
      }
    }
    some.clear();
    const auto cancelled = touched();
    for (std::size_t i = made_.size(); i-- > 0;)
      if (made_[i]) {
        compare(
            i,
            [&]() -> number {
              if (random_.below(2)) return rt.get(made_[i]).n;
              return rt.get(std::move(made_[i])).n;
            },
            cancelled[i]);
        made_[i] = {};
      }
  }

  // What it gives, or what it failed with, is in the plan; or it was cancelled, or is past its deadline; or
  // a fault was injected.
  template <class Get> void compare(std::size_t i, Get get, bool may_be_cancelled) {
    const expected& e = plan_[i].gives;
    const std::string which = name_of(i);
    const bool ends = asked_to_end_[i];
    try {
      const number got = get();
      hold(!ends, which + "was asked to end, and gave a value");
      hold(!e.failed, which + "gave a value, and should have failed");
      hold(got == e.gives, which + "gave another value");
    } catch (const troupe::task_error& error) {
      if (mood.faulty && (error.is<troupe::testing::fault>() || error.is<std::bad_alloc>())) return;
      if (may_be_cancelled && error.is<troupe::cancelled>()) return;
      if (mood.stopped && error.is<again>()) return;
      hold(!ends, which + "was asked to end, and failed: " + error.what());
      hold(e.failed.has_value(), which + "failed: " + error.what());
      hold(error.is<bad>() && error.text() == std::to_string(*e.failed),
           which + "failed with another error: " + error.what());
    } catch (const troupe::cancelled& error) {
      hold(may_be_cancelled, which + "was cancelled: " + error.what());
    } catch (const troupe::actor_died& error) {  // at a fault in its constructor
      hold(mood.faulty, which + "failed with another error: " + error.what());
    } catch (const troupe::deadline_exceeded& error) {
      hold(e.may_expire, which + "has no deadline: " + error.what());
    }
  }
  void compare_settled() {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      if (!made_[i]) continue;
      hold(made_[i].settled(), "node " + std::to_string(i) + " has not settled, and all is over");
      compare(
          i, [&] { return made_[i].value().n; }, true);
    }
  }

  void clear() {
    hold(broken_promise.empty(), broken_promise);
    made_.clear();
    asked_to_end_.clear();
    plan_.clear();
  }

  // All has ended and no ref is left: so nothing is.
  void at_rest() {
    auto& rt = sim_.runtime();
    if (random_.below(2)) rt.drain();
    sim_.run();
    sim_.check();
    const auto s = rt.stats();
    hold(s.tasks_unsettled == 0 && s.tasks_unended == 0, "tasks are left");
    hold(s.inputs_awaited == s.readiness_messages, "waits are left without an answer");
    hold(s.objects == 0, std::to_string(s.objects) + " objects are left");
    hold(value::alive == 0, std::to_string(value::alive) + " values are left");
  }

  // The program as a consumer, and as one that is refused at the bound.
  void read_a_stream() {
    auto& rt = sim_.runtime();
    const number n = random_.below(30), enough = random_.below(40), own = random_.next();
    std::vector<std::optional<value_ref>> more;
    try {
      auto s =
          insist([&] { return rt.with({.stream_buffer = 1 + own % 4}).submit(counted, own, n); });
      for (number k = 0; k < std::min(n, enough); ++k) {
        const auto x = s.next();
        hold(x && x->n == mix(own, k), "a stream gave another value");
        some_steps(8);
        if (k % 4 == 0)
          more.push_back(
              insist([&] { return rt.try_submit<plain>(own + k, std::vector<value>{}); }));
      }
      if (enough > n) hold(!s.next(), "a stream has more values than its body");
    } catch (const troupe::task_error& e) {
      hold(mood.faulty && e.is<troupe::testing::fault>(),
           std::string{"a stream failed: "} + e.what());
    }
    for (auto& r : more) hold(r || mood.bounded, "refused, and there is no bound");
    more.clear();
    at_rest();
  }

  void stop_in_the_middle() {
    submit_all(1000);
    some_steps(300);
    auto& rt = sim_.runtime();
    mood.stopped = true;
    rt.stop();
    rt.drain();
    sim_.run();  // the last puts
    sim_.check();
    compare_settled();
    clear();
    at_rest();
  }
  void end() {
    sim_.check_every(0);  // what a destructor throws ends the program
    sim_.end();
  }
  void end_in_the_middle() {
    submit_all(1001);
    some_steps(300);
    mood.stopped = true;
    end();
    sim_.check();
    compare_settled();
  }

  static inline const simulation* playing = nullptr;
  random_numbers random_;
  const std::uint64_t seed_;
  simulation sim_;
  plan plan_;
  std::vector<value_ref> made_;
  std::vector<bool> asked_to_end_;
};
}  // namespace

outcome play(std::uint64_t seed, bool with_trace) {
  // never destroyed if it is broken: its end might not come
  auto p = new player(seed);
  outcome o;
  try {
    p->play();
  } catch (const std::exception& e) {
    o.wrong = e.what();
    try {  // perhaps it says why; a check that came out of a wait has left that wait's stack behind
      if (!o.wrong.starts_with("simulation of seed")) p->sim().check();
    } catch (const troupe::error& broken) { o.wrong += "; " + std::string{broken.what()}; }
  }
  o.steps = p->sim().steps();
  if (with_trace) o.trace = p->sim().trace();
  if (o.wrong.empty()) delete p;
  return o;
}

}  // namespace simulated
