// SPDX-License-Identifier: MIT
// ref<T>: names an object that holds a T, now or later. Copies like a shared_ptr.
#pragma once
#include <troupe/detail/object.hpp>
#include <troupe/error.hpp>

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace troupe {
namespace detail {
struct access;
[[noreturn]] void throw_unsettled();
void want_here(object& o) noexcept;  // from the node that has its value
[[noreturn]] void throw_no_copy();

// The value of a settled object, or its error thrown.
template <class T> const T& value_of(const object& o) {
  if (o.failed) throw_outcome(o);
  return *static_cast<const T*>(o.value);
}
// The same, moved out if nobody else can reach it. Precondition: the caller holds one of its refs.
template <class T> T take_value(object& o) {
  const T& v = value_of<T>(o);
  if (o.sole()) return std::move(const_cast<T&>(v));
  if constexpr (std::is_copy_constructible_v<T>) return v;
  else throw_no_copy();
}
}  // namespace detail

// A counted reference to an object. The object is freed when its last ref is gone; dropping a ref
// never cancels its task. A ref outlives its runtime: it holds the outcome. Thread safety: as
// shared_ptr (different refs to one object from any thread).
template <class T> class ref {
public:
  using value_type = T;

  ref() noexcept = default;  // names nothing
  ref(const ref& other) noexcept : object_(other.object_) {
    if (object_) object_->retain();
  }
  ref(ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  ref& operator=(ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~ref() {
    if (object_) object_->drop();
  }

  explicit operator bool() const noexcept { return object_ != nullptr; }  // it names an object
  // Whether its object has its outcome here: a value, an error, or cancelled. Never changes back. One
  // that has it on another node is asked for it, as by a wait.
  bool settled() const noexcept {
    if (!object_ || object_->is_sealed()) return object_ != nullptr;
    if (object_->is_elsewhere()) [[unlikely]]
      detail::want_here(*object_);
    return false;
  }
  // The value of a settled object, without a runtime; throws its error, or troupe::error if it has
  // not settled. Of an lvalue: valid while this ref lives. Of an rvalue: moved out if this is the
  // only ref, else copied (troupe::error if a T cannot be).
  decltype(auto) value() const& {
    if (!settled()) detail::throw_unsettled();
    if constexpr (std::is_void_v<T>) {
      if (object_->failed) detail::throw_outcome(*object_);
    } else return detail::value_of<T>(*object_);
  }
  T value() && {
    if (!settled()) detail::throw_unsettled();
    ref mine = std::move(*this);
    if constexpr (std::is_void_v<T>) {
      if (mine.object_->failed) detail::throw_outcome(*mine.object_);
    } else return detail::take_value<T>(*mine.object_);
  }

  // Submits a task that calls f with the value (for ref<void>: with nothing) once this has settled:
  // as submit(f, *this) in the running task's runtime, outside of a task in the object's own. An
  // error goes on to the result without running f. Gives what submit gives; throws cancelled if
  // that runtime is ending or has ended. (In <troupe/runtime.hpp>.)
  template <class F> auto then(F&& f) const&;
  template <class F> auto then(F&& f) &&;

  // Whether both name the same object.
  friend bool operator==(const ref& a, const ref& b) noexcept { return a.object_ == b.object_; }

private:
  friend detail::access;
  friend std::hash<ref>;
  detail::object* object_ = nullptr;
};

namespace detail {
struct access {  // the library's way to what a ref points to
  template <class T> static ref<T> adopt(object* o) noexcept {
    ref<T> r;
    r.object_ = o;
    return r;
  }
  template <class T> static object* get(const ref<T>& r) noexcept { return r.object_; }
  template <class T> static object* take(ref<T>& r) noexcept {
    return std::exchange(r.object_, nullptr);
  }
};
}  // namespace detail

}  // namespace troupe

template <class T> struct std::hash<troupe::ref<T>> {
  std::size_t operator()(const troupe::ref<T>& r) const noexcept {
    return std::hash<const void*>{}(r.object_);
  }
};
