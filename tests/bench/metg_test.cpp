// SPDX-License-Identifier: MIT
#include "bench/metg/kernel.hpp"
#include "bench/metg/pattern.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <vector>

using metg::pattern, metg::shape;

namespace {

constexpr shape shapes[] = {shape::trivial, shape::stencil_1d, shape::nearest, shape::fft,
                            shape::all_to_all};
constexpr long steps = 11;

// Task Bench's words, point by point: does x in row t read d in row t - 1?
bool reads(shape of, long width, long t, long x, long d) {
  const long apart = std::abs(x - d);
  switch (of) {
    case shape::trivial: return false;
    case shape::stencil_1d: return apart <= 1;
    case shape::nearest: return apart <= 2;
    case shape::all_to_all: return true;
    case shape::fft: {
      long stages = 0;
      while ((1L << stages) < width) ++stages;
      const long stage = stages == 0 ? 0 : (t + stages - 1) % stages;
      return apart == 0 || apart == 1L << stage;
    }
  }
  return false;
}

std::vector<long> listed(const metg::points& some) {
  std::vector<long> all;
  for (const long x : some) all.push_back(x);
  return all;
}

template <class F> void for_all_points(F f) {
  for (const shape of : shapes)
    for (long width = 1; width <= 16; ++width)
      for (long t = 0; t < steps; ++t)
        for (long x = 0; x < width; ++x) f(pattern{of, width, steps}, t, x);
}

}  // namespace

TEST_CASE(
    "a point depends on exactly those points of the last row that the pattern says, ascending") {
  for_all_points([](const pattern& p, long t, long x) {
    std::vector<long> expected;
    for (long d = 0; t > 0 && d < p.width; ++d)
      if (reads(p.of, p.width, t, x, d)) expected.push_back(d);
    const auto got = p.dependencies(t, x);
    REQUIRE(listed(got) == expected);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(got[i] == expected[i]);
  });
}

TEST_CASE("a point's dependents are those that depend on it") {
  for_all_points([](const pattern& p, long t, long x) {
    std::vector<long> expected;
    for (long r = 0; t + 1 < p.steps && r < p.width; ++r) {
      const auto theirs = listed(p.dependencies(t + 1, r));
      if (std::count(theirs.begin(), theirs.end(), x) > 0) expected.push_back(r);
    }
    REQUIRE(listed(p.dependents(t, x)) == expected);
  });
}

TEST_CASE("an fft of eight meets partners at the distances 1, 2, 4 and again") {
  const pattern p{shape::fft, 8, steps};
  CHECK(listed(p.dependencies(1, 3)) == std::vector<long>{2, 3, 4});
  CHECK(listed(p.dependencies(2, 3)) == std::vector<long>{1, 3, 5});
  CHECK(listed(p.dependencies(3, 3)) == std::vector<long>{3, 7});
  CHECK(listed(p.dependencies(4, 3)) == std::vector<long>{2, 3, 4});
}

TEST_CASE("patterns have names, and other names are none") {
  CHECK(metg::shape_named("fft") == shape::fft);
  CHECK(metg::shape_named("nearest") == shape::nearest);
  CHECK(!metg::shape_named("butterfly"));
}

TEST_CASE("an uneven kernel is uneven in the same way each time, and even in the sum") {
  const metg::kernel even{1000, 0}, uneven{1000, 1};
  long least = 1000, most = 1000, sum = 0;
  for (long t = 0; t < 100; ++t)
    for (long x = 0; x < 100; ++x) {
      const long n = uneven.iterations_at(t, x);
      REQUIRE(n == uneven.iterations_at(t, x));
      REQUIRE(even.iterations_at(t, x) == 1000);
      least = std::min(least, n);
      most = std::max(most, n);
      sum += n;
    }
  CHECK(least >= 500);
  CHECK(least < 510);
  CHECK(most < 1500);
  CHECK(most > 1490);
  CHECK(sum / 10'000.0 == doctest::Approx(1000).epsilon(0.01));
  CHECK(uneven.iterations_at(1, 2) != uneven.iterations_at(2, 1));
}
