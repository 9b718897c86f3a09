// SPDX-License-Identifier: MIT
// expect-output: ^at most four at once on two gpus: yes$
// expect-output: ^urgent before idle: yes$
// expect-output: 'tpu' 1 can never be given
// expect-output: 'windows' is not a label
// What a task needs before it may begin: shares of what there is little of, labels, and its turn.
#include <troupe/troupe.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

std::atomic<int> running{0}, most{0};

int train(int model) {
  const int now = ++running;
  for (int m = most; now > m && !most.compare_exchange_weak(m, now);) {}
  troupe::here().sleep_for(2ms);  // parked, it keeps its half of a gpu
  --running;
  return model;
}

int main() {
  troupe::runtime rt{{.workers = 2, .resources = {{"gpu", 2}}, .labels = {"linux", "fast-disk"}}};

  std::vector<troupe::ref<int>> models;
  for (int i = 0; i < 12; ++i)
    models.push_back(rt.with({.resources = {{"gpu", 0.5}}, .labels = {"linux"}}).submit<train>(i));
  rt.get(models);
  std::cout << "at most four at once on two gpus: " << (most <= 4 ? "yes" : "no") << '\n';

  // Both wait for all of the gpus; a level of priority is worth 100 ms of waiting.
  std::vector<std::string> order;  // only who has the gpus writes to it
  auto note = [&](std::string who) { order.push_back(who); };
  auto holder = rt.with({.resources = {{"gpu", 2}}}).submit([] { troupe::here().sleep_for(5ms); });
  rt.with({.priority = -10, .resources = {{"gpu", 2}}}).submit(note, "idle");
  rt.with({.priority = 10, .resources = {{"gpu", 2}}}).submit(note, "urgent");
  rt.drain();
  std::cout << "urgent before idle: " << (order.front() == "urgent" ? "yes" : "no") << '\n';

  for (const troupe::task_options& impossible :
       {troupe::task_options{.resources = {{"tpu", 1}}}, {.labels = {"windows"}}})
    try {
      rt.with(impossible).submit<train>(0);
    } catch (const troupe::error& e) { std::cout << e.what() << '\n'; }
}
