// SPDX-License-Identifier: MIT
// The fields of a plain struct: how many, which types, and a call with all of them. The count is
// how many initialisers T{...} takes.
#pragma once
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace troupe::detail {

inline constexpr std::size_t most_fields = 32;
inline constexpr std::size_t no_fields = most_fields + 2;  // not a struct that we can take apart

template <class... Ts> struct types {};

template <class T> struct any_field {  // for any field of T
  template <class F>
    requires(!std::same_as<F, T>)
  operator F() const { __builtin_unreachable(); }
};
template <class T> struct base_field {  // for a base class of T
  template <class F>
    requires(std::is_base_of_v<F, T> && !std::same_as<F, T>)
  operator F() const { __builtin_unreachable(); }
};
template <class T, std::size_t> using any_field_at = any_field<T>;

template <class T, std::size_t... I> constexpr bool takes_any(std::index_sequence<I...>) {
  return requires { T{any_field_at<T, I>{}...}; };
}
template <class T, std::size_t... I> constexpr bool takes_base(std::index_sequence<I...>) {
  return requires { T{base_field<T>{}, any_field_at<T, I>{}...}; };
}
// {} stands for one field; an array, for which T{...} takes an initialiser for each element, leaves
// those that follow without a place.
template <class T, std::size_t... I, std::size_t... J>
constexpr bool takes_empty(std::index_sequence<I...>, std::index_sequence<J...>) {
  return requires { T{any_field_at<T, I>{}..., {}, any_field_at<T, J>{}...}; };
}

template <class T, std::size_t N> constexpr std::size_t most_taken() {
  if constexpr (takes_any<T>(std::make_index_sequence<N>{})) return N;
  else if constexpr (N == 0) return no_fields;
  else return most_taken<T, N - 1>();
}
template <class T, std::size_t N, std::size_t I = 0> constexpr bool each_is_one() {
  if constexpr (I == N) return true;
  else if constexpr (!takes_empty<T>(std::make_index_sequence<I>{},
                                     std::make_index_sequence<N - I - 1>{}))
    return false;
  else return each_is_one<T, N, I + 1>();
}

// no_fields: a T is no aggregate, or has base classes, references, constants, arrays, fields
// without a default value, or too many fields.
template <class T> constexpr std::size_t count_fields() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || std::is_polymorphic_v<T> ||
                !std::is_move_assignable_v<T> || !std::is_move_constructible_v<T>)
    return no_fields;
  else {
    constexpr std::size_t n = most_taken<T, most_fields + 1>();
    if constexpr (n > most_fields) return no_fields;
    else if constexpr (n == 0) return std::is_empty_v<T> ? 0 : no_fields;
    else if constexpr (takes_base<T>(std::make_index_sequence<n - 1>{})) return no_fields;
    else return each_is_one<T, n>() ? n : no_fields;
  }
}
template <class T> inline constexpr std::size_t field_count = count_fields<T>();
template <class T>
concept plain_struct = field_count<T>
!= no_fields;

// f(field...)
template <plain_struct T, class F> constexpr decltype(auto) with_fields(const T& value, F&& call) {
  constexpr std::size_t count = field_count<T>;
  if constexpr (count == 0) {
    return call();
  } else if constexpr (count == 1) {
    const auto& [a] = value;
    return call(a);
  } else if constexpr (count == 2) {
    const auto& [a, b] = value;
    return call(a, b);
  } else if constexpr (count == 3) {
    const auto& [a, b, c] = value;
    return call(a, b, c);
  } else if constexpr (count == 4) {
    const auto& [a, b, c, d] = value;
    return call(a, b, c, d);
  } else if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = value;
    return call(a, b, c, d, e);
  } else if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = value;
    return call(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = value;
    return call(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = value;
    return call(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = value;
    return call(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return call(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else if constexpr (count == 17) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  } else if constexpr (count == 18) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  } else if constexpr (count == 19) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
  } else if constexpr (count == 20) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
  } else if constexpr (count == 21) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
  } else if constexpr (count == 22) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
  } else if constexpr (count == 23) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w);
  } else if constexpr (count == 24) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x);
  } else if constexpr (count == 25) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y);
  } else if constexpr (count == 26) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z] =
        value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z);
  } else if constexpr (count == 27) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa] =
        value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa);
  } else if constexpr (count == 28) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                 bb] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                bb);
  } else if constexpr (count == 29) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                 bb, cc] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                bb, cc);
  } else if constexpr (count == 30) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                 bb, cc, dd] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                bb, cc, dd);
  } else if constexpr (count == 31) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                 bb, cc, dd, ee] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                bb, cc, dd, ee);
  } else if constexpr (count == 32) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                 bb, cc, dd, ee, ff] = value;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa,
                bb, cc, dd, ee, ff);
  }
}

template <class T> using fields_of =
    decltype(with_fields(std::declval<const T&>(), [](const auto&... f) {
      return types<std::remove_cvref_t<decltype(f)>...>{};
    }));

}  // namespace troupe::detail
