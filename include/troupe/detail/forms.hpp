// SPDX-License-Identifier: MIT
// How each type that travels is written, read and named. Part of <troupe/codec.hpp>.
#pragma once
#include <troupe/codec.hpp>
#include <troupe/detail/fields.hpp>
#include <troupe/detail/type_text.hpp>
#include <troupe/ref.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

namespace troupe::detail {

static_assert(std::endian::native == std::endian::little,
              "troupe: packed blocks are little endian");

// Of a type that travels as it is:
//   parts  the types in it
//   text   its structure
//   write, read
struct unknown_form {};
template <class T> struct form : unknown_form {};

template <class T>
concept has_codec = requires {
  sizeof(codec<T>);
};
template <class T>
concept has_form = !std::is_base_of_v<unknown_form, form<T>>;

template <class T, class... Outer> constexpr bool can_travel();
template <class... Outer, class... Ts> constexpr bool all_can_travel(types<Ts...>) {
  return (can_travel<Ts, Outer...>() && ... && true);
}
template <class T, class... Outer> constexpr bool can_travel() {
  if constexpr ((std::is_same_v<T, Outer> || ...)) return true;  // if all the rest can
  else if constexpr (!std::is_object_v<T> || std::is_const_v<T> || std::is_volatile_v<T>)
    return false;
  else if constexpr (has_codec<T>) return true;
  else if constexpr (has_form<T>) return all_can_travel<T, Outer...>(typename form<T>::parts{});
  else return false;
}

template <class T> constexpr void put_type(text_sink& s) {
  if constexpr (std::is_void_v<T>) s.put("void");
  else if constexpr (has_codec<T>) s.put(codec<T>::name);
  else form<T>::text(s);
}
template <class T> struct type_writer {
  static constexpr void to(text_sink& s) { put_type<T>(s); }
};
template <class T> inline constexpr std::string_view type_text = kept_text<type_writer<T>>::view;

template <class T> constexpr const value_codec& its_codec();

// ---- numbers ------------------------------------------------------------------------------------
template <class T>
concept number = std::is_arithmetic_v<T> &&(!std::is_integral_v<T> || sizeof(T) <= 8) &&
                 !std::is_same_v<T, long double> && !std::is_same_v<T, wchar_t> &&
                 !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> &&
                 !std::is_same_v<T, char32_t> && !std::is_volatile_v<T>;

template <number T> struct form<T> {
  using parts = types<>;
  static constexpr void text(text_sink& s) {
    if constexpr (std::is_same_v<T, bool>) s.put("bool");
    else if constexpr (std::is_same_v<T, char>) s.put("char");
    else {
      s.put(std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u');
      s.number(sizeof(T) * 8);
    }
  }
  static void write(encoder& e, T value) {
    if constexpr (std::is_same_v<T, bool>) e.boolean(value);
    else if constexpr (std::is_floating_point_v<T>) e.real(value);
    else if constexpr (std::is_signed_v<T>) e.integer(static_cast<std::int64_t>(value));
    else e.integer(static_cast<std::uint64_t>(value));
  }
  static T read(decoder& d) {
    if constexpr (std::is_same_v<T, bool>) return d.boolean();
    else if constexpr (std::is_floating_point_v<T>) return d.real<T>();
    else return d.integer<T>();
  }
};

template <class T>
  requires std::is_enum_v<T>
struct form<T> {
  using number = std::underlying_type_t<T>;
  using parts = types<number>;
  static constexpr void text(text_sink& s) {
    s.put("enum ");
    put_name<T>(s);
    s.put(':');
    put_type<number>(s);
  }
  static void write(encoder& e, T value) { e.value(static_cast<number>(value)); }
  static T read(decoder& d) { return static_cast<T>(d.value<number>()); }
};

template <class R, class Period> struct form<std::chrono::duration<R, Period>> {
  using parts = types<R>;
  static constexpr void unit(text_sink& s) {
    put_type<R>(s);
    s.put('*');
    s.number(Period::num);
    s.put('/');
    s.number(Period::den);
  }
  static constexpr void text(text_sink& s) {
    s.put("duration ");
    unit(s);
  }
  static void write(encoder& e, std::chrono::duration<R, Period> value) { e.value(value.count()); }
  static auto read(decoder& d) { return std::chrono::duration<R, Period>{d.value<R>()}; }
};
template <class Duration>
struct form<std::chrono::time_point<std::chrono::system_clock, Duration>> {
  using time = std::chrono::time_point<std::chrono::system_clock, Duration>;
  using parts = types<typename Duration::rep>;
  static constexpr void text(text_sink& s) {
    s.put("time ");
    form<Duration>::unit(s);
  }
  static void write(encoder& e, time value) { e.value(value.time_since_epoch()); }
  static time read(decoder& d) { return time{d.value<Duration>()}; }
};

// ---- one value or none, one of several ----------------------------------------------------------
template <> struct form<std::monostate> {
  using parts = types<>;
  static constexpr void text(text_sink& s) { s.put("nil"); }
  static void write(encoder& e, std::monostate) { e.nil(); }
  static std::monostate read(decoder& d) { return d.nil(), std::monostate{}; }
};

template <class T> inline constexpr bool is_loose = false;  // "A|B", "ref A": in brackets in others
template <class... Ts> inline constexpr bool is_loose<std::variant<Ts...>> = true;
template <class T> inline constexpr bool is_loose<ref<T>> = true;
template <class T> constexpr void put_grouped(text_sink& s) {
  if (is_loose<T>) s.put('(');
  put_type<T>(s);
  if (is_loose<T>) s.put(')');
}

// nil, or an array of one: so that an optional of what may be nil keeps its meaning
template <class Holder, class T> struct maybe_form {
  using parts = types<T>;
  static constexpr void text(text_sink& s) {
    put_grouped<T>(s);
    s.put('?');
  }
  static void write(encoder& e, const Holder& value) {
    if (!value) return e.nil();
    e.array(1);
    e.value(*value);
  }
  template <class Make> static Holder read(decoder& d, Make make) {
    if (d.skip_nil()) return {};
    d.array(1, "nil or an array of 1 (a value that may be missing)");
    decoder::level at{d, "value"};
    return make();
  }
};
template <class T> struct form<std::optional<T>> : maybe_form<std::optional<T>, T> {
  static std::optional<T> read(decoder& d) {
    return maybe_form<std::optional<T>, T>::read(d, [&] { return d.value<T>(); });
  }
};
template <class T>
  requires(!std::is_polymorphic_v<T> && !std::is_array_v<T>)
struct form<std::unique_ptr<T>> : maybe_form<std::unique_ptr<T>, T> {
  static std::unique_ptr<T> read(decoder& d) {
    return maybe_form<std::unique_ptr<T>, T>::read(
        d, [&] { return std::unique_ptr<T>(new T(d.value<T>())); });
  }
};

[[noreturn]] void throw_valueless();

// an array of two: which, and the value
template <class... Ts> struct form<std::variant<Ts...>> {
  using parts = types<Ts...>;
  using one = std::variant<Ts...>;
  static constexpr void text(text_sink& s) {
    std::size_t i = 0;
    auto each = [&]<class T>(std::type_identity<T>) {
      if (i++ > 0) s.put('|');
      put_grouped<T>(s);
    };
    (each(std::type_identity<Ts>{}), ...);
    if (i == 1) s.put('|');
  }
  static void write(encoder& e, const one& value) {
    if (value.valueless_by_exception()) throw_valueless();
    e.array(2);
    e.integer(static_cast<std::uint64_t>(value.index()));
    std::visit([&](const auto& x) { e.value(x); }, value);
  }
  static one read(decoder& d) {
    d.array(2, "array of 2 (which of the alternatives, and its value)");
    const auto i = d.integer<std::uint32_t>();
    if (i >= sizeof...(Ts)) d.fail("the number of an alternative", std::to_string(i));
    decoder::level at{d, "alternative"};
    for (std::uint32_t n = 0; n < i; ++n) at.next();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      one (*const table[])(decoder&) = {+[](decoder& from) {
        return one{std::in_place_index<I>, from.value<Ts>()};
      }...};
      return table[i](d);
    }
    (std::index_sequence_for<Ts...>{});
  }
};

// ---- several values -----------------------------------------------------------------------------
template <class... Ts> constexpr void put_types(text_sink& s, types<Ts...>) {
  std::size_t i = 0;
  ((s.put(i++ == 0 ? "" : ","), put_type<Ts>(s)), ...);
}

template <class Tuple, class... Ts> struct tuple_form {
  using parts = types<Ts...>;
  static constexpr void text(text_sink& s) {
    s.put('(');
    put_types(s, parts{});
    s.put(sizeof...(Ts) == 1 ? ",)" : ")");
  }
  static void write(encoder& e, const Tuple& value) {
    e.array(sizeof...(Ts));
    std::apply([&](const Ts&... x) { (e.value(x), ...); }, value);
  }
  static Tuple read(decoder& d) {
    d.array(sizeof...(Ts), "as many values as the tuple has");
    if constexpr (sizeof...(Ts) == 0) return {};
    else {
      decoder::level at{d, "element"};
      return Tuple{(at.next(), d.value<Ts>())...};
    }
  }
};
template <class... Ts> struct form<std::tuple<Ts...>> : tuple_form<std::tuple<Ts...>, Ts...> {};
template <class A, class B> struct form<std::pair<A, B>> : tuple_form<std::pair<A, B>, A, B> {};

template <plain_struct T> struct form<T> {
  using parts = fields_of<T>;
  static constexpr void text(text_sink& s) {
    put_name<T>(s);
    if (!s.first_time<T>()) return;
    s.put('{');
    put_types(s, parts{});
    s.put('}');
  }
  static void write(encoder& e, const T& value) {
    e.array(field_count<T>);
    with_fields(value, [&](const auto&... fields) { (e.value(fields), ...); });
  }
  static T read(decoder& d) {
    d.array(field_count<T>, type_name<T>);
    if constexpr (field_count<T> == 0) return T{};
    else {
      decoder::level at{d, "field", type_name<T>};
      return [&]<class... Fs>(types<Fs...>) { return T{(at.next(), d.value<Fs>())...}; }(parts{});
    }
  }
};

template <class T> struct form<ref<T>> {
  using parts = std::conditional_t<std::is_void_v<T>, types<>, types<T>>;
  static constexpr void text(text_sink& s) {
    s.put("ref ");
    put_grouped<T>(s);
  }
  static void write(encoder& e, const ref<T>& value) {
    e.reference(access::get(value), its_codec<T>());
  }
  static ref<T> read(decoder& d) { return access::adopt<T>(d.reference(its_codec<T>())); }
};

}  // namespace troupe::detail

#include <troupe/detail/containers.hpp>

namespace troupe {

// What holds others is a level of nesting, at least where the decoder counts one.
class encoder::level {
public:
  explicit level(encoder& e) : e_(e) {
    if (++e_.depth_ > detail::most_nested) e_.too_deep();
  }
  ~level() { --e_.depth_; }
  level(const level&) = delete;
  level& operator=(const level&) = delete;

private:
  encoder& e_;
};

template <class T> void encoder::value(const T& value) {
  if constexpr (detail::has_codec<T>) {
    level in{*this};
    codec<T>::write(*this, value);
  } else if constexpr (std::is_same_v<typename detail::form<T>::parts, detail::types<>>) {
    detail::form<T>::write(*this, value);
  } else {
    level in{*this};
    detail::form<T>::write(*this, value);
  }
}

template <class T> T decoder::value() {
  if constexpr (detail::has_codec<T>) {
    level in{*this, {}};
    return codec<T>::read(*this);
  } else return detail::form<T>::read(*this);
}

template <class I> I decoder::integer() {
  using limits = std::numeric_limits<I>;
  if constexpr (std::is_signed_v<I>)
    return static_cast<I>(signed_integer(limits::min(), limits::max(), detail::type_text<I>));
  else return static_cast<I>(unsigned_integer(limits::max(), detail::type_text<I>));
}
template <class F> F decoder::real() {
  if constexpr (std::is_same_v<F, float>) return real32();
  else return real64();
}

}  // namespace troupe
