// SPDX-License-Identifier: MIT
// What a runtime has logged, whole: to be read, or as another node has got it.
#pragma once
#include "seeing/event_store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::detail {

// Two looks at both clocks: what a tick is, and when it was.
struct tick_times {
  std::uint64_t began_ticks = 0, ended_ticks = 0;
  std::int64_t began = 0, ended = 0;  // ns of a steady clock
  // Of that clock, then.
  std::int64_t ns(std::int64_t ticks) const;
};

struct failure_story {
  std::uint64_t task = 0;
  std::string text;
};

// Events of a lane, as they are in memory: so they travel.
struct recorded_part {
  std::uint16_t lane = 0;
  std::vector<char> events;
};

struct recording {
  std::vector<std::string> ids = {};  // of its node (to_text), one for each cluster that it was in
  std::string name = {};              // for people
  tick_times times = {};              // as the clock of the reader has them
  std::vector<std::string> lanes = {}, names = {};  // by number; a lane may be empty: there is none
  std::vector<failure_story> failures = {};
  event_store events = {};
};

}  // namespace troupe::detail
