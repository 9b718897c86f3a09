// SPDX-License-Identifier: MIT
// Cancelling a task ends all that it has spawned: what has not begun never begins, what waits is
// woken, what computes is told by its stop token.
// expect-output: ^the search was cancelled$
// expect-output: ^4 of 4 searchers have stopped$
#include <troupe/troupe.hpp>

#include <atomic>
#include <iostream>
#include <thread>
#include <vector>

std::atomic<int> searching{0}, stopped{0};

int search_a_part() {  // computes, and looks up now and then
  const auto stop = troupe::here().stop_token();
  ++searching;
  while (!stop.stop_requested()) std::this_thread::yield();
  ++stopped;
  return 0;
}

int search() {
  std::vector<troupe::ref<int>> parts;
  for (int i = 0; i < 4; ++i) parts.push_back(troupe::here().submit<search_a_part>());
  int found = 0;
  for (auto& part : parts) found += troupe::here().get(part);  // wakes with `cancelled`
  return found;
}

int main() {
  troupe::runtime rt{{.workers = 4}};
  auto found = rt.submit<search>();
  while (searching < 4) std::this_thread::yield();
  rt.cancel(found);
  try {
    const int where = rt.get(found);
    std::cout << "found " << where << '\n';
  } catch (const troupe::cancelled&) { std::cout << "the search was cancelled\n"; }
  rt.drain();  // until every body has ended
  std::cout << stopped << " of 4 searchers have stopped\n";
}
