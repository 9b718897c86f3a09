// SPDX-License-Identifier: MIT
// Results in the order in which they come: what wait() gives, and the range of as_completed().
#pragma once
#include <troupe/options.hpp>
#include <troupe/ref.hpp>

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace troupe {

// What wait() gives: each in the order of the refs that it was given.
template <class T> struct wait_result { std::vector<ref<T>> ready, pending; };

namespace detail {
class domain;
class wait_set;

using places = std::vector<std::size_t>;  // in a vector of refs, in ascending order

// The first n to settle, or those there are when the time is up.
places await_first(domain& d, object* const* objects, std::size_t count, std::size_t n,
                   const duration* timeout);
template <class T> places await_first(domain& d, const std::vector<ref<T>>& refs, std::size_t n,
                                      const duration* timeout) {
  static_assert(sizeof(ref<T>) == sizeof(object*));  // a vector of refs is an array of pointers
  return await_first(d, reinterpret_cast<object* const*>(refs.data()), refs.size(), n, timeout);
}

// Moves what stands between the places of null pointers together; the rest is null.
void close_gaps(object** objects, std::size_t count, const places& gaps);

template <class T> wait_result<T> split(const std::vector<ref<T>>& refs, const places& ready) {
  wait_result<T> r;
  r.ready.reserve(ready.size());
  r.pending.reserve(refs.size() - ready.size());
  auto from = refs.begin();
  for (auto place : ready) {
    const auto at = refs.begin() + static_cast<std::ptrdiff_t>(place);
    r.pending.insert(r.pending.end(), from, at);
    r.ready.push_back(*at);
    from = at + 1;
  }
  r.pending.insert(r.pending.end(), from, refs.end());
  return r;
}
template <class T> wait_result<T> split(std::vector<ref<T>>&& refs, const places& ready) {
  wait_result<T> r;
  r.ready.reserve(ready.size());
  for (auto place : ready) r.ready.push_back(std::move(refs[place]));
  close_gaps(reinterpret_cast<object**>(refs.data()), refs.size(), ready);
  r.pending = std::move(refs);
  r.pending.resize(r.pending.size() - ready.size());
  return r;
}

wait_set* open_set(domain& d, object* const* objects, std::size_t count);
void close_set(wait_set* s) noexcept;
std::size_t await_next(domain& d, wait_set& s, object* const* objects);
}  // namespace detail

// What as_completed gives: a single-pass range over its refs. It holds them all. For one thread or
// task at a time; its begin and ++ wait, and throw cancelled if the runtime ends meanwhile.
template <class T> class completions {
public:
  class iterator {
  public:
    using value_type = ref<T>;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    // The range's own ref: it may be moved from.
    ref<T>& operator*() const { return of_->refs_[of_->at_]; }
    ref<T>* operator->() const { return &**this; }
    iterator& operator++() {
      of_->next();
      return *this;
    }
    void operator++(int) { of_->next(); }
    bool operator==(std::default_sentinel_t) const { return of_->at_ == of_->refs_.size(); }

  private:
    friend completions;
    explicit iterator(completions* of) : of_(of) {}
    completions* of_ = nullptr;
  };

  completions(const completions&) = delete;
  completions& operator=(const completions&) = delete;
  ~completions() { detail::close_set(set_); }

  // The first one, when it has settled; later: where the range stands.
  iterator begin() {
    if (handed_out_ == 0) next();
    return iterator{this};
  }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  friend class scope;
  completions(detail::domain& d, std::vector<ref<T>> refs)
      : inside_(d),
        refs_(std::move(refs)),
        set_(detail::open_set(d, objects(), refs_.size())) {}
  detail::object* const* objects() const {
    return reinterpret_cast<detail::object* const*>(refs_.data());
  }
  void next() {
    at_ = refs_.size();
    if (handed_out_ == refs_.size()) return;
    at_ = detail::await_next(inside_, *set_, objects());
    ++handed_out_;
  }

  detail::domain& inside_;
  std::vector<ref<T>> refs_;
  detail::wait_set* set_;
  std::size_t at_ = 0, handed_out_ = 0;
};

}  // namespace troupe
