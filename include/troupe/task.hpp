// SPDX-License-Identifier: MIT
// task<T>: a task's body as a coroutine. While it waits for a ref it has no stack and no thread.
//
//   troupe::task<int> sum(troupe::ref<int> a, troupe::ref<int> b) {
//     co_return co_await a + co_await b;
//   }
//   troupe::ref<int> s = rt.submit<sum>(a, b);
#pragma once
#include <troupe/ref.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace troupe {
template <class T> class task;

namespace detail {
[[noreturn]] void throw_empty_coroutine();
[[noreturn]] void throw_wait_cancelled();
// Whether it has settled. If not, and the running task is to end: throws cancelled.
bool settled_or_end(const object* o);

// One body: its frames call each other, and it waits for one object at a time. The frame that goes
// on is resumed by go(), so a frame that calls another or ends needs no stack for it.
struct body_run {
  std::coroutine_handle<> next;  // null: the body has ended
  object* awaited = nullptr;

  void go() {
    for (awaited = nullptr; next && !awaited;) next.resume();
  }
};

struct frame_base {
  body_run* run = nullptr;
  std::coroutine_handle<> caller;  // null: the body itself
  std::exception_ptr error;

  struct at_end {
    bool await_ready() const noexcept { return false; }
    template <class P> void await_suspend(std::coroutine_handle<P> h) const noexcept {
      h.promise().run->next = h.promise().caller;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  at_end final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  template <class T> auto await_transform(const ref<T>& r) const;
  template <class T> auto await_transform(ref<T>& r) const;
  template <class T> auto await_transform(ref<T>&& r) const;
  template <class T> auto await_transform(troupe::task<T>&& t) const;
  template <class X> std::suspend_never await_transform(X&&) const {
    static_assert(!std::is_same_v<X, X>,
                  "troupe: a task coroutine can co_await a ref<T>, or a call of another task "
                  "coroutine (co_await f(x), or co_await std::move(t)). For a vector of refs: "
                  "co_await each of them, or take them as an argument.");
    return {};
  }
};

template <class T> struct frame_result : frame_base {
  std::optional<T> value;
  template <class U = T>
    requires std::convertible_to<U&&, T>
  void return_value(U&& v) { value.emplace(std::forward<U>(v)); }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
};
template <> struct frame_result<void> : frame_base {
  void return_void() const noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

// co_await ref. R: const ref<T>& or ref<T>.
template <class R> struct ref_await {
  R r;
  bool await_ready() const { return settled_or_end(access::get(r)); }
  template <class P> void await_suspend(std::coroutine_handle<P> h) const noexcept {
    body_run& run = *h.promise().run;
    run.next = h;
    run.awaited = access::get(r);
  }
  decltype(auto) await_resume() {
    if (!r.settled()) throw_wait_cancelled();  // woken before its time
    return std::forward<R>(r).value();
  }
};

template <class T> struct call_await {
  troupe::task<T> t;
  bool await_ready() const {
    if (!access_frame(t)) throw_empty_coroutine();
    return false;
  }
  template <class P> void await_suspend(std::coroutine_handle<P> h) const noexcept {
    auto inner = access_frame(t);
    inner.promise().run = h.promise().run;
    inner.promise().caller = h;
    h.promise().run->next = inner;
  }
  T await_resume() const { return access_frame(t).promise().take(); }
};
}  // namespace detail

// The result of a coroutine that may be submitted, or called by another one: co_await f(x). Owns
// the coroutine's frame; nothing of its body runs before that. A submit of it gives a ref<T>.
//
// In its body, co_await of a ref gives what get would (of an lvalue const T&, of an rvalue T), or
// throws its error; if the ref has not settled, the task leaves its thread and its stack until then.
// It may go on on another thread. It meets `cancelled` there when it is to end. here() and all its
// verbs work as in any body; those that wait park the stack.
//
// Arguments that were submitted live until the body has ended. Those of a direct call are that of
// any coroutine: a reference must outlive it. Move-only; an empty one (moved from) can only be
// destroyed or assigned to.
template <class T> class [[nodiscard]] task {
  static_assert(!std::is_reference_v<T>, "troupe: a task<T> gives a value: T is no reference");

public:
  using value_type = T;
  struct promise_type : detail::frame_result<T> {
    task get_return_object() {
      return task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
  };

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  // For the library.
  friend std::coroutine_handle<promise_type> access_frame(const task& t) { return t.frame_; }

private:
  explicit task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {
template <class T> auto frame_base::await_transform(const ref<T>& r) const {
  return ref_await<const ref<T>&>{r};
}
template <class T> auto frame_base::await_transform(ref<T>& r) const {
  return ref_await<const ref<T>&>{r};
}
template <class T> auto frame_base::await_transform(ref<T>&& r) const {
  return ref_await<ref<T>>{std::move(r)};
}
template <class T> auto frame_base::await_transform(troupe::task<T>&& t) const {
  return call_await<T>{std::move(t)};
}
}  // namespace detail

}  // namespace troupe
