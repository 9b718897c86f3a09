// SPDX-License-Identifier: MIT
// The logs of all nodes of a run, read as one: in this node's time, with one number for each task and
// one address for each object wherever they are spoken of. What nodes did for others is left out, and
// what more than 500 of them say.
#pragma once
#include "seeing/recording.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

class merged_log {
public:
  // own: of this node. others: their times as the clock of this node has them.
  explicit merged_log(recording own, std::vector<recording> others = {});

  // Calls f(event) for each, in the order of their times; what they call numbers are those of name().
  // A task that another node ran has one submit, settle and end, here; its `answered` says that it has
  // ended there.
  void each(const std::function<void(const log_event&)>& f);
  const std::string& name(std::uint32_t number) const { return names_[number]; }
  struct lane {
    std::size_t node = 0;  // place in nodes()
    std::string name;      // empty: there is none
  };
  const std::vector<lane>& lanes() const { return lanes_; }
  const std::vector<std::string>& nodes() const { return nodes_; }  // their names, this one's first
  std::uint64_t count() const;                                      // of all events
  std::uint64_t lost() const;
  const std::vector<failure_story>& failures() const { return failures_; }

private:
  struct sent_attempt {
    std::uint64_t task = 0, top = 0;  // of it, its ancestor that another node has sent; 0: none
  };
  struct served_task {
    std::size_t node = 0;  // its own
    std::uint64_t attempt = 0;
  };
  struct member {
    recording is;
    std::vector<std::uint32_t> names = {};  // numbers in names_
    std::uint32_t name = 0;                 // the same, of its own
    std::uint16_t first_lane = 0;
    std::unordered_map<std::uint64_t, sent_attempt> sent = {};   // by attempt
    std::unordered_map<std::uint64_t, served_task> served = {};  // by task
    std::unordered_map<std::uint64_t, std::uint64_t> lent =
        {};  // makers, by their objects' numbers
  };
  struct translator;
  event_cursor cursor(member& m);
  void find_ties(std::size_t node);
  std::size_t node_of(const member& m, std::uint32_t name) const;
  const sent_attempt* origin(std::size_t node, std::uint64_t task) const;
  bool is_ours(std::size_t node, std::uint64_t top) const;
  std::uint64_t number_of(std::size_t node, std::uint64_t task) const;
  std::uint64_t maker_of(std::size_t node, std::uint64_t object) const;

  std::vector<member> members_;
  std::unordered_map<std::string, std::size_t> places_;  // of members, by their ids
  std::vector<std::string> names_, nodes_;
  std::vector<lane> lanes_;
  std::vector<failure_story> failures_;
};

}  // namespace troupe::detail
