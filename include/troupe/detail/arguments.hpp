// SPDX-License-Identifier: MIT
// How the arguments of a submit meet the parameters of its function: what is a dependency, what is
// passed as it is, what does not fit.
#pragma once
#include <troupe/values.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

// Whether a T can be copied, for a task that may be tried again. To be specialised as false for a
// struct that seems to be copyable but is not, like one with a vector<unique_ptr<X>> inside.
template <class T> inline constexpr bool copyable = std::is_copy_constructible_v<T>;

}  // namespace troupe

namespace troupe::detail {

// Whether a T can be copied, parts included: a container of what cannot be copied says that it can.
template <class T> struct copyable_parts : std::bool_constant<copyable<T>> {};
template <class A, class X> struct copyable_parts<std::vector<A, X>> : copyable_parts<A> {};
template <class K, class A, class C, class X> struct copyable_parts<std::map<K, A, C, X>>
    : std::bool_constant<copyable_parts<K>::value && copyable_parts<A>::value> {};
template <class K, class A, class H, class E, class X>
struct copyable_parts<std::unordered_map<K, A, H, E, X>>
    : std::bool_constant<copyable_parts<K>::value && copyable_parts<A>::value> {};
template <class A> struct copyable_parts<std::optional<A>> : copyable_parts<A> {};
template <class... As> struct copyable_parts<std::tuple<As...>>
    : std::bool_constant<(copyable_parts<As>::value && ...)> {};
template <class A, class B> struct copyable_parts<std::pair<A, B>>
    : std::bool_constant<copyable_parts<A>::value && copyable_parts<B>::value> {};
template <class... As> struct copyable_parts<std::variant<As...>>
    : std::bool_constant<(copyable_parts<As>::value && ...)> {};
template <class A, std::size_t N> struct copyable_parts<std::array<A, N>> : copyable_parts<A> {};

// ---- refs inside a value ------------------------------------------------------------------------
// resolved<A>::type is A with a T for every ref<T>; ::deep: whether there is any.
template <class A> struct resolved {
  using type = A;
  static constexpr bool deep = false;
};
template <class T> struct resolved<ref<T>> {
  using type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  static constexpr bool deep = true;
};
template <template <class...> class C, class... As> struct resolved_parts {
  using type = C<typename resolved<As>::type...>;
  static constexpr bool deep = (resolved<As>::deep || ...);
};
template <class A, class X> struct resolved<std::vector<A, X>> {
  using type = std::conditional_t<resolved<A>::deep, std::vector<typename resolved<A>::type>,
                                  std::vector<A, X>>;
  static constexpr bool deep = resolved<A>::deep;
};
template <class K, class A, class C, class X> struct resolved<std::map<K, A, C, X>> {
  using type = std::conditional_t<resolved<A>::deep, std::map<K, typename resolved<A>::type, C>,
                                  std::map<K, A, C, X>>;
  static constexpr bool deep = resolved<A>::deep;
};
template <class K, class A, class H, class E, class X>
struct resolved<std::unordered_map<K, A, H, E, X>> {
  using type =
      std::conditional_t<resolved<A>::deep, std::unordered_map<K, typename resolved<A>::type, H, E>,
                         std::unordered_map<K, A, H, E, X>>;
  static constexpr bool deep = resolved<A>::deep;
};
template <class A> struct resolved<std::optional<A>> : resolved_parts<std::optional, A> {};
template <class A, class B> struct resolved<std::pair<A, B>> : resolved_parts<std::pair, A, B> {};
template <class... As> struct resolved<std::tuple<As...>> : resolved_parts<std::tuple, As...> {};
template <class... As> struct resolved<std::variant<As...>> : resolved_parts<std::variant, As...> {
};
template <class A, std::size_t N> struct resolved<std::array<A, N>> {
  using type = std::array<typename resolved<A>::type, N>;
  static constexpr bool deep = resolved<A>::deep;
};
template <class A> using resolved_t = typename resolved<A>::type;

// Calls f(object*) for each ref inside a value, in order; refs that name nothing come as null.
template <class A, class F> void each_ref(const A& a, F& f);
template <class T, class F> void visit_refs(const ref<T>& r, F& f) { f(access::get(r)); }
template <class A, class X, class F> void visit_refs(const std::vector<A, X>& v, F& f) {
  for (const auto& a : v) each_ref(a, f);
}
template <class K, class A, class C, class X, class F>
void visit_refs(const std::map<K, A, C, X>& m, F& f) {
  for (const auto& [k, a] : m) each_ref(a, f);
}
template <class K, class A, class H, class E, class X, class F>
void visit_refs(const std::unordered_map<K, A, H, E, X>& m, F& f) {
  for (const auto& [k, a] : m) each_ref(a, f);
}
template <class A, class F> void visit_refs(const std::optional<A>& o, F& f) {
  if (o) each_ref(*o, f);
}
template <class A, class B, class F> void visit_refs(const std::pair<A, B>& p, F& f) {
  each_ref(p.first, f);
  each_ref(p.second, f);
}
template <class... As, class F> void visit_refs(const std::tuple<As...>& t, F& f) {
  std::apply([&](const As&... as) { (each_ref(as, f), ...); }, t);
}
template <class... As, class F> void visit_refs(const std::variant<As...>& v, F& f) {
  std::visit([&](const auto& a) { each_ref(a, f); }, v);
}
template <class A, std::size_t N, class F> void visit_refs(const std::array<A, N>& v, F& f) {
  for (const auto& a : v) each_ref(a, f);
}
template <class A, class F> void each_ref(const A& a, F& f) {
  if constexpr (resolved<A>::deep) visit_refs(a, f);
}

// The value with every ref replaced by what it names; all have settled with a value. Values that
// nobody else can reach are moved.
template <class A> resolved_t<A> resolve(A& a);
template <class T> resolved_t<ref<T>> resolve_refs(ref<T>& r) {
  if constexpr (std::is_void_v<T>) return {};
  else return take_value<T>(*access::get(r));
}
template <class A, class X> auto resolve_refs(std::vector<A, X>& v) {
  resolved_t<std::vector<A, X>> all;
  all.reserve(v.size());
  for (auto& a : v) all.push_back(resolve(a));
  return all;
}
template <class M> auto resolve_map(M& m) {
  resolved_t<M> all;
  for (auto& [k, a] : m) all.emplace(k, resolve(a));
  return all;
}
template <class K, class A, class C, class X> auto resolve_refs(std::map<K, A, C, X>& m) {
  return resolve_map(m);
}
template <class K, class A, class H, class E, class X>
auto resolve_refs(std::unordered_map<K, A, H, E, X>& m) {
  return resolve_map(m);
}
template <class A> auto resolve_refs(std::optional<A>& o) {
  return o ? resolved_t<std::optional<A>>{resolve(*o)} : resolved_t<std::optional<A>>{};
}
template <class A, class B> auto resolve_refs(std::pair<A, B>& p) {
  return resolved_t<std::pair<A, B>>{resolve(p.first), resolve(p.second)};
}
template <class... As> auto resolve_refs(std::tuple<As...>& t) {
  return std::apply([](As&... as) { return resolved_t<std::tuple<As...>>{resolve(as)...}; }, t);
}
template <class... As> auto resolve_refs(std::variant<As...>& v) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    using to = resolved_t<std::variant<As...>>;
    to (*const table[])(std::variant<As...>&) = {+[](std::variant<As...>& x) {
      return to{std::in_place_index<I>, resolve(std::get<I>(x))};
    }...};
    return table[v.index()](v);
  }
  (std::index_sequence_for<As...>{});
}
template <class A, std::size_t N> auto resolve_refs(std::array<A, N>& v) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return resolved_t<std::array<A, N>>{resolve(v[I])...};
  }
  (std::make_index_sequence<N>{});
}
template <class A> resolved_t<A> resolve(A& a) {
  if constexpr (resolved<A>::deep) return resolve_refs(a);
  else return std::move(a);
}

// ---- one argument, one parameter ----------------------------------------------------------------
template <class P> struct values_parameter : std::false_type {};
template <class T> struct values_parameter<values<T>> : std::true_type {
  using refs = std::vector<ref<T>>;
};

enum class fit { none, as_is, dependency, in_place, viewed };

// P: the parameter's type as declared; A: the argument's, decayed.
//   as_is       passed as given; a ref<T> for a parameter ref<T> is no dependency
//   in_place    a ref<T> for a T: the body sees the value itself
//   dependency  refs inside a container: the body gets the container of values
//   viewed      a vector<ref<T>> for a values<T>
template <class P, class A> constexpr fit fit_of() {
  using D = std::remove_cvref_t<P>;
  if constexpr (std::is_convertible_v<A, P>) return fit::as_is;
  else if constexpr (values_parameter<D>::value) {
    if constexpr (std::is_same_v<A, typename values_parameter<D>::refs>) return fit::viewed;
    else return fit::none;
  } else if constexpr (resolved<A>::deep) {
    using R = resolved_t<A>;
    if constexpr (resolved<R>::deep) return fit::none;  // a ref to a ref: get the outer one first
    else if constexpr (std::is_same_v<A, ref<R>> &&
                       (std::is_convertible_v<const R&, P> || (std::is_convertible_v<R, P>)))
      return fit::in_place;
    else if constexpr (std::is_convertible_v<R, P>) return fit::dependency;
    else return fit::none;
  } else return fit::none;
}

// How an argument is kept until the body runs: as the parameter's own type where the given one
// would dangle or convert too late. A const char* for a const char* stays the pointer that it is: a
// literal's lives long enough.
template <class P, class A> constexpr auto kept_as() {
  using D = std::decay_t<P>;
  if constexpr (fit_of<P, A>() != fit::as_is) return std::type_identity<A>{};
  else if constexpr (std::is_same_v<D, std::string_view>) return std::type_identity<std::string>{};
  else if constexpr (std::is_same_v<D, A>) return std::type_identity<A>{};
  else if constexpr (std::is_same_v<D, const char*> && std::is_convertible_v<A, std::string>)
    return std::type_identity<std::string>{};
  else if constexpr ((std::is_pointer_v<A> || std::is_arithmetic_v<A>)&&std::is_object_v<D> &&
                     std::is_constructible_v<D, A>)
    return std::type_identity<D>{};
  else return std::type_identity<A>{};
}
template <class P, class A> using kept_t = typename decltype(kept_as<P, A>())::type;

// Whether pass() takes the kept argument apart, unless it is told to leave it for another try.
template <class P, class K> constexpr bool takes_argument() {
  if constexpr (fit_of<P, K>() == fit::in_place)
    return !std::is_lvalue_reference_v<P> && !std::is_trivially_copyable_v<resolved_t<K>>;
  else if constexpr (fit_of<P, K>() == fit::as_is)
    return !std::is_lvalue_reference_v<P> && !std::is_same_v<std::decay_t<P>, const char*>;
  else return true;
}
// The same argument for one more try than this one.
template <class P, class K> decltype(auto) pass_copy(K& kept);

// The kept argument as what the parameter takes. Precondition: its refs have settled with values.
template <class P, class K> decltype(auto) pass(K& kept) {
  using D = std::decay_t<P>;
  if constexpr (std::is_same_v<D, const char*> && std::is_same_v<K, std::string>)
    return kept.c_str();
  else if constexpr (values_parameter<D>::value && !std::is_same_v<K, D>) return D{std::move(kept)};
  else if constexpr (fit_of<P, K>() == fit::as_is) {
    if constexpr (std::is_lvalue_reference_v<P>) return static_cast<K&>(kept);
    else return static_cast<K&&>(kept);
  } else if constexpr (fit_of<P, K>() == fit::in_place) {
    using T = typename K::value_type;
    object& o = *access::get(kept);
    if constexpr (std::is_void_v<T>) return std::monostate{};
    else if constexpr (std::is_lvalue_reference_v<P> ||
                       (std::is_trivially_copyable_v<T> && !std::is_reference_v<P>))
      return *static_cast<const T*>(o.value);
    else return take_value<T>(o);
  } else return resolve(kept);
}

template <class P, class K> decltype(auto) pass_copy(K& kept) {
  if constexpr (!takes_argument<P, K>()) {
    return pass<P>(kept);
  } else if constexpr (fit_of<P, K>() == fit::in_place) {
    return static_cast<resolved_t<K>>(*static_cast<const resolved_t<K>*>(access::get(kept)->value));
  } else if constexpr (fit_of<P, K>() == fit::as_is) {
    return K(static_cast<const K&>(kept));
  } else {
    K copy = kept;  // its values have two refs then, so they are copied
    return pass<P>(copy);
  }
}
// Whether it can.
template <class P, class K> constexpr bool can_pass_copy() {
  if constexpr (!takes_argument<P, K>()) return true;
  else if constexpr (fit_of<P, K>() == fit::as_is) return copyable_parts<K>::value;
  else return copyable_parts<K>::value && copyable_parts<resolved_t<K>>::value;
}

// What a compiler prints when an argument does not fit: read the three names.
template <std::size_t Position> struct argument {};
template <class T> struct expected {};
template <class T> struct given {};
template <class Argument, class Expected, class Given, bool Fits> struct check_argument {
  static_assert(Fits,
                "troupe: an argument of submit does not fit the task's parameter. The lines around "
                "this one name the argument's position (from 1), "
                "the type that was expected and the type that was given. A ref<T> fits a T, a "
                "const T& and a ref<T>; a container of refs fits "
                "the container of values (vector<ref<T>>: also values<T>). A T& would let a task "
                "write to what others read: take const T& or T.");
};

// ---- functions ----------------------------------------------------------------------------------
template <class... Ps> struct parameters {
  static constexpr std::size_t count = sizeof...(Ps);
  template <std::size_t I> using at =
      std::tuple_element_t<I, std::tuple<std::type_identity<Ps>...>>;
};
struct any_parameters {};  // a generic lambda: its parameters are what it is given

template <class F> struct signature { using type = any_parameters; };
template <class R, class... Ps> struct signature<R (*)(Ps...)> { using type = parameters<Ps...>; };
template <class R, class... Ps> struct signature<R (*)(Ps...) noexcept> {
  using type = parameters<Ps...>;
};
template <class M> struct member_signature { using type = any_parameters; };
template <class R, class C, class... Ps> struct member_signature<R (C::*)(Ps...)> {
  using type = parameters<Ps...>;
};
template <class R, class C, class... Ps> struct member_signature<R (C::*)(Ps...) const> {
  using type = parameters<Ps...>;
};
template <class R, class C, class... Ps> struct member_signature<R (C::*)(Ps...) noexcept> {
  using type = parameters<Ps...>;
};
template <class R, class C, class... Ps> struct member_signature<R (C::*)(Ps...) const noexcept> {
  using type = parameters<Ps...>;
};
template <class F>
  requires requires { &F::operator(); }
struct signature<F> {
  using type = typename member_signature<decltype(&F::operator())>::type;
};

// The type of parameter I of F when it is given an A.
template <class Signature, std::size_t I, class A> struct parameter {
  using type = typename Signature::template at<I>::type;
};
template <std::size_t I, class A> struct parameter<any_parameters, I, A> {
  using type = resolved_t<A>;
};

}  // namespace troupe::detail
