// SPDX-License-Identifier: MIT
#include "app/text.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

namespace troupe::app {
namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

// Edits between two words, where swapping two neighbours counts as one (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(above, row);
  }
  return above[b.size()];
}

bool is_near(std::string_view wrong, std::string_view name, std::size_t edits) {
  if (edits <= std::max<std::size_t>(1, std::min(wrong.size(), name.size()) / 3)) return true;
  return wrong.size() >= 3 && name.size() >= 3 &&
         (name.find(wrong) != name.npos || wrong.find(name) != wrong.npos);
}

std::string changed(std::string_view text, char from, char to) {
  std::string result(text);
  for (char& c : result)
    if (c >= from && c < from + 26) c = static_cast<char>(c - from + to);
  return result;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) { return changed(text, 'A', 'a'); }
std::string upper(std::string_view text) { return changed(text, 'a', 'A'); }

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) result += between;
    result += words[i];
  }
  return result;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t most = 60;
  std::string result = "'";
  for (unsigned char c : text.substr(0, most)) {
    if (c >= ' ' && c < 0x7f) {
      result += static_cast<char>(c);
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", c);
      result += escaped;
    }
  }
  return result + (text.size() > most ? "...'" : "'");
}

bool is_printable(std::string_view text) {
  return quoted(text).size() == text.size() + 2 && text.size() <= 60;
}

std::vector<std::string> near_names(std::string_view wrong, const std::vector<std::string>& known) {
  std::vector<std::pair<std::size_t, std::string>> found;
  if (wrong.empty() || wrong.size() > 100) return {};
  const auto plain = lower(wrong);
  for (const auto& name : known) {
    const auto other = lower(name);
    const auto edits = distance(plain, other);
    if (is_near(plain, other, edits)) found.emplace_back(edits, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> result;
  for (auto& [edits, name] : found)
    if (result.size() < 3 && edits <= 2 * found.front().first) result.push_back(std::move(name));
  return result;
}

std::string suggestion(std::string_view wrong, const std::vector<std::string>& known,
                       std::string_view what) {
  if (const auto near = near_names(wrong, known); !near.empty())
    return " (did you mean " + join(near, " or ") + "?)";
  if (known.empty()) return {};
  return " (" + std::string(what) + " are: " + join(known, ", ") + ")";
}

}  // namespace troupe::app
