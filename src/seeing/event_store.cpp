// SPDX-License-Identifier: MIT
#include "seeing/event_store.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

namespace troupe::detail {

namespace {
// Gone when it is closed. -1: the system gives none.
int nameless_file() {
  const char* where = std::getenv("TMPDIR");
  std::string name = std::string(where && *where ? where : "/tmp") + "/troupe-log-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd != -1) ::unlink(name.c_str());
  return fd;
}
// pwrite or pread, until all of it is done. False: it cannot be.
template <class Move, class Byte>
bool move_all(Move move, int fd, Byte* bytes, std::size_t size, std::int64_t offset) {
  while (size > 0) {
    const ssize_t n = move(fd, bytes, size, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    offset += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}
}  // namespace

event_store& event_store::operator=(event_store&& o) noexcept {
  all_.swap(o.all_);
  spare_.swap(o.spare_);
  std::swap(written_, o.written_);
  std::swap(in_memory_, o.in_memory_);
  std::swap(file_, o.file_);
  std::swap(file_size_, o.file_size_);
  std::swap(events_, o.events_);
  std::swap(lost_, o.lost_);
  return *this;
}
event_store::~event_store() {
  if (file_ != -1) ::close(file_);
}

std::unique_ptr<event_store::chunk> event_store::empty_chunk() {
  if (spare_.empty()) return std::make_unique<chunk>();
  auto c = std::move(spare_.back());
  spare_.pop_back();
  c->size.store(0, std::memory_order_relaxed);
  return c;
}

void event_store::add(std::uint16_t lane, std::unique_ptr<chunk>& full) {
  const std::size_t size = full->size.load(std::memory_order_relaxed);
  all_.push_back({lane, size, nullptr, 0});
  all_.back().here = std::move(full);
  events_ += size;
  if (++in_memory_ > most_in_memory) spill();
}

void event_store::clear() {
  all_.clear();
  written_ = in_memory_ = 0;
  events_ = lost_ = 0;
  file_size_ = 0;
  if (file_ != -1) ::close(std::exchange(file_, -1));
}

// The oldest in memory goes to the file.
void event_store::spill() {
  if (file_ == -1) file_ = nameless_file();
  for (; written_ < all_.size() && in_memory_ > most_in_memory; ++written_) {
    place& p = all_[written_];
    const std::size_t bytes = p.size * sizeof(log_event);
    if (file_ == -1 ||
        !move_all(::pwrite, file_, reinterpret_cast<const char*>(p.here->events.data()), bytes,
                  file_size_)) {
      events_ -= p.size;
      lost_ += p.size;
      p.size = 0;
    } else {
      p.offset = file_size_;
      file_size_ += static_cast<std::int64_t>(bytes);
    }
    if (spare_.size() < 16) spare_.push_back(std::move(p.here));
    p.here.reset();
    --in_memory_;
  }
}

const log_event* event_store::read(std::size_t i, std::unique_ptr<chunk>& copy, std::size_t& size) {
  place& p = all_[i];
  size = p.size;
  if (p.here || size == 0) return p.here ? p.here->events.data() : nullptr;
  if (!copy) copy = std::make_unique<chunk>();
  if (!move_all(::pread, file_, reinterpret_cast<char*>(copy->events.data()),
                size * sizeof(log_event), p.offset)) {
    events_ -= size;
    lost_ += size;
    size = p.size = 0;
    return nullptr;
  }
  return copy->events.data();
}

event_cursor::event_cursor(event_store& all, clock time_of)
    : all_(all),
      time_of_(std::move(time_of)) {
  for (std::size_t i = 0; i < all.chunks(); ++i) {
    if (lanes_.size() <= all.lane_of(i)) lanes_.resize(all.lane_of(i) + std::size_t{1});
    lanes_[all.lane_of(i)].chunks.push_back(i);
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) go_on(i);
}

void event_cursor::go_on(std::size_t number) {
  lane& l = lanes_[number];
  if (l.at == l.size)
    for (l.at = l.size = 0; l.size == 0 && l.next < l.chunks.size();)
      l.events = all_.read(l.chunks[l.next++], l.copy, l.size);
  if (l.at < l.size) heads_.push({time_of_(l.events[l.at]), number});
}

bool event_cursor::next(log_event& e) {
  if (heads_.empty()) return false;
  const head first = heads_.top();
  heads_.pop();
  lane& l = lanes_[first.lane];
  e = l.events[l.at++];
  e.at = first.at;
  go_on(first.lane);
  return true;
}

}  // namespace troupe::detail
