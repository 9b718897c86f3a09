// SPDX-License-Identifier: MIT
// Chance that is the same everywhere: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom
// number generators, OOPSLA 2014), as in java.util.SplittableRandom.
#pragma once
#include <cstdint>

namespace troupe::testing::detail {

class random_numbers {
public:
  explicit random_numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Less than n, which is at most 2^32: its bias is below n / 2^32.
  std::uint64_t below(std::uint64_t n) { return (next() >> 32) * n >> 32; }
  bool chance(double p) { return static_cast<double>(next() >> 11) * 0x1p-53 < p; }

private:
  std::uint64_t state_;
};

}  // namespace troupe::testing::detail
