// SPDX-License-Identifier: MIT
// An array of zeros straight from the system, and back to it: malloc may keep what a crowd has left.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace troupe::detail {

template <class T> class mapped_array {
  static_assert(std::is_trivial_v<T>);

public:
  // Throws std::bad_alloc.
  explicit mapped_array(std::size_t size)
      : at_(static_cast<T*>(mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        size_(size) {
    if (at_ == MAP_FAILED) throw std::bad_alloc();
  }
  mapped_array(mapped_array&& other) noexcept
      : at_(other.at_),
        size_(std::exchange(other.size_, 0)) {}
  mapped_array& operator=(mapped_array&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~mapped_array() {
    if (size_ > 0) munmap(at_, size_ * sizeof(T));
  }

  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return at_[i]; }

private:
  T* at_;
  std::size_t size_;
};

}  // namespace troupe::detail
