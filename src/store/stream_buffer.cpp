// SPDX-License-Identifier: MIT
#include "store/stream_buffer.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::detail {

stream_buffer::effects stream_buffer::look() {
  effects e;
  if (producer_may()) e.answer[producer] = std::exchange(waits_[producer], false);
  if (consumer_may()) e.answer[consumer] = std::exchange(waits_[consumer], false);
  return e;
}

stream_buffer::effects stream_buffer::given() {
  ++given_;
  return look();
}

stream_buffer::effects stream_buffer::taken(std::uint64_t total) {
  taken_ = total;
  return look();
}

stream_buffer::effects stream_buffer::wait(side who, std::uint64_t party) {
  waits_[who] = true;
  party_[who] = party;
  return look();
}

bool stream_buffer::withdraw(side who) { return std::exchange(waits_[who], false); }

stream_buffer::effects stream_buffer::finish() {
  finished_ = true;
  return look();
}

stream_buffer::effects stream_buffer::leave() {
  left_ = true;
  return look();
}

stream_buffer::effects stream_buffer::close(std::uint64_t party) {
  effects e;
  for (auto who : {producer, consumer})
    if (waits_[who] && party_[who] == party) {
      waits_[who] = false;
      e.answer[who] = true;
    }
  return e;
}

void stream_buffer::check() const {
  auto must = [](bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  };
  must(taken_ <= given_, "no more is taken than was given");
  must(finished_ || given_ - taken_ <= capacity_, "no more is there than fits");
  must(!waits_[producer] || !producer_may(), "a producer that may go on does not wait");
  must(!waits_[consumer] || !consumer_may(), "a consumer that may go on does not wait");
}

}  // namespace troupe::detail
