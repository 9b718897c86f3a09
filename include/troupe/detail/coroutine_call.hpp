// SPDX-License-Identifier: MIT
// A call of a function that gives a coroutine: its frame refers to the arguments, so both live until
// the body has ended.
#pragma once
#include <troupe/detail/function.hpp>
#include <troupe/stream.hpp>
#include <troupe/task.hpp>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace troupe::detail {

template <class T> struct result_of<troupe::task<T>> : result_of<T> {};
template <class T> struct result_of<stream<T>> {
  using type = void;
  static constexpr unsigned levels = 0;
};

// Whether a parameter P that is given an X refers to what the X refers to, and to no temporary.
template <class P, class X> constexpr bool refers() {
  using D = std::remove_cvref_t<P>;
  using G = std::remove_cvref_t<X>;
  return std::is_reference_v<X> && (std::is_same_v<D, G> || std::is_base_of_v<D, G>);
}

// What a parameter that is a reference needs to live as long as the frame.
template <class D, bool Held> struct held_argument { std::optional<D> value; };
template <class D> struct held_argument<D, false> {};

template <class F, class... As> class lasting_call : public call<F, As...> {
  using base = call<F, As...>;
  using indices = std::index_sequence_for<As...>;
  template <std::size_t I> using declared =
      std::conditional_t<std::is_same_v<typename base::sig, any_parameters>,
                         typename base::template wants<I>&&, typename base::template wants<I>>;
  template <std::size_t I> using passed = decltype(pass<typename base::template wants<I>>(
      std::declval<std::tuple_element_t<I, typename base::kept>&>()));
  template <std::size_t I> static constexpr bool held =
      std::is_reference_v<declared<I>> && !refers<declared<I>, passed<I>>();
  template <std::size_t... I> static auto hold(std::index_sequence<I...>)
      -> std::tuple<held_argument<std::decay_t<declared<I>>, held<I>>...>;

public:
  using base::base;

protected:
  // False: an input failed, and `v` says so.
  bool inputs_are_there(verdict& v) const {
    if constexpr (base::has_inputs) {
      first_failed look;
      this->each_input(look);
      if (look.found) {
        v = {verdict::failed_input, look.found};
        return false;
      }
    }
    return true;
  }
  // Again: the arguments stay as they are for another try.
  template <bool Again> auto make_body() { return make_body<Again>(indices{}); }
  static constexpr bool can_be_made_again() { return can_be_made_again(indices{}); }

private:
  template <bool Again, std::size_t... I> auto make_body(std::index_sequence<I...>) {
    return std::invoke(this->f_, argument_for<Again, I>()...);
  }
  // A copy for an rvalue reference would have to outlive this call.
  template <std::size_t... I> static constexpr bool can_be_made_again(std::index_sequence<I...>) {
    return base::can_run_again() && (!std::is_rvalue_reference_v<declared<I>> && ... && true);
  }
  template <bool Again, std::size_t I> decltype(auto) argument_for() {
    using P = typename base::template wants<I>;
    auto& kept = std::get<I>(this->args_);
    if constexpr (Again && held<I>) {
      auto& place = std::get<I>(held_).value;
      place.emplace(pass_copy<P>(kept));
      return static_cast<declared<I>>(*place);
    } else if constexpr (Again) {
      return pass_copy<P>(kept);
    } else if constexpr (held<I>) {
      auto& place = std::get<I>(held_).value;
      place.emplace(pass<P>(kept));
      return static_cast<declared<I>>(*place);
    } else return pass<P>(kept);
  }

  [[no_unique_address]] decltype(hold(indices{})) held_;
};

// The body is a task<T>.
template <class F, class... As> class coroutine_call : public lasting_call<F, As...> {
  using body = std::decay_t<typename call<F, As...>::raw_result>;

public:
  using lasting_call<F, As...>::lasting_call;
  static verdict run(void* self, void* storage) {
    return static_cast<coroutine_call*>(self)->template go_on<false>(storage);
  }
  static verdict run_again(void* self, void* storage) {
    return static_cast<coroutine_call*>(self)->template go_on<true>(storage);
  }
  static constexpr bool can_run_again() { return coroutine_call::can_be_made_again(); }
  static void destroy(void* self) noexcept {
    static_cast<coroutine_call*>(self)->~coroutine_call();
  }

private:
  template <bool Again> verdict go_on(void* storage) {
    if (!body_ || !run_.next) {  // the first time, or after a try that threw
      verdict v;
      if (!this->inputs_are_there(v)) return v;
      body_.reset();
      body_.emplace(this->template make_body<Again>());
      if (!access_frame(*body_)) throw_empty_coroutine();
      access_frame(*body_).promise().run = &run_;
      run_.next = access_frame(*body_);
    }
    run_.go();
    if (run_.awaited) return {verdict::suspended, run_.awaited};
    auto& result = access_frame(*body_).promise();
    (void)storage;
    if constexpr (coroutine_call::levels > 0) {
      auto inner = result.take();
      return {verdict::forward, access::take(inner), coroutine_call::levels};
    } else if constexpr (std::is_void_v<typename coroutine_call::value>) result.take();
    else ::new (storage) typename coroutine_call::value(result.take());
    return {};
  }

  body_run run_;
  std::optional<body> body_;
};

// The body is a stream<T>: the task gives its values to the consumer, and `void` when it ends.
template <class F, class... As> class stream_call : public lasting_call<F, As...> {
public:
  using element = typename std::decay_t<typename call<F, As...>::raw_result>::value_type;
  static constexpr bool streams = true;

  template <class... Xs> explicit stream_call(stream_channel* to, Xs&&... xs)
      : lasting_call<F, As...>(std::forward<Xs>(xs)...),
        to_(to) {}

  static verdict run(void* self, void*) {
    auto& c = *static_cast<stream_call*>(self);
    throw_if_left(*c.to_);
    verdict v;
    if (c.inputs_are_there(v)) give_all(c.template make_body<false>(), *c.to_);
    return v;
  }
  static void destroy(void* self) noexcept { static_cast<stream_call*>(self)->~stream_call(); }

private:
  stream_channel* to_;  // its task keeps it
};

// Which call a function and its arguments make: by what the function gives.
template <class R, class F, class... As> struct call_giving { using type = call<F, As...>; };
template <class T, class F, class... As> struct call_giving<troupe::task<T>, F, As...> {
  using type = coroutine_call<F, As...>;
};
template <class T, class F, class... As> struct call_giving<stream<T>, F, As...> {
  using type = stream_call<F, As...>;
};
template <class F, class... As> using call_for =
    typename call_giving<std::decay_t<typename call<F, As...>::raw_result>, F, As...>::type;

}  // namespace troupe::detail
