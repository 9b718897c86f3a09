// SPDX-License-Identifier: MIT
// What happens to the tasks of a runtime, as it happens: 32 bytes for each event, in a buffer of the
// thread that it happens on. Full buffers are kept, and beyond some megabytes written to a file without a
// name; so the memory is bounded however many there are.
#pragma once
#include "runtime/observer.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

struct seat;

struct event {
  enum kind : std::uint8_t {
    submit,  // other: its parent (0: the program), number: its name
    out,     // other: the address of the object that it makes
    input,   // other: the address of an object
    put,     // other: the address of an object that no task makes
    asks,    // for resources
    queued,  // it could begin
    begin,   // other: on whose stack, in whose place (0: nobody's)
    park,
    resume,
    awaits,  // other: the address of an object that its body waits for, or (task 0) the program
    sleep,   // other: how long, in ns
    away,    // another node is to run it
    gives,   // its body has returned a ref, and is gone
    retry,
    settle,  // number: 0: a value; else 1 + its failure::kind
    end
  };
  std::int64_t at = 0;  // ticks; when it is read, ns since the log began
  std::uint64_t task = 0;
  std::uint64_t other = 0;
  std::uint32_t number = 0;
  kind is = submit;
  std::uint8_t lane = 0;  // of the thread
};
static_assert(sizeof(event) == 32);

class log final : public observer {
public:
  log();
  ~log() override;
  log(const log&) = delete;
  log& operator=(const log&) = delete;

  // ---- observer: any thread
  void saw(moment what, const task& t, std::int64_t number) noexcept override;
  void saw_put(const object& o) noexcept override;
  void saw_input(const task& t, const object& o) noexcept override;
  void saw_wait(const task* t, const object& o) noexcept override;
  void saw_failure(const task& t, const failure& why) noexcept override;

  // ---- when nothing writes any more
  // Calls f(event) for each, in the order of their times.
  void each(const std::function<void(const event&)>& f);
  const std::string& name(std::uint32_t number) const { return names_[number]; }
  const std::string& lane_name(std::uint8_t lane) const { return lanes_[lane].name; }
  std::uint64_t count() const;
  struct story {
    std::uint64_t task;
    std::string text;
  };
  const std::vector<story>& failures() const { return failures_; }  // the first thousand
  std::uint64_t lost() const {
    return lost_;
  }  // there was no room for them on the disk, or they cannot be read

private:
  static constexpr std::size_t most_lanes = 128, events_of_a_chunk = 2048;
  static constexpr std::size_t chunks_in_memory = 256;  // 16 MiB
  struct chunk {
    std::array<event, events_of_a_chunk> events;
    std::size_t size = 0;
  };
  struct place {  // of a full chunk
    std::uint8_t lane;
    std::size_t size;
    std::unique_ptr<chunk> here;  // or:
    std::int64_t offset = 0;      // in the file
  };
  struct alignas(64) lane_of {
    std::unique_ptr<chunk> open;
    std::atomic<bool> busy{false};  // the last lane is that of many threads
    // Of functions, by their texts' addresses.
    std::unordered_map<const void*, std::uint32_t> names;
    std::unordered_map<std::string, std::uint32_t> own_names;
    std::string name;
  };
  void add(event::kind is, const task& t, std::uint64_t other = 0,
           std::uint32_t number = 0) noexcept;
  void add(const seat& s, event e) noexcept;
  struct hold_lane {
    lane_of* of;
    hold_lane(lane_of& l, const seat& s);
    hold_lane(const hold_lane&) = delete;
    ~hold_lane() {
      if (of) of->busy.store(false, std::memory_order_release);
    }
  };
  void full(lane_of& l, const seat& s) noexcept;
  void spill();
  std::uint32_t name_of(lane_of& l, const task& t);
  std::uint32_t number_of(std::string_view name);

  std::array<lane_of, most_lanes> lanes_;
  std::uint64_t began_ticks_ = 0, ended_ticks_ = 0;
  std::int64_t began_ = 0, ended_ = 0;  // ns

  std::mutex mutex_;  // guards what follows
  std::vector<place> full_;
  std::size_t written_ = 0, in_memory_ = 0;  // of those: so many are in the file; in memory
  std::vector<std::unique_ptr<chunk>> spare_;
  unsigned workers_ = 0;
  std::vector<story> failures_;
  int file_ = -1;
  std::int64_t file_size_ = 0;
  std::uint64_t lost_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace troupe::detail
