// SPDX-License-Identifier: MIT
#include "graph/resources.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <random>
#include <stdexcept>
#include <vector>

using namespace troupe::detail;
using state = resource_ask::state;

namespace {
void hold(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

using amounts = std::map<std::uint32_t, std::int64_t>;

// The ledger beside a list that is searched from its begin each time.
class pair_of_ledgers {
public:
  explicit pair_of_ledgers(std::vector<std::int64_t> totals)
      : ledger_(totals),
        free_(std::move(totals)) {}

  std::size_t ask(const amounts& what, std::int64_t key) {
    const std::size_t i = asks_.size();
    auto& a = asks_.emplace_back();
    for (auto [name, amount] : what) a.parts.push_back({name, amount});
    a.key = key;
    auto at =
        std::find_if(line_.begin(), line_.end(), [&](const waiter& w) { return w.key > key; });
    line_.insert(at, {key, i, what});
    compare(ledger_.ask(a), admit());
    return i;
  }
  void give_back(std::size_t i) {
    for (auto& p : asks_[i].parts) free_[p.name] += p.amount;
    compare(ledger_.give_back(asks_[i]), admit());
  }
  void withdraw(std::size_t i) {
    const auto before = line_.size();
    line_.remove_if([&](const waiter& w) { return w.number == i; });
    const auto got = ledger_.withdraw(asks_[i]);
    hold(got.waited == (line_.size() < before), "withdraw says whether it waited");
    compare(got.admitted, admit());
  }
  void close() {
    std::size_t n = 0;
    for (auto a = ledger_.close(); a; a = a->next) {
      hold(a->is == state::idle, "who is sent away holds nothing");
      ++n;
    }
    hold(n == line_.size(), "all that wait are told once");
    line_.clear();
    ledger_.check();
  }
  state is(std::size_t i) const { return asks_[i].is; }
  std::size_t size() const { return asks_.size(); }
  const resources& ledger() const { return ledger_; }

private:
  struct waiter {
    std::int64_t key;
    std::size_t number;
    amounts what;
  };
  // In order; who is passed over keeps all its names.
  std::vector<std::size_t> admit() {
    std::vector<std::size_t> all;
    std::vector<bool> reserved(free_.size());
    for (auto w = line_.begin(); w != line_.end();) {
      const bool fits = std::all_of(w->what.begin(), w->what.end(), [&](auto& x) {
        return !reserved[x.first] && x.second <= free_[x.first];
      });
      for (auto [name, amount] : w->what) {
        if (fits) free_[name] -= amount;
        else reserved[name] = true;
      }
      if (fits) {
        all.push_back(w->number);
        w = line_.erase(w);
      } else ++w;
    }
    return all;
  }
  void compare(resource_ask* chain, std::vector<std::size_t> expected) {
    ledger_.check();
    std::vector<std::size_t> got;
    for (; chain; chain = chain->next) {
      hold(chain->is == state::held, "who is admitted holds what it asked for");
      for (std::size_t i = 0; i < asks_.size(); ++i)
        if (&asks_[i] == chain) got.push_back(i);
    }
    std::sort(got.begin(), got.end());
    std::sort(expected.begin(), expected.end());
    hold(got == expected, "the same are admitted");
    hold(ledger_.waiting() == line_.size(), "the same wait");
    hold(free_.empty() || ledger_.in_use(0) >= 0, "in use");
  }
  resources ledger_;
  std::vector<std::int64_t> free_;
  struct stable : std::vector<resource_ask> {
    stable() { reserve(4096); }
  } asks_;
  std::list<waiter> line_;
};

amounts one_of(std::size_t kind) {
  constexpr std::int64_t half = 5000;
  switch (kind) {
    case 0: return {{0, half}};
    case 1: return {{0, 2 * half}};
    case 2: return {{1, half}};
    default: return {{0, half}, {1, half}};
  }
}
}  // namespace

TEST_CASE("every sequence of asks, gives and withdrawals does what a list that is searched does") {
  constexpr int depth = 6, events = 4 + 2;
  std::size_t sequences = 0;
  for (int code = 0, all = events * events * events * events * events * events; code < all;
       ++code) {
    pair_of_ledgers l({10000, 5000});
    for (int i = 0, rest = code; i < depth; ++i, rest /= events) {
      const int event = rest % events;
      if (event < 4) {
        l.ask(one_of(static_cast<std::size_t>(event)), i % 2);
        continue;
      }
      const state wanted = event == 4 ? state::held : state::waiting;
      for (std::size_t k = 0; k < l.size(); ++k)
        if (l.is(k) == wanted) {
          event == 4 ? l.give_back(k) : l.withdraw(k);
          break;
        }
    }
    l.close();
    ++sequences;
  }
  CHECK(sequences == 46656);
}

TEST_CASE("long random histories of four names agree with the list") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    pair_of_ledgers l({20000, 10000, 3, 100000});
    for (int i = 0; i < 400; ++i) {
      const auto event = random() % 8;
      if (event < 4) {
        amounts a;
        for (std::size_t n = 1 + random() % 3; n > 0; --n) {
          const auto name = static_cast<std::uint32_t>(random() % 4);
          const std::int64_t total = std::vector<std::int64_t>{20000, 10000, 3, 100000}[name];
          a[name] = 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(total));
        }
        l.ask(a, static_cast<std::int64_t>(random() % 5));
      } else if (l.size() > 0) {
        const std::size_t from = random() % l.size();
        for (std::size_t k = 0; k < l.size(); ++k) {
          const std::size_t j = (from + k) % l.size();
          if (event < 7 && l.is(j) == state::held) {
            l.give_back(j);
            break;
          }
          if (event == 7 && l.is(j) == state::waiting) {
            l.withdraw(j);
            break;
          }
        }
      }
    }
    l.close();
  }
}

TEST_CASE("a big ask is not starved by small ones that come after it") {
  pair_of_ledgers l({20000});
  const auto small = l.ask({{0, 10000}}, 0);
  const auto big = l.ask({{0, 20000}}, 0);
  const auto later = l.ask({{0, 10000}}, 0);
  CHECK(l.is(later) == state::waiting);
  l.give_back(small);
  CHECK(l.is(big) == state::held);
  CHECK(l.is(later) == state::waiting);
}

TEST_CASE("an ask overtakes one with which it shares no name") {
  pair_of_ledgers l({10000, 10000});
  l.ask({{0, 10000}}, 0);
  const auto blocked = l.ask({{0, 10000}}, 0);
  const auto other = l.ask({{1, 10000}}, 0);
  CHECK(l.is(blocked) == state::waiting);
  CHECK(l.is(other) == state::held);
}

TEST_CASE("a hundred thousand asks for one thing run through") {
  resources ledger({10000});
  std::vector<resource_ask> all(100'000);
  std::size_t held = 0;
  resource_ask* now = nullptr;
  for (auto& a : all) {
    a.parts = {{0, 10000}};
    if (auto got = ledger.ask(a)) now = got;
  }
  for (; now; now = ledger.give_back(*now)) ++held;
  CHECK(held == all.size());
  ledger.check();
}
