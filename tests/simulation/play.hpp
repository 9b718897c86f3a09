// SPDX-License-Identifier: MIT
#pragma once
#include "tests/simulation/seeds.hpp"

namespace simulated {

// The random program of this seed, in the simulation of this seed.
outcome play(std::uint64_t seed, bool with_trace);

inline constexpr std::size_t fewest_steps = 200;

}  // namespace simulated
