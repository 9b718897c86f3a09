// SPDX-License-Identifier: MIT
// Classes whose objects live on other nodes.
#pragma once
#include <troupe/export.hpp>
#include <troupe/troupe.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace afar {
using namespace troupe;
using namespace std::chrono_literals;

// Counts what there is of it, and says where it runs.
class counter {
public:
  static inline std::atomic<int> alive{0}, made{0};
  explicit counter(int start) : n_(start) { ++alive, ++made; }
  counter(const counter&) = delete;
  ~counter() { --alive; }
  int add(int x) { return n_ += x; }
  int get() const { return n_; }
  int fails(int x) {
    n_ += x;
    throw std::runtime_error("no " + std::to_string(x));
  }
  int breaks() { throw actor_broken("at " + std::to_string(n_)); }
  int breaks_some_times(int x) {
    if (breaks_left-- > 0) throw actor_broken("once more");
    return n_ += x;
  }
  static inline std::atomic<int> breaks_left{0};
  task<int> adds_later(ref<int> x) { co_return n_ += co_await x; }
  ref<int> passes_on(ref<int> x) {
    ++n_;
    return x;
  }
  std::vector<double> numbers(std::size_t n) const { return std::vector<double>(n, n_); }
  double sum(const std::vector<double>& all) {
    for (double x : all) n_ += static_cast<int>(x);
    return n_;
  }
  std::tuple<int, std::string> both() const { return {n_, std::to_string(n_)}; }
  stream<int> streams() { co_yield n_; }
  int waits_for_ever() {
    here().sleep_for(1h);
    return 0;
  }
  int adds_slowly(int x) {
    ++inside;
    here().sleep_for(30ms);
    most_inside = std::max(most_inside.load(), inside.load());
    --inside;
    return n_ += x;
  }
  int looks_slowly() const {
    ++inside;
    here().sleep_for(30ms);
    most_inside = std::max(most_inside.load(), inside.load());
    --inside;
    return n_;
  }
  static inline std::atomic<int> inside{0}, most_inside{0};
  int not_exported() { return 0; }
  int stays(const std::shared_ptr<int>& p) { return *p; }

private:
  int n_;
};

// Its state is more than its snapshot's bytes: a ref, too.
class kept {
public:
  static inline std::atomic<int> made{0}, snapshots_that_throw{0}, restores_that_throw{0};
  kept(std::string name, const std::vector<int>& start) : name_(std::move(name)) {
    ++made;
    for (int x : start) n_ += x;
  }
  std::string name() const { return name_ + " " + std::to_string(n_); }
  int add(int x) { return n_ += x; }
  int keeps(ref<int> r) {
    ref_ = r;
    return n_;
  }
  int kept_value() { return here().get(ref_); }
  int breaks() { throw actor_broken("broken"); }
  int waits(ref<int> until) {
    n_ += 1000;
    return here().get(until);
  }
  struct state {
    int n;
    ref<int> held;
    std::vector<double> much;
  };
  state snapshot() const {
    if (snapshots_that_throw > 0 && snapshots_that_throw-- > 0)
      throw std::runtime_error("no snapshot");
    return {n_, ref_, std::vector<double>(much, 1.0)};
  }
  void restore(const state& s) {
    if (restores_that_throw > 0 && restores_that_throw-- > 0)
      throw std::runtime_error("no restore");
    n_ = s.n;
    ref_ = s.held;
  }
  static inline std::size_t much = 0;

private:
  std::string name_;
  int n_ = 0;
  ref<int> ref_;
};

struct derived : counter {
  derived() : counter(100) {}
  inline int twice(int x) { return add(2 * x); }
};

struct throws_when_made {
  explicit throws_when_made(int x) { throw std::runtime_error("made of " + std::to_string(x)); }
  int nothing() { return 0; }
};
struct nowhere {
  int nothing() { return 0; }
};
struct other_types {
  explicit other_types(std::int64_t n) : n_(n) {}
  std::int64_t n_;
  int get() const { return static_cast<int>(n_); }
};
struct not_to_be_saved {
  struct secret {
    secret() {}

  private:
    int n_ = 0;
  };
  secret snapshot() const { return {}; }
  void restore(const secret&) {}
  int get() const { return 0; }
};

inline int twice(int x) { return 2 * x; }

inline void export_all() {
  export_actor<counter(int), &counter::add, &counter::get, &counter::fails, &counter::breaks,
               &counter::breaks_some_times, &counter::adds_later, &counter::passes_on,
               &counter::numbers, &counter::sum, &counter::both, &counter::waits_for_ever,
               &counter::adds_slowly, &counter::looks_slowly>();
  export_actor<kept(std::string, std::vector<int>), &kept::name, &kept::add, &kept::keeps,
               &kept::kept_value, &kept::breaks, &kept::waits>();
  export_actor<derived(), &derived::twice, &counter::get>();
  export_actor<throws_when_made(int), &throws_when_made::nothing>();
  export_actor<other_types(std::int64_t), &other_types::get>();
  export_actor<not_to_be_saved(), &not_to_be_saved::get>();
  export_tasks<twice>();
}

}  // namespace afar
