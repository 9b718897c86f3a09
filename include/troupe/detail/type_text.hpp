// SPDX-License-Identifier: MIT
// A type as text that the same type has in every build: what two nodes compare before one reads the
// bytes of the other.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::detail {

template <class T> constexpr std::string_view compilers_name() {
  std::string_view s = __PRETTY_FUNCTION__;  // "... [with T = x; ...]" or "... [T = x]"
  s.remove_prefix(s.find("T = ") + 4);
  const std::size_t end = s.find(';');
  return s.substr(0, end == s.npos ? s.rfind(']') : end);
}

// Written to twice: once to count, once to fill. Knows which classes it has spelled out.
struct text_sink {
  char* out = nullptr;
  std::size_t size = 0;
  std::array<std::string_view, 256> spelled{};  // by the compiler's names
  std::size_t spelled_count = 0;

  constexpr void put(char c) {
    if (out) out[size] = c;
    ++size;
  }
  constexpr void put(std::string_view s) {
    for (char c : s) put(c);
  }
  constexpr void number(std::uintmax_t n) {
    if (n > 9) number(n / 10);
    put(static_cast<char>('0' + n % 10));
  }
  // Whether this is the first time that this type is met.
  template <class T> constexpr bool first_time() {
    for (std::size_t i = 0; i < spelled_count; ++i)
      if (spelled[i] == compilers_name<T>()) return false;
    spelled[spelled_count++] = compilers_name<T>();
    return true;
  }
};

// The name of a class or an enum with its namespaces. Left out is what compilers spell differently:
// unnamed namespaces, the function that a local class is in, template arguments (the fields tell).
template <class T> constexpr void put_name(text_sink& sink) {
  std::string_view s = compilers_name<T>();
  constexpr std::string_view unnamed[] = {"{anonymous}::", "(anonymous namespace)::"};
  std::size_t begin = 0;  // behind the function or the lambda that a local class is in
  for (std::size_t i = 3; i <= s.size(); ++i)
    if (s.substr(i - 2, 2) == "::" && (s[i - 3] == ')' || s[i - 3] == '>') &&
        s.substr(0, i).find("(") != s.npos && !s.substr(0, i).ends_with(unnamed[1]))
      begin = i;
  int depth = 0;
  for (std::size_t i = begin; i < s.size(); ++i) {
    for (std::string_view u : unnamed)
      if (s.substr(i, u.size()) == u) i += u.size();
    if (s[i] == '<') ++depth;
    if (depth == 0) sink.put(s[i]);
    if (s[i] == '>') --depth;
  }
}

// The text that `Write::to(sink)` writes, kept for good.
template <class Write> struct kept_text {
  static constexpr std::size_t size = [] {
    text_sink count;
    Write::to(count);
    return count.size;
  }();
  static constexpr std::array<char, size + 1> chars = [] {
    std::array<char, size + 1> all{};
    text_sink fill;
    fill.out = all.data();
    Write::to(fill);
    return all;
  }();
  static constexpr std::string_view view{chars.data(), size};
};

template <class T> struct name_writer {
  static constexpr void to(text_sink& s) { put_name<T>(s); }
};
template <class T> inline constexpr std::string_view type_name = kept_text<name_writer<T>>::view;

constexpr std::uint64_t hash_of(std::string_view s) {  // FNV-1a, 64 bit
  std::uint64_t h = 0xcbf29ce484222325u;
  for (char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

}  // namespace troupe::detail
