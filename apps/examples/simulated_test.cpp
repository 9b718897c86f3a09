// SPDX-License-Identifier: MIT
// A test of a program with retries and a time limit: thousands of interleavings and faults, a seed
// each. A seed that fails is replayed by its number, and its history says what happened.
// expect-output: ^2000 seeds: [0-9]+ orders served, [0-9]+ given up$
// expect-output: s  #1 order: begins$
#include <troupe/testing.hpp>
#include <troupe/troupe.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

// ---- the program: three tries to charge a card, then the order is given up ----------------------
int charges = 0;

int charge(int amount) {
  troupe::here().sleep_for(std::chrono::seconds(amount));  // the bank takes its time
  troupe::testing::point("bank");                          // costs nothing outside of simulations
  ++charges;
  return amount;
}

bool order(int amount) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    try {
      troupe::here().get(troupe::here().submit<charge>(amount));
      return true;
    } catch (const troupe::task_error&) { troupe::here().sleep_for(1min); }
  }
  return false;
}

// ---- its test -----------------------------------------------------------------------------------
int main() {
  int served = 0, given_up = 0;
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    troupe::testing::simulation sim{seed};
    sim.fail("bank", 0.3);
    charges = 0;
    auto& rt = sim.runtime();
    std::vector<troupe::ref<bool>> orders;
    for (int i = 0; i < 5; ++i)
      orders.push_back(
          rt.with({.name = "order"}).submit<order>(1 + static_cast<int>(sim.random(30))));
    int here = 0;
    for (bool yes : rt.get(orders)) ++(yes ? here : given_up);
    served += here;
    sim.run();
    sim.check();
    if (charges != here || sim.now() > 10min) {  // nobody pays for nothing, or twice
      std::printf("seed %u:\n%s", seed, sim.trace().c_str());
      return 1;
    }
    if (seed == 2000) std::fputs(sim.trace().c_str(), stdout);
  }
  std::printf("2000 seeds: %d orders served, %d given up\n", served, given_up);
}
