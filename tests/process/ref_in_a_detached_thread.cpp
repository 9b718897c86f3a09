// SPDX-License-Identifier: MIT
// main returns while a detached thread still holds refs, and drops some.
// expect-output: main ends
#include <troupe/troupe.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

int main() {
  static std::atomic<bool> begun{false};
  {
    troupe::runtime rt{{.workers = 2}};
    std::vector<troupe::ref<std::string>> all;
    for (int i = 0; i < 20'000; ++i)
      all.push_back(rt.submit(
          [](int x) { return std::to_string(x) + " and more than fits into the string itself"; },
          i));
    rt.drain();
    std::thread{[all = std::move(all)]() mutable {
      begun = true;
      while (true) {
        if (all.size() > 100) all.pop_back();
        else std::this_thread::yield();
      }
    }}.detach();
    while (!begun) std::this_thread::yield();
  }
  std::puts("main ends");
}
