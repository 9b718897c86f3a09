// SPDX-License-Identifier: MIT
// Which task runs on which thread, from the events of a log: a body that runs in the place of its
// getter lies on top of it, and both leave the thread when the upper one parks.
#pragma once
#include "seeing/log_event.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

class timeline {
public:
  // f(task, lane, at): its body begins or goes on; stops or ends, the uppermost first.
  template <class Open, class Close> void take(const log_event& e, Open open, Close close) {
    switch (e.is) {
      case log_event::begin: {
        running& r = tasks_[e.task];
        r.below = e.other;
        put(e.task, r, e.lane, e.at, open);
        break;
      }
      case log_event::resume: {
        std::vector<std::uint64_t> all{e.task};
        for (auto at = tasks_.find(e.task);
             at != tasks_.end() && at->second.below != 0 && all.size() < deepest;
             at = tasks_.find(all.back()))
          all.push_back(at->second.below);
        for (auto i = all.rbegin(); i != all.rend(); ++i) put(*i, tasks_[*i], e.lane, e.at, open);
        break;
      }
      case log_event::park:
        for (std::uint64_t id = e.task, n = 0; id != 0 && n < deepest; ++n) {
          const auto at = tasks_.find(id);
          if (at == tasks_.end()) break;
          take_off(id, at->second, e.at, close);
          id = at->second.below;
        }
        break;
      case log_event::retry:
      case log_event::answered:
      case log_event::gives:
        if (const auto at = tasks_.find(e.task); at != tasks_.end()) {
          take_off(e.task, at->second, e.at, close);
          at->second.below = 0;
        }
        break;
      case log_event::settle:
        if (const auto at = tasks_.find(e.task); at != tasks_.end()) {
          take_off(e.task, at->second, e.at, close);
          tasks_.erase(at);
        }
        break;
      default: break;
    }
  }
  // Those that run still.
  template <class Close> void end(std::int64_t now, Close close) {
    for (auto& [number, lane] : lanes_)
      while (!lane.empty()) take_off(lane.back(), tasks_.at(lane.back()), now, close);
  }

private:
  static constexpr std::size_t deepest = 100'000;  // what other nodes say may have rings
  struct running {
    std::uint64_t below = 0;  // it runs in its place
    int lane = -1;            // -1: not at present
  };
  template <class Open>
  void put(std::uint64_t id, running& r, std::uint16_t lane, std::int64_t at, Open open) {
    if (r.lane != -1) return;
    r.lane = lane;
    lanes_[lane].push_back(id);
    open(id, lane, at);
  }
  // And what lies above it, which cannot be: so that what is told is always nested.
  template <class Close> void take_off(std::uint64_t id, running& r, std::int64_t at, Close close) {
    if (r.lane == -1) return;
    const auto number = static_cast<std::uint16_t>(r.lane);
    auto& lane = lanes_[number];
    while (!lane.empty()) {
      const std::uint64_t top = lane.back();
      lane.pop_back();
      tasks_.at(top).lane = -1;
      close(top, number, at);
      if (top == id) break;
    }
  }

  std::unordered_map<std::uint64_t, running> tasks_;
  std::unordered_map<std::uint16_t, std::vector<std::uint64_t>> lanes_;
};

// Which task makes the object at an address, as of the events taken in so far.
class makers {
public:
  void take(const log_event& e) {
    if (e.is == log_event::out) at_[e.other] = e.task;
    else if (e.is == log_event::put) at_[e.other] = 0;
  }
  std::uint64_t of(std::uint64_t address) const {
    const auto found = at_.find(address);
    return found == at_.end() ? 0 : found->second;
  }

private:
  std::unordered_map<std::uint64_t, std::uint64_t> at_;
};

}  // namespace troupe::detail
