// SPDX-License-Identifier: MIT
#include "seeing/report.hpp"

#include "seeing/graph.hpp"
#include "seeing/report_page.hpp"

#include <troupe/error.hpp>

#include <nlohmann/json.hpp>

#include <ostream>
#include <string>
#include <string_view>

namespace troupe::detail {

namespace {
constexpr std::size_t most_slices = 400'000;

std::string escaped(const std::string& text) {
  std::string s;
  for (const char c : text) {
    if (c == '&') s += "&amp;";
    else if (c == '<') s += "&lt;";
    else if (c == '>') s += "&gt;";
    else s += c;
  }
  return s;
}

// A list of numbers for each field: a task is some 50 bytes.
template <class All, class F>
void column(std::ostream& to, const char* name, const All& all, std::size_t most, F field) {
  to << '"' << name << "\":[";
  for (std::size_t i = 0; i < all.size() && i < most; ++i)
    to << (i == 0 ? "" : ",") << field(all[i]);
  to << ']';
}

std::string text_in_script(const nlohmann::json& j) {
  std::string s;  // no "</" may stand in a script
  for (const char c : j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') s += "\\u003c";
    else s += c;
  }
  return s;
}

void write_data(const record& r, std::ostream& to) {
  to << "{\"names\":" << text_in_script(r.names) << ",\"lanes\":" << text_in_script(r.lanes)
     << ",\"ended\":" << r.ended << ",\"left_out\":" << r.left_out << ",\"lost\":" << r.lost
     << ",\"tasks\":{";
  const auto tasks = [&](const char* name, auto field) {
    column(to, name, r.tasks, r.tasks.size(), field);
  };
  using one = record::one;
  tasks("name", [](const one& t) { return t.name; });
  to << ',';
  tasks("submitted", [](const one& t) { return t.submitted; });
  to << ',';
  tasks("begun", [](const one& t) { return t.begun; });
  to << ',';
  tasks("settled", [](const one& t) { return t.settled; });
  to << ',';
  tasks("busy", [](const one& t) { return t.busy; });
  to << ',';
  tasks("parked", [](const one& t) { return t.parked; });
  to << ',';
  tasks("outcome", [](const one& t) { return t.outcome; });
  to << "},\"slices\":{";
  const auto slices = [&](const char* name, auto field) {
    column(to, name, r.slices, most_slices, field);
  };
  using slice = record::slice;
  slices("task", [](const slice& s) { return s.task; });
  to << ',';
  slices("lane", [](const slice& s) { return unsigned{s.lane}; });
  to << ',';
  slices("depth", [](const slice& s) { return unsigned{s.depth}; });
  to << ',';
  slices("begin", [](const slice& s) { return s.begin; });
  to << ',';
  slices("end", [](const slice& s) { return s.end; });
  to << "},\"path\":[";
  for (std::size_t i = 0; i < r.path.size(); ++i) {
    const auto& s = r.path[i];
    to << (i == 0 ? "[" : ",[") << static_cast<unsigned>(s.is) << ',' << s.task << ',' << s.begin
       << ',' << s.end << ']';
  }
  to << "],\"failures\":[";
  for (std::size_t i = 0; i < r.failures.size(); ++i)
    to << (i == 0 ? "[" : ",[") << r.failures[i].first << ','
       << text_in_script(r.failures[i].second) << ']';
  to << "]}";
}

void write_graph_of(const record& r, std::ostream& to) {
  try {
    const std::string svg = svg_of(dot_of(r));
    const auto begin = svg.find("<svg");
    to << (begin == svg.npos ? svg : svg.substr(begin));
  } catch (const error& e) { to << "<p>There is no picture: " << escaped(e.what()) << "</p>"; }
}
}  // namespace

void write_report(const record& r, std::ostream& to) {
  std::string_view page = report_page;
  while (!page.empty()) {
    const auto at = page.find("{{");
    to << page.substr(0, at);
    if (at == page.npos) break;
    const auto end = page.find("}}", at);
    const auto what = page.substr(at + 2, end - at - 2);
    if (what == "title") to << escaped(r.program);
    else if (what == "graph") write_graph_of(r, to);
    else if (what == "data") write_data(r, to);
    page.remove_prefix(end + 2);
  }
}

}  // namespace troupe::detail
