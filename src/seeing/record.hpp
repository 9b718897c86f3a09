// SPDX-License-Identifier: MIT
// A log, read: the tasks of a run, what they waited for, and which of them the run's length is due to.
#pragma once
#include "seeing/merged_log.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe::detail {

struct record {
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};
  static constexpr std::int64_t never = -1;

  // Times are ns since the log began.
  struct one {
    std::uint64_t id = 0;
    std::uint32_t name = 0, parent = nobody;
    std::int64_t submitted = 0, begun = never, settled = never;
    std::int64_t asked = never, queued = never;  // for resources; after them, or in its turn
    std::int64_t away = never;                   // it set out for another node
    std::int64_t busy = 0, parked = 0;           // on a thread, without those that ran in its place
    std::uint32_t outcome = 0;                   // 0: a value; else 1 + its failure::kind
  };
  // `what` needs `from`: as an argument, or its body has waited for it at that time.
  struct edge {
    std::uint32_t from, what;
    std::int64_t at;  // never: an argument
  };
  struct slice {
    std::uint32_t task;
    std::uint16_t lane;
    std::uint8_t depth;
    std::int64_t begin, end;
  };
  // A part of the critical path.
  struct step {
    enum kind : std::uint8_t { works, queued, waits_for_resources, program, away } is = works;
    std::uint32_t task = nobody;
    std::int64_t begin = 0, end = 0;
  };

  std::string program;
  std::vector<one> tasks;  // by the time of their submission
  std::vector<edge> edges;
  std::vector<edge> awaited;  // by the program: from whom, and when
  std::vector<slice> slices;  // by the time of their begin
  std::vector<step> path;     // the critical one, from its first to its last moment
  std::vector<std::string> names;
  std::vector<std::string> lanes;  // by number; empty: there is none. Of several nodes: with these
  std::int64_t began = 0, ended = 0;
  std::vector<std::pair<std::uint32_t, std::string>> failures;  // tasks, with their whole stories
  std::uint64_t left_out = 0;                                   // tasks beyond the most
  std::uint64_t lost = 0;                                       // events

  const std::string& name(std::uint32_t task) const { return names[tasks[task].name]; }
};

// Of the first million tasks.
record read_record(merged_log& l, const std::string& program);

}  // namespace troupe::detail
