// SPDX-License-Identifier: MIT
// The command line of a program that plays seeds, each in a simulation of its own:
//   --seeds N [--first S] [--jobs J]    N of them, in J processes; the first that fails ends it
//   --seed S                            one of them, with its history
//   --histories N [--first S]           a line for each: the seed, its steps, its history's hash
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace simulated {

struct outcome {
  std::string wrong;  // empty: all as planned
  std::size_t steps = 0;
  std::string trace;  // if it was asked for
};

struct simulator {
  const char* name;
  outcome (*play)(std::uint64_t seed, bool with_trace);
  std::size_t fewest_steps;  // a seed with fewer has not played what it should
};

// Gives the exit code: 0, 1 (a seed has failed) or 2 (the command line is wrong).
int play_seeds(const simulator& sim, int argc, char** argv);

}  // namespace simulated
