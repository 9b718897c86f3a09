// SPDX-License-Identifier: MIT
// A struct with a field of nearly every kind that travels, and one of the kind that holds itself.
#pragma once
#include <troupe/codec.hpp>

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace test {

enum class color : std::uint8_t { red = 1, green = 200 };
struct point {
  double x, y;
  bool operator==(const point&) const = default;
};
struct tree {
  std::string name;
  std::vector<tree> kids;
  bool operator==(const tree&) const = default;
};
struct mixed {
  std::int16_t small;
  std::uint64_t big;
  color paint;
  std::string text;
  std::vector<float> numbers;
  std::vector<bool> flags;
  std::vector<char> bytes;
  std::list<std::string> words;
  std::map<int, std::optional<point>> points;
  std::unordered_map<std::string, std::set<int>> sets;
  std::variant<std::monostate, int, std::string> one;
  std::tuple<char, bool, float> three;
  tree root;
  bool operator==(const mixed&) const = default;
};
inline mixed a_mixed() {
  return {-300,
          ~std::uint64_t{0},
          color::green,
          "a text that is longer than thirty-one characters",
          {1.5f, -0.0f, 3e38f},
          {true, false, true},
          {'a', '\0', '\xff'},
          {"one", "", "three"},
          {{1, point{1, 2}}, {-70000, std::nullopt}},
          {{"x", {1, 2, 3}}, {"y", {}}},
          "alternative",
          {'c', true, 0.5f},
          {"root", {{"left", {}}, {"right", {{"leaf", {}}}}}}};
}

}  // namespace test
