// SPDX-License-Identifier: MIT
// Values as parts of CAF's messages, and the checks of <troupe/caf.hpp> in plain words. What here
// depends on CAF's version is marked 0.17.
#pragma once
#include <troupe/ref.hpp>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/detail/implicit_conversions.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/response_type.hpp>
#include <caf/unit.hpp>

#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace troupe::detail {

[[noreturn]] void throw_other_type(const std::type_info& held, const std::type_info& wanted);

// A ref is its pointer, whatever the type.
template <class T> ref<void> untyped(ref<T> r) noexcept {
  return access::adopt<void>(access::take(r));
}
template <class T> ref<T> typed(ref<void> r) noexcept { return access::adopt<T>(access::take(r)); }

// Whether a T may be in a message (0.17).
template <class T> constexpr bool can_be_sent() {
  if constexpr (std::is_void_v<T>) return true;
  else if constexpr (std::is_pointer_v<T> || !std::is_copy_constructible_v<T>) return false;
  else return caf::is_serializable_or_whitelisted<caf::detail::implicit_conversions_t<T>>::value;
}

template <class T> caf::message value_message(const ref<void>& settled) {
  if constexpr (std::is_void_v<T> || !can_be_sent<T>()) return {};
  else return caf::make_message(*static_cast<const T*>(access::get(settled)->value));
}

// Whether a message is a T: one element, the elements of a tuple, or nothing for void.
template <class T> struct in_message {
  static bool is(const caf::message& m) { return m.match_elements<T>(); }
  static T take(caf::message& m) { return std::move(m.get_mutable_as<T>(0)); }  // unshared by CAF
};
template <class... Ts> struct in_message<std::tuple<Ts...>> {
  static bool is(const caf::message& m) { return m.match_elements<Ts...>(); }
  static std::tuple<Ts...> take(caf::message& m) {
    return take(m, std::index_sequence_for<Ts...>{});
  }
  template <std::size_t... I>
  static std::tuple<Ts...> take(caf::message& m, std::index_sequence<I...>) {
    return {std::move(m.get_mutable_as<Ts>(I))...};
  }
};
template <> struct in_message<void> {
  static bool is(const caf::message& m) { return m.empty() || m.match_elements<caf::unit_t>(); }
  static void take(const caf::message&) {}
};
template <> struct in_message<caf::message> {
  static bool is(const caf::message&) { return true; }
  static caf::message take(caf::message& m) { return std::move(m); }
};
template <class T> bool holds(const caf::message& m) { return in_message<T>::is(m); }
template <class T> T take_from(caf::message& m) { return in_message<T>::take(m); }

// What an argument of from() is in the message: a ref<T> a T, else what CAF makes of it.
template <class A> struct part_of {
  using type = caf::detail::implicit_conversions_t<A>;
  template <class X> static type make(X&& x) { return static_cast<type>(std::forward<X>(x)); }
};
template <class T> struct part_of<ref<T>> {
  using type = T;
  static ref<T> make(ref<T> r) { return r; }
};
template <class A> using part_t = typename part_of<std::decay_t<A>>::type;
template <class A> auto as_part(A&& a) {
  return part_of<std::decay_t<A>>::make(std::forward<A>(a));
}

// What a statically typed actor replies with, as from() calls it (0.17).
template <class... Out> struct reply_of { using type = std::tuple<Out...>; };
template <class Out> struct reply_of<Out> { using type = Out; };
template <> struct reply_of<> { using type = void; };
template <> struct reply_of<caf::unit_t> { using type = void; };

template <class T> constexpr bool all_can_be_sent = can_be_sent<T>();
template <class... Ts>
constexpr bool all_can_be_sent<std::tuple<Ts...>> = (can_be_sent<Ts>() && ...);

template <class List> struct reply_in;
template <class... Out> struct reply_in<caf::detail::type_list<Out...>> : reply_of<Out...> {};

template <class Signatures, class T, class... Parts> struct check_typed {
  using found = caf::response_type<Signatures, Parts...>;
  static constexpr bool takes = found::valid;
  static constexpr bool replies = [] {
    if constexpr (takes) return std::is_same_v<T, typename reply_in<typename found::type>::type>;
    else return true;
  }();
};
template <class T, class... Parts> struct check_typed<caf::none_t, T, Parts...> {
  static constexpr bool takes = true, replies = true;
};

template <class Handle>
concept actor_handle = requires {
  typename Handle::signatures;
};

// Whether an actor may be sent a T (void: an empty message), as far as its handle says.
template <class Handle, class T> constexpr bool takes() {
  if constexpr (!actor_handle<Handle>) return true;
  else if constexpr (std::is_same_v<typename Handle::signatures, caf::none_t>) return true;
  else if constexpr (std::is_void_v<T>)
    return caf::response_type<typename Handle::signatures>::valid;
  else
    return caf::response_type<typename Handle::signatures,
                              caf::detail::implicit_conversions_t<T>>::valid;
}

template <class Handle, class T, class... Parts> struct check_request {
  static_assert(actor_handle<Handle>,
                "troupe: from() asks an actor by its handle: a caf::actor or a typed one");
  static_assert(sizeof...(Parts) > 0,
                "troupe: from() was given no message for the actor: from<T>(actor, message...)");
  static_assert(std::is_same_v<T, std::decay_t<T>> && all_can_be_sent<T>,
                "troupe: from<T>(actor, ...): a T is what the actor replies with, and CAF can send "
                "no value of this type");
  static_assert((can_be_sent<Parts>() && ... && true),
                "troupe: from<T>(actor, message...): CAF can send no value of one of these types: "
                "give it an inspect function, or name it in CAF_ALLOW_UNSAFE_MESSAGE_TYPE");
  static constexpr bool passes = [] {
    if constexpr (actor_handle<Handle>) {
      using typed = check_typed<typename Handle::signatures, T, Parts...>;
      static_assert(typed::takes, "troupe: this typed actor does not take these messages");
      static_assert(typed::replies,
                    "troupe: this typed actor replies with something else than the T of "
                    "from<T>(actor, ...) (several values: a std::tuple; none: void)");
      return typed::takes && typed::replies && sizeof...(Parts) > 0 && all_can_be_sent<T> &&
             (can_be_sent<Parts>() && ... && true);
    } else return false;
  }();
};

}  // namespace troupe::detail
