// SPDX-License-Identifier: MIT
// A task graph to run, and what a task of it does: execute_point.
#pragma once
#include "kernel.hpp"
#include "pattern.hpp"

#include <atomic>
#include <cstddef>
#include <iterator>
#include <vector>

namespace metg {

struct graph {
  pattern shape;
  kernel work;
};

// What a point gives to those that read it: its name.
struct output {
  long t = -1, x = -1;
};

// How many points a thread has executed; who adds them up does so while nothing runs.
using tally = std::atomic<long>;
tally* new_tally();
long points_executed();
inline constinit thread_local tally* this_threads_tally = nullptr;

[[noreturn]] void wrong_number_of_inputs(long t, long x, std::size_t got, std::size_t expected);
[[noreturn]] void wrong_input(long t, long x, output got, long expected);

// Checks that the inputs, ascending, are the outputs of the point's dependencies (else it aborts with
// a sentence), then works. Thread-safe. Inputs: a range of output with a size.
template <class Inputs> output execute_point(const graph& g, long t, long x, const Inputs& inputs) {
  const points expected = g.shape.dependencies(t, x);
  if (std::size(inputs) != expected.size())
    wrong_number_of_inputs(t, x, std::size(inputs), expected.size());
  auto in = std::begin(inputs);
  for (const long d : expected) {
    const output got = *in;
    if (got.t != t - 1 || got.x != d) wrong_input(t, x, got, d);
    ++in;
  }
  compute(g.work.iterations_at(t, x));
  tally*& mine = this_threads_tally;
  if (!mine) mine = new_tally();
  mine->store(mine->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return {t, x};
}

// A cell for each point's output, for systems whose tasks share memory: T has a member `out`.
template <class T> class grid {
public:
  // Forgets all outputs. Keeps its memory for the next graph.
  void reset(const pattern& p) {
    width_ = p.width;
    const auto n = static_cast<std::size_t>(p.tasks());
    if (cells_.size() < n) cells_ = std::vector<T>(n);
    for (std::size_t i = 0; i < n; ++i) cells_[i].out = {};
  }
  T& at(long t, long x) { return cells_[static_cast<std::size_t>(t * width_ + x)]; }

  // What the point's dependencies have left, for execute_point.
  class inputs {
  public:
    class iterator {
    public:
      iterator(T* row, points::iterator at) : row_(row), at_(at) {}
      const output& operator*() const { return row_[*at_].out; }
      iterator& operator++() {
        ++at_;
        return *this;
      }

    private:
      T* row_;
      points::iterator at_;
    };
    std::size_t size() const { return from_.size(); }
    iterator begin() const { return {row_, from_.begin()}; }

  private:
    friend grid;
    inputs(T* row, points from) : row_(row), from_(from) {}
    T* row_;
    points from_;
  };
  inputs inputs_of(const pattern& p, long t, long x) {
    return {t == 0 ? nullptr : &at(t - 1, 0), p.dependencies(t, x)};
  }

private:
  long width_ = 0;
  std::vector<T> cells_;
};

struct cell {
  output out;
};

}  // namespace metg
