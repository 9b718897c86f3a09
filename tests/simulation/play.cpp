// SPDX-License-Identifier: MIT
#include "tests/simulation/play.hpp"

#include "tests/simulation/plan.hpp"

#include <troupe/testing.hpp>

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

class player {
public:
  explicit player(std::uint64_t seed) : random_(mix(seed, 1)), seed_(seed), sim_(seed) {
    sim_.check_every(check_every);
    may_be_slow = false;
    if (random_.below(2) == 0) return;
    faulty_ = true;
    for (auto point : {"body", "memory", "stack", "clock", "slow", "program"})
      if (random_.below(2) == 0) {
        sim_.fail(point, static_cast<double>(1 + random_.below(40)) / 1000);
        may_be_slow |= point == std::string_view{"slow"};
      }
  }

  void play() {
    for (number round = 0; round == 0 || sim_.steps() < fewest_steps; ++round) {
      submit_all(round);
      use_all();
      clear();
      at_rest();
    }
    switch (random_.below(3)) {
      case 0: break;
      case 1: stop_in_the_middle(); break;
      case 2: end_in_the_middle(); break;
    }
    clear();
    sim_.end();
    sim_.check();
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
      if (random_.below(3) == 0) some_steps(20);
    }
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
    some.clear();
    for (std::size_t i = made_.size(); i-- > 0;)
      if (made_[i]) {
        compare(i, [&]() -> number {
          if (random_.below(2)) return rt.get(made_[i]).n;
          return rt.get(std::move(made_[i])).n;
        });
        made_[i] = {};
      }
  }

  // What it gives, or what it failed with, is in the plan; or a fault was injected.
  template <class Get> void compare(std::size_t i, Get get, bool may_be_cancelled = false) {
    const node& n = plan_[i];
    const std::string which = "node " + std::to_string(i) + ", " + n.what->name + ", ";
    try {
      const number got = get();
      hold(!n.gives.failed, which + "gave a value, and should have failed");
      hold(got == n.gives.gives, which + "gave another value");
    } catch (const troupe::task_error& e) {
      if (faulty_ && (e.is<troupe::testing::fault>() || e.is<std::bad_alloc>())) return;
      if (may_be_cancelled && e.is<troupe::cancelled>()) return;
      hold(n.gives.failed.has_value(), which + "failed: " + e.what());
      hold(e.is<bad>() && e.text() == std::to_string(*n.gives.failed),
           which + "failed with another error: " + e.what());
    } catch (const troupe::cancelled& e) {
      hold(may_be_cancelled, which + "was cancelled: " + e.what());
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
    made_.clear();
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

  void stop_in_the_middle() {
    submit_all(1000);
    some_steps(300);
    auto& rt = sim_.runtime();
    rt.stop();
    rt.drain();
    sim_.run();  // the last puts
    sim_.check();
    compare_settled();
    clear();
    at_rest();
  }
  void end_in_the_middle() {
    submit_all(1001);
    some_steps(300);
    sim_.end();
    sim_.check();
    compare_settled();
  }

  random_numbers random_;
  const std::uint64_t seed_;
  bool faulty_ = false;
  simulation sim_;
  plan plan_;
  std::vector<value_ref> made_;
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
