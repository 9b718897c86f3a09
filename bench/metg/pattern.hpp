// SPDX-License-Identifier: MIT
// Task Bench's dependence patterns (Slaughter et al., SC'20), in closed form: who reads whose output
// in an iteration space of `steps` rows by `width` points. A point reads points of the row before only.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>

namespace metg {

// Points of one row, ascending: first, first + stride, ...
class points {
public:
  class iterator {
  public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = long;
    using difference_type = std::ptrdiff_t;
    using pointer = const long*;
    using reference = long;

    iterator() = default;
    iterator(long at, long stride) : at_(at), stride_(stride) {}
    long operator*() const { return at_; }
    iterator& operator++() {
      at_ += stride_;
      return *this;
    }
    iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(iterator a, iterator b) { return a.at_ == b.at_; }

  private:
    long at_ = 0, stride_ = 1;
  };

  points() = default;
  // those of `middle` + k * `stride`, -`reach` <= k <= `reach`, that lie in a row of `width`
  static points around(long middle, long stride, long reach, long width) {
    const long below = std::min(reach, middle / stride);
    const long above = std::min(reach, (width - 1 - middle) / stride);
    return {middle - below * stride, stride, below + above + 1};
  }
  static points all(long width) { return {0, 1, width}; }

  std::size_t size() const { return static_cast<std::size_t>(count_); }
  bool empty() const { return count_ == 0; }
  long operator[](std::size_t i) const { return first_ + static_cast<long>(i) * stride_; }
  iterator begin() const { return {first_, stride_}; }
  iterator end() const { return {first_ + count_ * stride_, stride_}; }

private:
  points(long first, long stride, long count) : first_(first), stride_(stride), count_(count) {}
  long first_ = 0, stride_ = 1, count_ = 0;
};

enum class shape {
  trivial,     // {}
  stencil_1d,  // {x - 1, x, x + 1}
  nearest,     // {x - 2, ..., x + 2}: Task Bench's radix 5
  fft,         // {x - 2^d, x, x + 2^d}, d = 0, 1, ... log2(width) - 1, from row 1 on and again
  all_to_all   // {0, ..., width - 1}
};

struct pattern {
  shape of = shape::trivial;
  long width = 1;
  long steps = 1;

  long tasks() const { return width * steps; }

  // Whose outputs of row t - 1 the point x of row t reads.
  points dependencies(long t, long x) const {
    if (t == 0) return {};
    switch (of) {
      case shape::trivial: return {};
      case shape::stencil_1d: return points::around(x, 1, 1, width);
      case shape::nearest: return points::around(x, 1, 2, width);
      case shape::fft: return points::around(x, fft_distance(t), 1, width);
      case shape::all_to_all: return points::all(width);
    }
    std::abort();
  }

  // Which points of row t + 1 read the output of the point x of row t. All shapes are symmetric: who
  // reads me is whom I would read if I stood in their row.
  points dependents(long t, long x) const {
    return t + 1 < steps ? dependencies(t + 1, x) : points{};
  }

private:
  long fft_distance(long t) const {
    const int stages = std::bit_width(static_cast<unsigned long>(width - 1));  // log2, rounded up
    return stages == 0 ? 1 : 1L << ((t - 1) % stages);
  }
};

inline std::optional<shape> shape_named(std::string_view name) {
  if (name == "trivial") return shape::trivial;
  if (name == "stencil_1d") return shape::stencil_1d;
  if (name == "nearest") return shape::nearest;
  if (name == "fft") return shape::fft;
  if (name == "all_to_all") return shape::all_to_all;
  return {};
}

}  // namespace metg
