// SPDX-License-Identifier: MIT
// The flow of one stream's values: how many were given and taken, and who waits. Pure: events in,
// effects out; the values lie elsewhere. One stream_buffer belongs to one stream actor.
//
//   producer:  gives --no room--> waits --half empty, left, its runtime ends--> gives
//   consumer:  takes --nothing there--> waits --given, finished, its runtime ends--> takes
#pragma once
#include <cstddef>
#include <cstdint>

namespace troupe::detail {

class stream_buffer {
public:
  enum side : std::uint8_t { producer, consumer };
  // Whose wait is over.
  struct effects {
    bool answer[2] = {false, false};
  };

  explicit stream_buffer(std::size_t capacity) : capacity_(capacity) {}

  // One more value. Precondition: there was room; after a finish it is of no use to anybody.
  [[nodiscard]] effects given();
  // So many in all. Precondition: not fewer than before, not more than given.
  [[nodiscard]] effects taken(std::uint64_t total);
  // A side cannot go on. `party`: the runtime with whose end the wait is over. Precondition: that
  // side does not wait.
  [[nodiscard]] effects wait(side who, std::uint64_t party);
  // A side gives up its wait. True: it was waiting, and is to be answered now; false: it has been.
  [[nodiscard]] bool withdraw(side who);
  // The producer gives no more.
  [[nodiscard]] effects finish();
  // The consumer takes no more.
  [[nodiscard]] effects leave();
  // A runtime ends.
  [[nodiscard]] effects close(std::uint64_t party);

  std::uint64_t given_so_far() const { return given_; }
  std::uint64_t taken_so_far() const { return taken_; }
  bool finished() const { return finished_; }
  bool left() const { return left_; }
  bool waits(side who) const { return waits_[who]; }
  // Tests every invariant; throws std::logic_error with the one that does not hold.
  void check() const;

private:
  effects look();
  // A producer that waits goes on when half of the buffer is free: not at each value.
  bool producer_may() const { return left_ || given_ - taken_ <= capacity_ / 2; }
  bool consumer_may() const { return finished_ || given_ > taken_; }

  std::size_t capacity_;
  std::uint64_t given_ = 0, taken_ = 0;
  std::uint64_t party_[2] = {0, 0};  // with waits_
  bool waits_[2] = {false, false};
  bool finished_ = false, left_ = false;
};

}  // namespace troupe::detail
