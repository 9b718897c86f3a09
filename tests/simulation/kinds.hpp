// SPDX-License-Identifier: MIT
// The features that random programs are made of, a table for each theme, and what these share.
#pragma once
#include "tests/simulation/plan.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace simulated {

std::vector<kind> basic_kinds();      // put, submit, get, wait, sleep, fail
std::vector<kind> ending_kinds();     // cancel, deadlines, stop tokens, retries
std::vector<kind> waiting_kinds();    // as_completed, then, tuples, try_submit
std::vector<kind> streaming_kinds();  // streams
std::vector<kind> coroutine_kinds();  // troupe::task<T>
std::vector<kind> actor_kinds();      // stateful actors

// What a serial program gives: the error of the first input that failed, or all numbers in one.
expected folded(const node& n, const std::vector<expected>& in);
number fold(number own, const std::vector<value>& v);

// So that it may settle with deadline_exceeded.
bool has_short_deadline(const node& n);
troupe::task_options options(const node& n);
// The same, perhaps with resources: for a body that waits for no other task, which might ask for
// them as well.
troupe::task_options leaf_options(const node& n);

template <auto F>
value_ref with_all(const troupe::scope& s, const node& n, const std::vector<value_ref>& in) {
  return s.with(options(n)).submit<F>(n.own, in);
}
template <auto F>
value_ref leaf_with_all(const troupe::scope& s, const node& n, const std::vector<value_ref>& in) {
  return s.with(leaf_options(n)).submit<F>(n.own, in);
}

// Bodies that several themes use.
void dawdle(number own);
value plain(number own, const std::vector<value>& v);

}  // namespace simulated
