// SPDX-License-Identifier: MIT
// A task that returns a std::tuple gives a ref for each element: each is an object of its own,
// whose value lies in the tuple.
#pragma once
#include <troupe/ref.hpp>

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace troupe::detail {

// What the library must know of a tuple; one constant per type.
struct tuple_parts {
  std::size_t count;
  const void* (*part)(const void* tuple, std::size_t i);
};

template <class Tuple, std::size_t... I> constexpr tuple_parts parts_in(std::index_sequence<I...>) {
  static_assert(sizeof...(I) > 0,
                "troupe: a task that returns std::tuple<> has nothing to give: let it return void");
  static_assert((std::is_same_v<std::tuple_element_t<I, Tuple>,
                                std::decay_t<std::tuple_element_t<I, Tuple>>> &&
                 ... && true),
                "troupe: a task that returns a tuple gives a ref for each element, so the elements "
                "are values: no references, no const");
  return {
      sizeof...(I), +[](const void* tuple, std::size_t i) -> const void* {
        const void* const parts[] = {&std::get<I>(*static_cast<const Tuple*>(tuple))..., nullptr};
        return parts[i];
      }};
}

// What submit gives for a result of type T.
template <class T> struct handles {
  using type = ref<T>;
  static constexpr const tuple_parts* parts = nullptr;
};
template <class... Ts> struct handles<std::tuple<Ts...>> {
  using type = std::tuple<ref<Ts>...>;
  static constexpr tuple_parts known =
      parts_in<std::tuple<Ts...>>(std::index_sequence_for<Ts...>{});
  static constexpr const tuple_parts* parts = &known;
};

// Starts a draft of a task whose result is a T. OnlyTry: gives an optional.
template <class T, bool OnlyTry, class Draft, class Missing>
auto start(Draft& draft, const Missing& missing) {
  using gives = typename handles<T>::type;
  auto started = [&](auto make) {
    if constexpr (OnlyTry) {
      object* out = draft.start(missing, true);
      return out ? std::optional<gives>{make(out)} : std::nullopt;
    } else return make(draft.start(missing, false));
  };
  if constexpr (std::is_same_v<gives, ref<T>>)
    return started([](object* out) { return access::adopt<T>(out); });
  else return [&]<std::size_t... I>(std::index_sequence<I...>) {
      object* const parts[] = {draft.part(I)...};  // now: a task that has started may be gone
      return started(
          [&](object*) { return gives{access::adopt<std::tuple_element_t<I, T>>(parts[I])...}; });
    }
  (std::make_index_sequence<std::tuple_size_v<T>>{});
}

}  // namespace troupe::detail
