// SPDX-License-Identifier: MIT
// values<T>: the values behind a vector of refs, in place.
#pragma once
#include <troupe/ref.hpp>

#include <compare>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace troupe {

// A random-access range of const T&, one for each ref, in their order. It holds the refs, so what
// it shows lives as long as it does; nothing is copied. Made by get(vector<ref<T>>), and for a
// task's parameter of this type. Every element has a value, not an error.
template <class T> class values {
public:
  using value_type = T;

  class iterator {
  public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    iterator() = default;
    explicit iterator(const ref<T>* at) : at_(at) {}
    reference operator*() const { return *static_cast<const T*>(detail::access::get(*at_)->value); }
    pointer operator->() const { return &**this; }
    reference operator[](difference_type n) const { return *(*this + n); }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    iterator& operator--() {
      --at_;
      return *this;
    }
    iterator operator++(int) { return iterator{at_++}; }
    iterator operator--(int) { return iterator{at_--}; }
    iterator& operator+=(difference_type n) {
      at_ += n;
      return *this;
    }
    iterator& operator-=(difference_type n) {
      at_ -= n;
      return *this;
    }
    friend iterator operator+(iterator i, difference_type n) { return i += n; }
    friend iterator operator+(difference_type n, iterator i) { return i += n; }
    friend iterator operator-(iterator i, difference_type n) { return i -= n; }
    friend difference_type operator-(iterator a, iterator b) { return a.at_ - b.at_; }
    friend bool operator==(iterator a, iterator b) { return a.at_ == b.at_; }
    friend auto operator<=>(iterator a, iterator b) { return a.at_ <=> b.at_; }

  private:
    const ref<T>* at_ = nullptr;
  };
  using const_iterator = iterator;

  values() = default;
  // Precondition: each has settled with a value.
  explicit values(std::vector<ref<T>> refs) : refs_(std::move(refs)) {}

  std::size_t size() const noexcept { return refs_.size(); }
  bool empty() const noexcept { return refs_.empty(); }
  const T& operator[](std::size_t i) const { return begin()[static_cast<std::ptrdiff_t>(i)]; }
  iterator begin() const { return iterator{refs_.data()}; }
  iterator end() const { return iterator{refs_.data() + refs_.size()}; }
  const std::vector<ref<T>>& refs() const noexcept { return refs_; }

  friend bool operator==(const values& a, const std::vector<T>& b) { return same(a, b); }
  friend bool operator==(const values& a, const values& b) { return same(a, b); }

private:
  template <class R> static bool same(const values& a, const R& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!(a[i] == b[i])) return false;
    return true;
  }
  std::vector<ref<T>> refs_;
};

}  // namespace troupe
