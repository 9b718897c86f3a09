// SPDX-License-Identifier: MIT
// How many bytes a value holds outside of itself, as far as its type tells: what strings and
// standard containers have allocated, without the allocator's own. Of a user's type: none. What a
// ref names belongs to the store.
#pragma once
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::detail {

template <class T> struct holder : std::false_type {};
template <class T> inline constexpr bool any_holds_more = holder<T>::value;
template <class T> std::size_t held_bytes(const T& value) {
  if constexpr (holder<T>::value) return holder<T>::bytes(value);
  else return 0;
}

template <class C, class R, class A> struct holder<std::basic_string<C, R, A>> : std::true_type {
  static std::size_t bytes(const std::basic_string<C, R, A>& s) {
    return s.capacity() > std::basic_string<C, R, A>{}.capacity() ? s.capacity() * sizeof(C) : 0;
  }
};
template <class Range> std::size_t held_by_each(const Range& range) {
  std::size_t n = 0;
  if constexpr (any_holds_more<typename Range::value_type>)
    for (const auto& x : range) n += held_bytes(x);
  return n;
}
template <class T, class A> struct holder<std::vector<T, A>> : std::true_type {
  static std::size_t bytes(const std::vector<T, A>& v) {
    if constexpr (std::is_same_v<T, bool>) return v.capacity() / 8;
    else return v.capacity() * sizeof(T) + held_by_each(v);
  }
};
// A node: the pair and some pointers.
template <class Map> struct node_holder : std::true_type {
  static std::size_t bytes(const Map& m) {
    return m.size() * (sizeof(typename Map::value_type) + 4 * sizeof(void*)) + held_by_each(m);
  }
};
template <class K, class T, class C, class A> struct holder<std::map<K, T, C, A>>
    : node_holder<std::map<K, T, C, A>> {};
template <class K, class T, class H, class E, class A>
struct holder<std::unordered_map<K, T, H, E, A>> : node_holder<std::unordered_map<K, T, H, E, A>> {
};
template <class T, std::size_t N> struct holder<std::array<T, N>>
    : std::bool_constant<any_holds_more<T>> {
  static std::size_t bytes(const std::array<T, N>& a) { return held_by_each(a); }
};
template <class T> struct holder<std::optional<T>> : std::bool_constant<any_holds_more<T>> {
  static std::size_t bytes(const std::optional<T>& o) { return o ? held_bytes(*o) : 0; }
};
template <class A, class B> struct holder<std::pair<A, B>>
    : std::bool_constant<any_holds_more<std::remove_const_t<A>> || any_holds_more<B>> {
  static std::size_t bytes(const std::pair<A, B>& p) {
    return held_bytes(p.first) + held_bytes(p.second);
  }
};
template <class... Ts> struct holder<std::tuple<Ts...>>
    : std::bool_constant<(any_holds_more<Ts> || ... || false)> {
  static std::size_t bytes(const std::tuple<Ts...>& t) {
    return std::apply([](const auto&... x) { return (held_bytes(x) + ... + std::size_t{0}); }, t);
  }
};
template <class... Ts> struct holder<std::variant<Ts...>>
    : std::bool_constant<(any_holds_more<Ts> || ... || false)> {
  static std::size_t bytes(const std::variant<Ts...>& v) {
    return std::visit([](const auto& x) { return held_bytes(x); }, v);
  }
};

}  // namespace troupe::detail
