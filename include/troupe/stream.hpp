// SPDX-License-Identifier: MIT
// stream<T>: values one by one, while the function that makes them still runs.
//
//   troupe::stream<int> count(int n) { for (int i = 0; i < n; ++i) co_yield i; }
//   for (const int& x : rt.submit<count>(1000)) std::cout << x << '\n';
#pragma once
#include <troupe/ref.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace troupe {
template <class T> class stream;

namespace detail {
// A bounded ring of values between a producer's task and a consumer, and the actor that wakes the
// one who waits (src/actors/stream.hpp).
class stream_channel;

// For the producer. The place of the next value; parks while the ring is full. Null: the consumer
// has left or the runtime ends, and the body is to end.
void* stream_room(stream_channel& c);
void stream_give(stream_channel& c);  // the value is in its place
void throw_if_left(const stream_channel& c);
[[noreturn]] void throw_stream_ends(const stream_channel* c);
// For the consumer. The next value, which it destroys before it asks again; waits for it. Null: the
// end. Throws the error that the body ended with.
void* stream_take(stream_channel& c);
void leave_stream(stream_channel& c, object* task) noexcept;  // and cancels it
void stream_moved(stream_channel& c) noexcept;
// get() of a body.
void await_in_body(object* o);

struct stream_access;
[[noreturn]] void throw_stream_no_copy();
}  // namespace detail

// What a function gives that co_yields its values (or that returns another stream). Called directly
// it is a lazy generator: the body runs in the consumer's ++. Submitted it is the receiving end of a
// task, which runs ahead by task_options.stream_buffer values (default 64) and then parks.
//
// One pass: iterate it, or take values out with next(). Both wait: a task by parking, a program's
// thread by sleeping. An error of the body is thrown where it happened, after the values before it:
// task_error (of a generator: the exception itself), and cancelled when its runtime ended before the
// body did. What is in the buffer can be taken even after the runtime is gone.
//
// Destroying a stream, or assigning to it, cancels its task: a body that has not begun never runs,
// and one that runs meets `cancelled` at its next co_yield or wait. Arguments that were submitted
// live until the body has ended; those of a generator are that of any coroutine.
//
// Move-only. One thread or task at a time; it may move from one to another, and be an argument of a
// submit. Reading an empty one (default-constructed or moved from) throws troupe::error.
template <class T> class [[nodiscard]] stream {
  static_assert(std::is_same_v<T, std::decay_t<T>>, "troupe: a stream gives values: stream<int>");

public:
  using value_type = T;

  class promise_type {
  public:
    stream get_return_object() {
      return stream{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error_ = std::current_exception(); }
    void return_void() const noexcept {}

    struct yielded {
      const promise_type& promise;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) const noexcept {}
      void await_resume() const {
        if (promise.told_to_end_) detail::throw_stream_ends(promise.for_);
      }
    };
    // The value stays where it is, in the body, until the consumer has seen it.
    yielded yield_value(T&& v) noexcept {
      value_ = &v;
      movable_ = true;
      return {*this};
    }
    yielded yield_value(const T& v) noexcept {
      static_assert(std::is_copy_constructible_v<T>,
                    "troupe: a stream of values that cannot be copied: co_yield std::move(x)");
      value_ = const_cast<T*>(&v);
      movable_ = false;
      return {*this};
    }

    // co_await ref: as get, of an lvalue const T&, of an rvalue T. Parks the body's stack.
    template <class R> struct got {
      R r;
      bool await_ready() const { return true; }
      void await_suspend(std::coroutine_handle<>) const noexcept {}
      decltype(auto) await_resume() {
        detail::await_in_body(detail::access::get(r));
        return std::forward<R>(r).value();
      }
    };
    template <class U> auto await_transform(const ref<U>& r) const { return got<const ref<U>&>{r}; }
    template <class U> auto await_transform(ref<U>& r) const { return got<const ref<U>&>{r}; }
    template <class U> auto await_transform(ref<U>&& r) const { return got<ref<U>>{std::move(r)}; }
    template <class X> std::suspend_never await_transform(X&&) const {
      static_assert(!std::is_same_v<X, X>, "troupe: a stream's body can co_await a ref<T> only");
      return {};
    }

  private:
    friend stream;
    T* value_ = nullptr;
    bool movable_ = false, told_to_end_ = false;
    const detail::stream_channel* for_ = nullptr;
    std::exception_ptr error_;
  };

  // Input iterator: *it is valid until the next ++.
  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    const T& operator*() const { return *of_->current_; }
    const T* operator->() const { return of_->current_; }
    iterator& operator++() {
      of_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !of_->current_; }

  private:
    friend stream;
    explicit iterator(stream* of) : of_(of) {}
    stream* of_;
  };

  stream() noexcept = default;
  stream(stream&& other) noexcept
      : body_(std::exchange(other.body_, nullptr)),
        channel_(std::exchange(other.channel_, nullptr)),
        task_(std::move(other.task_)),
        current_(std::exchange(other.current_, nullptr)) {
    if (channel_) detail::stream_moved(*channel_);
  }
  stream& operator=(stream other) noexcept {
    std::swap(body_, other.body_);
    std::swap(channel_, other.channel_);
    std::swap(task_, other.task_);
    std::swap(current_, other.current_);
    return *this;
  }
  ~stream() {
    if (body_) body_.destroy();
    if (!channel_) return;
    forget_current();
    detail::leave_stream(*channel_, detail::access::get(task_));
  }

  // Takes the next value: a second loop goes on after the value that the first one saw last.
  iterator begin() {
    advance();
    return iterator{this};
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  // Waits like ++. The next value, moved out; nothing at the end. Of a generator that yields an lvalue: a copy.
  std::optional<T> next() {
    advance();
    std::optional<T> v;
    if (current_) take_into([&](auto&& x) { v.emplace(std::forward<decltype(x)>(x)); });
    if (channel_) forget_current();
    else current_ = nullptr;
    return v;
  }

  // It is not empty: neither default-constructed nor moved from. (Says nothing of its end.)
  explicit operator bool() const noexcept { return body_ || channel_; }

private:
  friend detail::stream_access;
  explicit stream(std::coroutine_handle<promise_type> body) : body_(body) {}

  void advance() {
    if (channel_) {
      forget_current();
      current_ = static_cast<T*>(detail::stream_take(*channel_));
    } else if (body_) {
      current_ = nullptr;
      resume();
    } else detail::throw_stream_ends(nullptr);
  }
  void resume() {
    if (body_.done()) return;
    body_.resume();
    if (auto error = std::exchange(body_.promise().error_, nullptr)) std::rethrow_exception(error);
    if (!body_.done()) current_ = body_.promise().value_;
  }
  // The body meets `cancelled` at its co_yield.
  void tell_to_end(const detail::stream_channel& c) {
    if (!body_) detail::throw_stream_ends(&c);
    body_.promise().told_to_end_ = true;
    body_.promise().for_ = &c;
  }
  template <class F> void take_into(F f) {
    if (channel_ || body_.promise().movable_) f(std::move(*current_));
    else if constexpr (std::is_copy_constructible_v<T>) f(std::as_const(*current_));
  }
  void forget_current() noexcept {
    if (T* v = std::exchange(current_, nullptr)) v->~T();
  }

  std::coroutine_handle<promise_type> body_;
  detail::stream_channel* channel_ = nullptr;
  ref<void> task_;        // the object of the task that makes the values
  T* current_ = nullptr;  // in the body's frame, or in the channel's ring
};

namespace detail {
struct stream_access {
  template <class T> static stream<T> adopt(stream_channel* c) noexcept {
    stream<T> s;
    s.channel_ = c;
    return s;
  }
  template <class T> static void made_by(stream<T>& s, ref<void> task) noexcept {
    s.task_ = std::move(task);
  }
  // The body of a stream's task: every value goes into the channel.
  template <class T> static void give_all(stream<T> from, stream_channel& to) {
    for (from.advance(); from.current_; from.advance()) {
      void* place = stream_room(to);
      if (!place) {
        from.tell_to_end(to);
        continue;
      }
      from.take_into([&](auto&& x) { ::new (place) T(std::forward<decltype(x)>(x)); });
      stream_give(to);
    }
  }
};
template <class T> void give_all(stream<T> from, stream_channel& to) {
  stream_access::give_all(std::move(from), to);
}
}  // namespace detail

}  // namespace troupe
