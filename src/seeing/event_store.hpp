// SPDX-License-Identifier: MIT
// Events of many threads, in chunks. Beyond some megabytes they go to a file without a name: so the
// memory is bounded however many there are. Not thread-safe.
#pragma once
#include "seeing/log_event.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

namespace troupe::detail {

class event_store {
public:
  static constexpr std::size_t events_of_a_chunk = 2048;
  struct chunk {
    std::array<log_event, events_of_a_chunk> events;
    std::atomic<std::size_t> size{0};  // one thread writes, and others may read what is there
  };

  event_store() = default;
  event_store(event_store&& o) noexcept { *this = std::move(o); }
  event_store& operator=(event_store&& o) noexcept;
  ~event_store();

  std::unique_ptr<chunk> empty_chunk();  // throws std::bad_alloc
  // The next of that lane. Throws std::bad_alloc, and then it is not there.
  void add(std::uint16_t lane, std::unique_ptr<chunk>& full);
  void clear();

  std::size_t chunks() const { return all_.size(); }
  std::uint16_t lane_of(std::size_t i) const { return all_[i].lane; }
  // Its events, in memory or in `copy`, until the next call; how many there are. None: they are lost.
  const log_event* read(std::size_t i, std::unique_ptr<chunk>& copy, std::size_t& size);
  std::uint64_t events() const { return events_; }
  // There was no room for them on the disk, or they cannot be read.
  std::uint64_t lost() const { return lost_; }
  void lose(std::uint64_t events) { lost_ += events; }

private:
  static constexpr std::size_t most_in_memory = 256;  // chunks: 16 MiB
  struct place {
    std::uint16_t lane;
    std::size_t size;
    std::unique_ptr<chunk> here;  // or:
    std::int64_t offset = 0;      // in the file
  };
  void spill();

  std::vector<place> all_;
  std::size_t written_ = 0, in_memory_ = 0;  // of those: so many are in the file; in memory
  std::vector<std::unique_ptr<chunk>> spare_;
  int file_ = -1;
  std::int64_t file_size_ = 0;
  std::uint64_t events_ = 0, lost_ = 0;
};

// Reads all of a store in the order of their times, those of a lane in their own order.
class event_cursor {
public:
  // time_of(e): when that was.
  using clock = std::function<std::int64_t(const log_event&)>;
  event_cursor(event_store& all, clock time_of);
  bool next(log_event& e);  // false: there are no more

private:
  struct lane {
    std::vector<std::size_t> chunks = {};
    std::size_t next = 0, at = 0, size = 0;
    std::unique_ptr<event_store::chunk> copy = {};
    const log_event* events = nullptr;
  };
  struct head {
    std::int64_t at;
    std::size_t lane;
    bool operator>(const head& o) const { return at != o.at ? at > o.at : lane > o.lane; }
  };
  void go_on(std::size_t lane);

  event_store& all_;
  clock time_of_;
  std::vector<lane> lanes_;
  std::priority_queue<head, std::vector<head>, std::greater<>> heads_;
};

}  // namespace troupe::detail
