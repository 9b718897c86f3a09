// SPDX-License-Identifier: MIT
// For the tests of what is written of a run.
#pragma once
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace test {

inline std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

// What a trace must be: times ascend, spans nest, arrows have both ends, in spans.
struct trace_counts {
  std::size_t spans = 0, arrows = 0, waits = 0;
};
inline trace_counts check_trace(const nlohmann::json& j) {
  trace_counts n;
  double last = 0;
  std::map<std::pair<int, int>, std::vector<std::string>> open;  // by process and lane
  std::map<std::uint64_t, int> arrows;
  std::map<std::tuple<std::string, std::uint64_t, std::string>, int> waits;
  for (auto& e : j.at("traceEvents")) {
    const std::string ph = e.at("ph");
    const double at = e.at("ts");
    if (ph == "M") continue;
    REQUIRE(at >= last);
    last = at;
    const std::pair<int, int> lane{e.at("pid"), e.at("tid")};
    if (ph == "B") {
      open[lane].push_back(e.at("name"));
      ++n.spans;
    } else if (ph == "E") {
      REQUIRE(!open[lane].empty());
      open[lane].pop_back();
    } else if (ph == "s" || ph == "f") {
      REQUIRE(!open[lane].empty());
      int& is = arrows[e.at("id")];
      REQUIRE(is == (ph == "s" ? 0 : 1));
      ++is;
      n.arrows += ph == "s" ? 1 : 0;
    } else {
      REQUIRE((ph == "b" || ph == "e"));
      int& is = waits[{e.at("cat"), e.at("id"), e.at("name")}];
      is += ph == "b" ? 1 : -1;
      REQUIRE((is == 0 || is == 1));
      n.waits += ph == "b" ? 1 : 0;
    }
  }
  for (auto& [lane, some] : open) CHECK(some.empty());
  for (auto& [id, is] : arrows) CHECK(is == 2);
  for (auto& [id, is] : waits) CHECK(is == 0);
  return n;
}

}  // namespace test
