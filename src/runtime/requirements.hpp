// SPDX-License-Identifier: MIT
// What a runtime has and what a task asks for: options into whole numbers, with every complaint.
#pragma once
#include "graph/resources.hpp"

#include <troupe/options.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::detail {

// Of ten-thousandths, as people write it: "0.5".
std::string amount_in_words(std::int64_t amount);
// In ten-thousandths. Throws as totals_of.
std::int64_t amount_of(const std::string& name, double amount, const char* where);
// Of each resource, by its place in the map; ten-thousandths. Throws troupe::error for an amount or
// a label that means nothing.
std::vector<std::int64_t> totals_of(const runtime_options& has);
// Whether the runtime has all the labels, and so much of each resource. Throws troupe::error for an
// amount that means nothing.
bool can_meet(const runtime_options& has, const task_options& asks);
// Throws troupe::error if the runtime can never give what is asked for.
std::vector<resource_part> parts_of(const runtime_options& has, const task_options& asks);
// Throws troupe::error if the runtime has not all the labels.
void check_labels(const runtime_options& has, const task_options& asks);

// How long before its own time a task of this priority is due, in nanoseconds.
constexpr std::int64_t advance_of(int priority) { return std::int64_t{priority} * 100'000'000; }

}  // namespace troupe::detail
