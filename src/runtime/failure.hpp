// SPDX-License-Identifier: MIT
// What a task failed with, as its object keeps it: counted, immutable, and of constant size however
// many tasks it has passed.
#pragma once
#include <troupe/codec.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace troupe::detail {

// As in the source.
std::string name_of_type(const std::type_info& type);

class failure {
public:
  enum class kind : std::uint8_t {
    thrown,
    cancelled,
    deadline_exceeded,
    timed_out,
    deadlock,
    actor_died,
    lost,
    poisoned
  };

  // Each gives one reference.
  static const failure* make(kind k, std::string_view task, std::string text);
  static const failure* of_exception(std::string_view task, std::exception_ptr thrown);
  // How it goes on to a task that has it as an input.
  static const failure* through(const failure& cause, std::string_view task);

  void retain() const noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  kind kind_of() const noexcept { return kind_; }
  [[noreturn]] void raise() const;
  // As another node gets it: without what was thrown.
  void write(encoder& to) const;
  static const failure* read(decoder& from);  // gives one reference; throws troupe::error
  // In one line, to be part of another text.
  std::string story() const;

private:
  using names = std::vector<std::string>;
  static constexpr std::size_t most_names = 16;  // then the middle of the way is left out

  failure() = default;
  ~failure() = default;

  mutable std::atomic<std::uint32_t> refs_{1};
  kind kind_ = kind::thrown;
  std::string task_, text_;  // of the first
  std::exception_ptr original_;
  std::shared_ptr<const names> via_;  // the first tasks that it passed
  std::size_t passed_ = 0;            // all of them
  std::string last_;                  // the last one
};

// An object's outcome; its value is not constructed. Uses up the reference of the failure.
void put_failure(object& o, const failure* why) noexcept;
// It settles as `of` has, and keeps that.
void put_alias(object& o, object& of) noexcept;

}  // namespace troupe::detail
