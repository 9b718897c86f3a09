// SPDX-License-Identifier: MIT
// How containers travel. Part of <troupe/codec.hpp>.
#pragma once
#include <troupe/detail/forms.hpp>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace troupe::detail {

template <> struct form<std::string> {
  using parts = types<>;
  static constexpr void text(text_sink& s) { s.put("text"); }
  static void write(encoder& e, const std::string& value) { e.text(value); }
  static std::string read(decoder& d) { return std::string{d.text()}; }
};

// ---- sequences ----------------------------------------------------------------------------------
template <class T>
concept plain_byte =
    std::is_same_v<T, char> || std::is_same_v<T, unsigned char> || std::is_same_v<T, std::byte>;
template <class T>
concept packable = plain_byte<T> || number<T>;

template <class T> constexpr packing packing_of() {
  constexpr int size = std::countr_zero(sizeof(T));
  if constexpr (std::is_same_v<T, bool>) return packing::boolean;
  else if constexpr (std::is_same_v<T, float>) return packing::f32;
  else if constexpr (std::is_same_v<T, double>) return packing::f64;
  else if constexpr (std::is_signed_v<T>) return packing{static_cast<int>(packing::i8) + size};
  else return packing{static_cast<int>(packing::u16) + size - 1};
}

// Elements that lie in the bytes, wherever that is.
template <class T> class packed_iterator {
public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = const T*;
  using reference = T;

  explicit packed_iterator(const char* at) : at_(at) {}
  T operator*() const {
    if constexpr (std::is_same_v<T, bool>) return *at_ != 0;
    else {
      T x;
      std::memcpy(&x, at_, sizeof x);
      return x;
    }
  }
  packed_iterator& operator++() { return at_ += sizeof(T), *this; }
  packed_iterator& operator--() { return at_ -= sizeof(T), *this; }
  packed_iterator& operator+=(std::ptrdiff_t n) {
    return at_ += n * static_cast<std::ptrdiff_t>(sizeof(T)), *this;
  }
  packed_iterator operator++(int) { return packed_iterator{std::exchange(at_, at_ + sizeof(T))}; }
  friend bool operator==(packed_iterator a, packed_iterator b) { return a.at_ == b.at_; }
  friend bool operator!=(packed_iterator a, packed_iterator b) { return a.at_ != b.at_; }
  friend std::ptrdiff_t operator-(packed_iterator a, packed_iterator b) {
    return (a.at_ - b.at_) / static_cast<std::ptrdiff_t>(sizeof(T));
  }

private:
  const char* at_;
};

template <class C>
concept contiguous = requires(const C& c) {
  { c.data() } -> std::same_as<const typename C::value_type*>;
};

// Bytes as a binary, numbers as a block of their kind, all else as an array.
template <class C> struct sequence_form {
  using T = typename C::value_type;
  using parts = types<T>;
  static constexpr void text(text_sink& s) {
    if constexpr (plain_byte<T>) return s.put("bytes");
    s.put('[');
    put_type<T>(s);
    s.put(']');
  }
  static void write(encoder& e, const C& all) {
    if constexpr (!packable<T>) {
      e.array(all.size());
      for (const T& x : all) e.value(x);
    } else if constexpr (contiguous<C>) block(e, all.data(), all.size());
    else if constexpr (std::is_same_v<T, bool>)
      block(e, std::vector<char>(all.begin(), all.end()).data(), all.size());
    else block(e, std::vector<T>(all.begin(), all.end()).data(), all.size());
  }
  static void block(encoder& e, const void* elements, std::size_t n) {
    if constexpr (plain_byte<T>) e.binary(elements, n);
    else e.packed(packing_of<T>(), elements, n * sizeof(T));
  }
  static std::span<const char> block(decoder& d) {
    if constexpr (plain_byte<T>) return d.binary();
    else {
      const auto bytes = d.packed(packing_of<T>(), sizeof(T), type_text<C>);
      if constexpr (std::is_same_v<T, bool>)
        for (char c : bytes)
          if (c != 0 && c != 1) d.fail("bool", "a byte that is neither 0 nor 1");
      return bytes;
    }
  }
};

template <class C> struct growing_form : sequence_form<C> {
  using T = typename C::value_type;
  static C read(decoder& d) {
    if constexpr (packable<T>) {
      const auto bytes = sequence_form<C>::block(d);
      return C(packed_iterator<T>{bytes.data()}, packed_iterator<T>{bytes.data() + bytes.size()});
    } else {
      const std::size_t n = d.array();
      decoder::level at{d, "element"};
      C all;
      if constexpr (requires { all.reserve(n); })
        all.reserve(std::min(n, 1 + d.remaining() / sizeof(T)));
      for (std::size_t i = 0; i < n; ++i) {
        at.next();
        all.push_back(d.value<T>());
      }
      return all;
    }
  }
};
template <class T, class A> struct form<std::vector<T, A>> : growing_form<std::vector<T, A>> {};
template <class T, class A> struct form<std::deque<T, A>> : growing_form<std::deque<T, A>> {};
template <class T, class A> struct form<std::list<T, A>> : growing_form<std::list<T, A>> {};

template <class T, std::size_t N> struct form<std::array<T, N>> : sequence_form<std::array<T, N>> {
  using all = std::array<T, N>;
  static constexpr void text(text_sink& s) {
    s.put('[');
    put_type<T>(s);
    s.put(';');
    s.number(N);
    s.put(']');
  }
  static all read(decoder& d) {
    if constexpr (packable<T>) {
      const auto bytes = sequence_form<all>::block(d);
      if (bytes.size() != N * sizeof(T))
        d.fail(type_text<all>, std::to_string(bytes.size() / sizeof(T)) + " elements");
      all a;
      std::copy(packed_iterator<T>{bytes.data()}, packed_iterator<T>{bytes.data() + bytes.size()},
                a.begin());
      return a;
    } else {
      d.array(N, type_text<all>);
      decoder::level at{d, "element"};
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return all{((void)I, at.next(), d.value<T>())...};
      }
      (std::make_index_sequence<N>{});
    }
  }
};

// ---- sets and maps ------------------------------------------------------------------------------
template <class C, bool Multi> struct set_form {
  using T = typename C::value_type;
  using parts = types<T>;
  static constexpr void text(text_sink& s) {
    s.put(Multi ? "multi{" : "{");
    put_type<T>(s);
    s.put('}');
  }
  static void write(encoder& e, const C& all) {
    e.array(all.size());
    for (const T& x : all) e.value(x);
  }
  static C read(decoder& d) {
    const std::size_t n = d.array();
    decoder::level at{d, "element"};
    C all;
    for (std::size_t i = 0; i < n; ++i) {
      at.next();
      all.insert(d.value<T>());
      if (!Multi && all.size() == i) d.fail("elements that differ", "one that was there already");
    }
    return all;
  }
};
template <class T, class... X> struct form<std::set<T, X...>> : set_form<std::set<T, X...>, false> {
};
template <class T, class... X> struct form<std::unordered_set<T, X...>>
    : set_form<std::unordered_set<T, X...>, false> {};
template <class T, class... X> struct form<std::multiset<T, X...>>
    : set_form<std::multiset<T, X...>, true> {};
template <class T, class... X> struct form<std::unordered_multiset<T, X...>>
    : set_form<std::unordered_multiset<T, X...>, true> {};

template <class C, bool Multi> struct map_form {
  using K = typename C::key_type;
  using T = typename C::mapped_type;
  using parts = types<K, T>;
  static constexpr void text(text_sink& s) {
    s.put(Multi ? "multi{" : "{");
    put_type<K>(s);
    s.put(':');
    put_type<T>(s);
    s.put('}');
  }
  static void write(encoder& e, const C& all) {
    e.map(all.size());
    for (const auto& [key, value] : all) {
      e.value(key);
      e.value(value);
    }
  }
  static C read(decoder& d) {
    const std::size_t n = d.map();
    decoder::level at{d, "entry"};
    C all;
    for (std::size_t i = 0; i < n; ++i) {
      at.next();
      K key = d.value<K>();
      all.emplace(std::move(key), d.value<T>());
      if (!Multi && all.size() == i) d.fail("keys that differ", "one that was there already");
    }
    return all;
  }
};
template <class K, class T, class... X> struct form<std::map<K, T, X...>>
    : map_form<std::map<K, T, X...>, false> {};
template <class K, class T, class... X> struct form<std::unordered_map<K, T, X...>>
    : map_form<std::unordered_map<K, T, X...>, false> {};
template <class K, class T, class... X> struct form<std::multimap<K, T, X...>>
    : map_form<std::multimap<K, T, X...>, true> {};
template <class K, class T, class... X> struct form<std::unordered_multimap<K, T, X...>>
    : map_form<std::unordered_multimap<K, T, X...>, true> {};

}  // namespace troupe::detail
