// SPDX-License-Identifier: MIT
// The texts are part of what nodes compare: they change only when the bytes do.
#include "tests/wire/kinds.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string_view>

namespace shop {
namespace {
enum class state : int { open };
struct hidden {
  state s;
};
}  // namespace
template <class T> struct box {
  T content;
  struct lid {
    T t;
  };
};
struct both {
  test::point a, b;
};
}  // namespace shop

namespace {
template <class T> constexpr std::string_view text = troupe::detail::codec_of<T>->type;
}

TEST_CASE("a type's structure is a text") {
  using std::optional, std::string, std::variant, std::vector, troupe::ref;
  static_assert(text<int> == "i32" && text<unsigned char> == "u8" && text<double> == "f64");
  static_assert(text<long> == "i64" && text<long long> == "i64");
  static_assert(text<bool> == "bool" && text<char> == "char" && text<string> == "text");
  static_assert(text<vector<char>> == "bytes" && text<vector<std::byte>> == "bytes");
  static_assert(text<vector<std::vector<float>>> == "[[f32]]");
  static_assert(text<std::array<int, 12>> == "[i32;12]");
  static_assert(text<std::unordered_map<string, std::set<int>>> == "{text:{i32}}");
  static_assert(text<std::multimap<int, int>> == "multi{i32:i32}");
  static_assert(text<std::pair<int, std::tuple<>>> == "(i32,())" &&
                text<std::tuple<int>> == "(i32,)");
  static_assert(text<optional<int>> == "i32?" && text<std::unique_ptr<int>> == "i32?");
  static_assert(text<optional<variant<int, bool>>> == "(i32|bool)?");
  static_assert(text<variant<int, optional<bool>>> == "i32|bool?" && text<variant<int>> == "i32|");
  static_assert(text<variant<int, variant<bool, std::monostate>>> == "i32|(bool|nil)");
  static_assert(text<ref<int>> == "ref i32" && text<ref<void>> == "ref void");
  static_assert(text<optional<ref<int>>> == "(ref i32)?" && text<ref<optional<int>>> == "ref i32?");
  static_assert(text<std::chrono::milliseconds> == "duration i64*1/1000");
  static_assert(text<std::chrono::system_clock::time_point> == "time i64*1/1000000000");
  static_assert(text<void> == "void");
}

TEST_CASE("a struct is its name and its fields, a name alone from the second time on") {
  struct local {
    bool b;
  };
  static_assert(text<test::point> == "test::point{f64,f64}");
  static_assert(text<test::tree> == "test::tree{text,[test::tree]}");
  static_assert(text<shop::both> == "shop::both{test::point{f64,f64},test::point}");
  static_assert(text<shop::hidden> == "shop::hidden{enum shop::state:i32}");
  static_assert(text<shop::box<shop::box<int>>> == "shop::box{shop::box{i32}}");
  static_assert(text<shop::box<std::vector<int>>::lid> == "shop::box::lid{[i32]}");
  static_assert(text<local> == "local{bool}");
}

TEST_CASE("types with different texts have different hashes") {
  using troupe::detail::codec_of;
  static_assert(codec_of<int>->hash != codec_of<long>->hash);
  static_assert(codec_of<int>->hash == troupe::detail::hash_of("i32"));
  static_assert(troupe::detail::hash_of("a") == 0xaf63dc4c8601ec8cu);  // as published for FNV-1a
}
