// SPDX-License-Identifier: MIT
// The tasks of random graphs that run on several nodes; the same in the driver and in its workers.
#pragma once
#include <troupe/export.hpp>
#include <troupe/troupe.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace graph_tasks {

using number = std::uint64_t;

inline number mix(number a, number b) {
  return (a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccd;
}
inline number fold(number own, const std::vector<number>& all) {
  for (const number n : all) own = mix(own, n);
  return own;
}
inline bool works = true;          // false: a body takes no time
inline std::size_t much = 25'000;  // numbers

inline void work() {  // some 0.3 ms of a processor
  if (!works) return;
  for (const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(300);
       std::chrono::steady_clock::now() < until;) {}
}

inline number plain(number own, const std::vector<number>& inputs) {
  work();
  return fold(own, inputs);
}
inline number pauses(number own, number input) {
  troupe::here().sleep_for(std::chrono::milliseconds(own % 5));
  return mix(own, input);
}
inline troupe::ref<number> nested(number own, const std::vector<number>& inputs) {
  auto& rt = troupe::here();
  std::vector<troupe::ref<number>> parts;
  for (number i = 0; i < 3; ++i) parts.push_back(rt.submit<plain>(own + i, inputs));
  return rt.submit<plain>(own, parts);
}
inline number nested_value(number own, const std::vector<number>& inputs) {
  return fold(own, {fold(own, inputs), fold(own + 1, inputs), fold(own + 2, inputs)});
}
inline number tree(number n) {
  if (n == 0) return 1;
  const auto rest = troupe::here().submit<tree>(n - 1);
  return mix(n, troupe::here().get(rest));
}
inline number tree_value(number n) { return n == 0 ? 1 : mix(n, tree_value(n - 1)); }
inline std::vector<number> big(number own) {
  std::vector<number> all(much);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = own + i;
  return all;
}
inline number sum(const std::vector<number>& all, number own) {
  number n = own;
  for (const number x : all) n += x;
  return n;
}
inline std::vector<number> shifted(const std::vector<number>& all, number by) {
  std::vector<number> moved = all;
  for (number& n : moved) n += by;
  return moved;
}
inline number peek(troupe::ref<std::vector<number>> all, number own) {
  return mix(own, troupe::here().get(all)[own]);
}
inline std::vector<troupe::ref<number>> split(number own, const std::vector<number>& inputs) {
  auto& rt = troupe::here();
  std::vector<troupe::ref<number>> parts;
  for (number i = 0; i < 3; ++i) parts.push_back(rt.submit<pauses>(own + i, fold(own, inputs)));
  parts.push_back(rt.put(own));
  return parts;
}
// Refs in the values of refs.
using parts = std::vector<troupe::ref<number>>;
inline std::vector<troupe::ref<parts>> split_deep(number own, const std::vector<number>& inputs) {
  std::vector<troupe::ref<parts>> all;
  for (number i = 0; i < 2; ++i) all.push_back(troupe::here().submit<split>(own + i, inputs));
  return all;
}
// Refs that it was given: when it runs again, it gives the same ones.
inline parts hand_on(troupe::ref<parts> all, number own) {
  const parts inside = troupe::here().get(all);
  return {inside[2], troupe::here().submit<pauses>(own, own), inside[0]};
}
inline number split_value(number own, const std::vector<number>& inputs) {
  const number in = fold(own, inputs);
  return fold(own, {mix(own, in), mix(own + 1, in), mix(own + 2, in), own});
}
inline number hand_on_value(number own, const std::vector<number>& inputs) {
  const number in = fold(own, inputs);
  return fold(own, {mix(own + 2, in), mix(own, own), mix(own, in)});
}
inline number gather_deep(troupe::ref<std::vector<troupe::ref<parts>>> all, number own) {
  std::vector<number> sums;
  for (const auto& some : troupe::here().get(all)) {
    std::vector<number> one;
    const parts inside = troupe::here().get(some);
    troupe::here().sleep_for(std::chrono::milliseconds(own % 40));  // nodes may die meanwhile
    for (const auto& p : inside) one.push_back(troupe::here().get(p));
    sums.push_back(fold(own + sums.size(), one));
  }
  return fold(own, sums);
}
inline number gather(troupe::ref<std::vector<troupe::ref<number>>> parts, number own) {
  std::vector<number> all;
  for (const auto& p : troupe::here().get(parts)) all.push_back(troupe::here().get(p));
  return fold(own, all);
}
inline number fails(number own, number) { throw std::runtime_error("node " + std::to_string(own)); }
inline number for_ever(number n) {
  troupe::here().sleep_for(std::chrono::hours(1));
  return n;
}

// An actor whose state is a sum, and something long if it was made so.
class tally {
public:
  explicit tally(number ballast) : ballast_(ballast, 1) {}
  number add(number n) { return sum_ += n; }
  number pauses(number n) {
    troupe::here().sleep_for(std::chrono::milliseconds(n % 20));
    return sum_ += n;
  }
  number breaks(number n) {
    sum_ += n;
    throw troupe::actor_broken("at " + std::to_string(sum_));
  }
  number get() const { return sum_; }
  struct state {
    number sum;
    std::vector<number> ballast;
  };
  state snapshot() const { return {sum_, ballast_}; }
  void restore(const state& s) {
    sum_ = s.sum;
    ballast_ = s.ballast;
  }

private:
  number sum_ = 0;
  std::vector<number> ballast_;
};

inline int kills_its_node() {
  ::raise(SIGKILL);
  return 0;
}

inline void export_all() {
  troupe::export_tasks<kills_its_node, plain, pauses, nested, tree, big, sum, shifted, peek, split,
                       split_deep, gather_deep, gather, hand_on, fails, for_ever>();
  troupe::export_actor<tally(number), &tally::add, &tally::pauses, &tally::breaks, &tally::get>();
}

}  // namespace graph_tasks
