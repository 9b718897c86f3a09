// SPDX-License-Identifier: MIT
// A call as bytes: how it is written where it was submitted, and how it is run where it has arrived,
// by a program that may never have seen the types of the arguments that were given, only the
// function's parameters.
//
//   call: an array of arguments
//   argument: [0, value] | [1, ref] | [2, [refs]]     a ref that is an input arrives as its value
#pragma once
#include <troupe/codec.hpp>
#include <troupe/detail/coroutine_call.hpp>
#include <troupe/detail/function.hpp>
#include <troupe/values.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::detail {

enum class sent_as : std::uint8_t { value = 0, ref = 1, refs = 2 };

// What travels for a parameter P, and what an argument for it is there.
template <class P> struct travels_as { using type = std::decay_t<P>; };
template <> struct travels_as<std::string_view> { using type = std::string; };
template <> struct travels_as<const char*> { using type = std::string; };
template <class P> using travelling_t = typename travels_as<std::decay_t<P>>::type;

template <class D> struct element_of { using type = void; };
template <class T> struct element_of<values<T>> { using type = T; };
template <class T, class A> struct element_of<std::vector<T, A>> { using type = T; };
template <class D> using element_t = typename element_of<D>::type;

template <class D> constexpr bool argument_travels() {
  if constexpr (values_parameter<D>::value) return encodable<element_t<D>>;
  else return encodable<D>;
}
// The structure of a function's types: what both sides must agree on.
template <class D> std::string text_of_type() {
  if constexpr (std::is_void_v<D>) return "void";
  else if constexpr (values_parameter<D>::value)
    return "[" + std::string(codec_of<element_t<D>>->type) + "]";
  else return std::string(codec_of<D>->type);
}

// ---- written ------------------------------------------------------------------------------------

template <class P, class K> constexpr bool can_write_argument() {
  using D = travelling_t<P>;
  if constexpr (!argument_travels<D>()) return false;
  else if constexpr (fit_of<P, K>() == fit::as_is)
    return !values_parameter<D>::value &&
           (std::is_same_v<K, D> || std::is_constructible_v<D, const K&>);
  else if constexpr (fit_of<P, K>() == fit::in_place)
    return std::is_same_v<resolved_t<K>, D> || std::is_constructible_v<D, const resolved_t<K>&>;
  else if constexpr (fit_of<P, K>() == fit::viewed) return true;
  else
    return std::is_same_v<K, std::vector<ref<element_t<D>>>> ||
           (copyable_parts<K>::value && copyable_parts<resolved_t<K>>::value &&
            std::is_constructible_v<D, resolved_t<K>>);
}

// The values of the inputs in it are not needed for that: only their names are written.
template <class P, class K> constexpr bool writes_by_ref() {
  using D = travelling_t<P>;
  if constexpr (fit_of<P, K>() == fit::as_is) return true;
  else if constexpr (fit_of<P, K>() == fit::in_place) return std::is_same_v<resolved_t<K>, D>;
  else return std::is_same_v<K, std::vector<ref<element_t<D>>>>;
}

template <class T> void write_ref(encoder& to, const ref<T>& r) {
  to.integer(static_cast<std::uint64_t>(sent_as::ref));
  to.value(r);
}
template <class D> void write_value(encoder& to, const D& value) {
  to.integer(static_cast<std::uint64_t>(sent_as::value));
  to.value(value);
}
// Precondition: the refs in it that are inputs have settled with values, here, unless it is written by ref.
template <class P, class K> void write_argument(encoder& to, const K& kept) {
  using D = travelling_t<P>;
  to.array(2);
  if constexpr (fit_of<P, K>() == fit::as_is) {
    if constexpr (std::is_same_v<K, D>) write_value<D>(to, kept);
    else write_value<D>(to, D(kept));
  } else if constexpr (fit_of<P, K>() == fit::in_place) {
    using T = resolved_t<K>;
    if constexpr (std::is_same_v<T, D>) write_ref(to, kept);
    else write_value<D>(to, D(*static_cast<const T*>(access::get(kept)->value)));
  } else if constexpr (std::is_same_v<K, std::vector<ref<element_t<D>>>>) {
    to.integer(static_cast<std::uint64_t>(sent_as::refs));
    to.value(kept);
  } else {
    K copy = kept;
    write_value<D>(to, D(resolve(copy)));
  }
}

// ---- arrived ------------------------------------------------------------------------------------

// An argument that has come: the value itself, or a ref to it. Converts to what the parameter takes.
template <class D> class incoming {
  using T = std::conditional_t<std::is_void_v<element_t<D>>, std::monostate, element_t<D>>;

public:
  explicit incoming(decoder& from);

  // Calls visit(object*) for each input.
  template <class V> void each_input(V& visit) const {
    if (auto one = std::get_if<ref<D>>(&held_)) visit(access::get(*one));
    else if (auto many = std::get_if<std::vector<ref<T>>>(&held_))
      for (const auto& r : *many) visit(access::get(r));
  }
  // All inputs have settled with values.
  void inputs_are_there() {
    if (auto many = std::get_if<std::vector<ref<T>>>(&held_)) {
      auto refs = std::move(*many);  // which emplace() would destroy first
      if constexpr (values_parameter<D>::value) held_.template emplace<D>(std::move(refs));
      else if constexpr (!std::is_void_v<element_t<D>>) {
        D all;
        all.reserve(refs.size());
        for (auto& r : refs) all.push_back(take_value<T>(*access::get(r)));
        held_.template emplace<D>(std::move(all));
      }
    }
  }

  operator const D&() const& { return value(); }
  operator D() && {
    if (auto one = std::get_if<ref<D>>(&held_)) return take_value<D>(*access::get(*one));
    return std::move(std::get<D>(held_));
  }

private:
  struct nothing {};
  const D& value() const {
    if (auto one = std::get_if<ref<D>>(&held_))
      return *static_cast<const D*>(access::get(*one)->value);
    return std::get<D>(held_);
  }
  std::variant<nothing, D, ref<D>, std::vector<ref<T>>> held_;
};
// What arrives as a string for a parameter that views it.
template <class V> struct incoming_view {
  explicit incoming_view(decoder& from) : text(from) {}
  template <class Visit> void each_input(Visit& visit) const { text.each_input(visit); }
  void inputs_are_there() {}
  operator V() const {
    const std::string& s = text;
    if constexpr (std::is_same_v<V, const char*>) return s.c_str();
    else return s;
  }
  incoming<std::string> text;
};
template <class P> struct arrives_as { using type = incoming<std::decay_t<P>>; };
template <> struct arrives_as<std::string_view> { using type = incoming_view<std::string_view>; };
template <> struct arrives_as<const char*> { using type = incoming_view<const char*>; };
template <class P> using arriving_t = typename arrives_as<std::decay_t<P>>::type;

template <class D> incoming<D>::incoming(decoder& from) {
  from.array(2, "an argument");
  const auto how = static_cast<sent_as>(from.integer<std::uint8_t>());
  if (how == sent_as::refs && !std::is_void_v<element_t<D>>)
    held_.template emplace<std::vector<ref<T>>>(from.value<std::vector<ref<T>>>());
  else if constexpr (!values_parameter<D>::value) {
    if (how == sent_as::value) held_.template emplace<D>(from.value<D>());
    else if (how == sent_as::ref) held_.template emplace<ref<D>>(from.value<ref<D>>());
  }
  if (held_.index() == 0) from.fail("a way to send an argument", "another one");
}

}  // namespace troupe::detail
