// SPDX-License-Identifier: MIT
// An actor on the nodes of a simulation, and what each of its calls may give.
#pragma once
#include "tests/node/graph_tasks.hpp"

#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace simulated {

using graph_tasks::number;
using graph_tasks::tally;

class tally_of_calls {
public:
  // again: a call whose node is gone is made once more.
  tally_of_calls(const troupe::scope& rt, number ballast, bool again)
      : again_(again),
        actor_(rt.with({.backoff = {.first = std::chrono::milliseconds(10), .factor = 1},
                        .labels = {"far"},
                        .restarts = 1'000'000,
                        .retry_calls = again ? 1'000'000u : 0u})
                   .actor<tally>(ballast)) {}

  void call(std::uint64_t chance) {
    const number n = 1 + chance % 1000;
    if (chance % 16 == 0 && !again_) calls_.push_back({n, true, actor_.call<&tally::breaks>(n)});
    else if (chance % 3 == 0) calls_.push_back({n, false, actor_.call<&tally::pauses>(n)});
    else calls_.push_back({n, false, actor_.call<&tally::add>(n)});
  }
  void cancel_one(const troupe::scope& rt, std::uint64_t chance) {
    if (!calls_.empty()) (void)rt.cancel(calls_[chance % calls_.size()].result);
  }
  // The next calls that come are those of another.
  template <class Wait> void check(const troupe::scope& rt, Wait settled) {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      const auto& [n, breaks, result] = calls_[i];
      const auto wrong = [&](const std::string& what) {
        throw std::runtime_error("call " + std::to_string(i) + " of " + actor_.name() + ": " +
                                 what);
      };
      settled(result);
      try {
        const number value = rt.get(result);
        if (breaks || sums_.count(value - n) == 0) wrong("it gave " + std::to_string(value));
        sums_ = {value};
      } catch (const troupe::cancelled&) {  // it may have been there, and have ended
        std::set<number> more;
        for (const number sum : sums_) more.insert({sum, sum + n});
        sums_ = std::move(more);
      } catch (const troupe::task_error& e) {
        if (again_ || (!breaks && e.text().find("where it lived, is gone") == std::string::npos &&
                       e.text().find("was lost on the way") == std::string::npos))
          wrong(e.what());
      }
    }
    calls_.clear();
  }

private:
  struct one {
    number n;
    bool breaks;
    troupe::ref<number> result;
  };
  const bool again_;
  troupe::actor<tally> actor_;
  std::vector<one> calls_;
  std::set<number> sums_{0};  // that it may have
};

}  // namespace simulated
