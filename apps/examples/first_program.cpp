// SPDX-License-Identifier: MIT
// expect-output: ^A: DATA_FROM_A$
// expect-output: ^B: DATA_FROM_B$
// expect-output: ^C: DATA_FROM_C$
#include <troupe/troupe.hpp>

#include <cctype>
#include <iostream>
#include <map>
#include <string>
#include <vector>

struct page {
  std::string source, text;
};  // plain aggregates need nothing

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

page fetch(std::string source) { return {source, "data_from_" + source}; }
page process(const page& p) { return {p.source, upper(p.text)}; }
std::map<std::string, std::string> aggregate(const std::vector<page>& pages) {
  std::map<std::string, std::string> all;
  for (const auto& p : pages) all[p.source] = p.text;
  return all;
}

int main(int argc, char** argv) {
  troupe::runtime rt{argc, argv};  // --troupe-workers=4 ...; or troupe::runtime rt;
  std::vector<troupe::ref<page>> done;
  for (auto source : {"A", "B", "C"})
    done.push_back(rt.submit<process>(rt.submit<fetch>(source)));  // passing a ref draws the edge
  auto report = rt.submit<aggregate>(done);  // a vector of refs is a dependency on each
  for (auto& [source, text] : rt.get(report)) std::cout << source << ": " << text << '\n';
}
