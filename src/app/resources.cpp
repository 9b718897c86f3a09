// SPDX-License-Identifier: MIT
#include "app/resources.hpp"

#include <charconv>
#include <string_view>

#include "app/text.hpp"
#include "app/value.hpp"

namespace troupe::app {

resource_map parse_resources(const std::vector<std::string>& items) {
  resource_map result;
  for (const auto& item : items) {
    const auto blank = item.find_last_of(" \t");
    const auto name = std::string(trim(std::string_view(item).substr(0, blank)));
    if (blank == item.npos) throw bad_value(quoted(item) + " is not a name and an amount (gpu 2)");
    const auto digits = std::string_view(item).substr(blank + 1);
    double amount = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), amount,
                                               std::chars_format::fixed);
    const auto point = digits.find('.');
    if (failed != std::errc{} || end != digits.data() + digits.size() || !(amount >= 0) ||
        amount > 1e9 || (point != digits.npos && digits.size() - point > 5))
      throw bad_value(
          quoted(item) +
          ": an amount is a number, 0 to 1e9, with four digits after the point at most");
    if (!result.emplace(name, amount).second) throw bad_value(quoted(name) + " is there twice");
  }
  return result;
}

std::vector<std::string> resource_items(const resource_map& resources) {
  std::vector<std::string> items;
  for (const auto& [name, amount] : resources) {
    char digits[400];  // the longest double
    const auto end =
        std::to_chars(digits, digits + sizeof digits, amount, std::chars_format::fixed).ptr;
    items.push_back(name + " " + std::string(digits, end));
  }
  return items;
}

}  // namespace troupe::app
