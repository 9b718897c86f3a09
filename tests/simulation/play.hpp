// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace simulated {

struct outcome {
  std::string wrong;  // empty: all is as the plan says
  std::size_t steps = 0;
  std::string trace;  // if it was asked for
};
// The random program of this seed, in the simulation of this seed.
outcome play(std::uint64_t seed, bool with_trace);

inline constexpr std::size_t fewest_steps = 200;

}  // namespace simulated
