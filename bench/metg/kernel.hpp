// SPDX-License-Identifier: MIT
// The work of a point: Task Bench's compute_bound, plain or with its load imbalance.
#pragma once
#include <cstdint>

namespace metg {

constexpr long flops_per_iteration = 128;

// Multiplies and adds in registers, 128 flops an iteration. It stands in a translation unit of its own, so
// that all systems run the same code. Aborts if its numbers go wrong.
void compute(long iterations);

// A number in [0, 1) that depends on the point only (splitmix64's mixer, twice).
inline double chance_of(long t, long x) {
  const auto mix = [](std::uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  };
  const auto bits = mix(mix(static_cast<std::uint64_t>(t)) ^ static_cast<std::uint64_t>(x));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

struct kernel {
  long iterations = 0;
  double imbalance = 0;  // 0 ... 2: a point's work is 1 + (U - 0.5) * imbalance of the average

  long iterations_at(long t, long x) const {
    if (imbalance == 0) return iterations;
    const double share = 1 + (chance_of(t, x) - 0.5) * imbalance;
    return static_cast<long>(static_cast<double>(iterations) * share);
  }
};

}  // namespace metg
