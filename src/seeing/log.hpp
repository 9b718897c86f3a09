// SPDX-License-Identifier: MIT
// What happens to the tasks of a runtime, as it happens: events, in a buffer of the thread that it
// happens on. merged_log.hpp reads it.
#pragma once
#include "runtime/observer.hpp"
#include "seeing/recording.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

struct seat;

// What events call an object.
inline std::uint64_t address_of(const object& o) { return reinterpret_cast<std::uintptr_t>(&o); }

class log final : public observer {
public:
  log();
  log(const log&) = delete;
  log& operator=(const log&) = delete;

  // ---- observer: any thread
  void saw(moment what, const task& t, std::int64_t number) noexcept override;
  void saw_put(const object& o) noexcept override;
  void saw_input(const task& t, const object& o) noexcept override;
  void saw_wait(const task* t, const object& o) noexcept override;
  void saw_failure(const task& t, const failure& why) noexcept override;

  // ---- its node: any thread
  // One of the events between nodes.
  void saw_node(log_event::kind is, std::uint64_t task, std::uint64_t other,
                std::string_view node = {}) noexcept;
  // What there is so far, while others write: from its chunk `first` on, at most so many chunks.
  struct parts {
    std::vector<recorded_part> all;
    std::size_t next = 0;  // chunk to go on with
    bool last = false;     // that was all of it
  };
  parts copy(std::size_t first, std::size_t most);
  // All about it but its events.
  recording about();
  void clear();  // nobody wants those so far
  // What another node has logged of the same run, in which this one has that id (to_text).
  void add_other(recording&& r, const std::string& own_id);

  // ---- when nothing writes any more
  recording take();
  std::vector<recording> take_others();

private:
  static constexpr std::size_t most_lanes = 128;
  struct alignas(64) lane_of {
    std::unique_ptr<event_store::chunk> open;
    std::atomic<bool> busy{false};  // the last lane is that of many threads
    // Of functions, by their texts' addresses.
    std::unordered_map<const void*, std::uint32_t> names;
    std::unordered_map<std::string, std::uint32_t> own_names;
    std::string name;  // guarded by mutex_
  };
  void add(log_event::kind is, const task& t, std::uint64_t other = 0,
           std::uint32_t number = 0) noexcept;
  void add(const seat& s, log_event e) noexcept;
  struct hold_lane {
    lane_of* of;
    hold_lane(lane_of& l, const seat& s);
    hold_lane(const hold_lane&) = delete;
    ~hold_lane() {
      if (of) of->busy.store(false, std::memory_order_release);
    }
  };
  void full(lane_of& l, const seat& s) noexcept;
  std::uint32_t name_of(lane_of& l, const task& t);
  std::uint32_t number_of(std::string_view name);

  std::array<lane_of, most_lanes> lanes_;
  std::uint64_t began_ticks_ = 0;
  std::int64_t began_ = 0;  // ns

  std::mutex mutex_;  // guards what follows, and which chunk is open
  event_store full_;
  unsigned workers_ = 0;
  std::vector<failure_story> failures_;  // the first thousand
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<recording> others_;
  std::vector<std::string> own_ids_;
};

}  // namespace troupe::detail
