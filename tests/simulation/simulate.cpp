// SPDX-License-Identifier: MIT
// Random programs, each in the simulation of its seed (seeds.hpp).
#include "tests/simulation/play.hpp"

int main(int argc, char** argv) {
  return simulated::play_seeds({"simulate", simulated::play, simulated::fewest_steps}, argc, argv);
}
