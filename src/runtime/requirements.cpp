// SPDX-License-Identifier: MIT
#include "runtime/requirements.hpp"

#include "runtime/settings.hpp"

#include <troupe/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <string>

namespace troupe::detail {

namespace {
constexpr double unit = 10'000, most = 1e10;

std::string text_of(double amount) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", amount);
  return text;
}

std::int64_t whole(const std::string& name, double amount, const char* where) {
  const std::string what = std::string(where) + ": '" + name + "' " + text_of(amount);
  if (name.empty()) throw error(std::string(where) + ": a resource without a name");
  if (!(amount >= 0)) throw error(what + ": an amount is zero or more");
  if (amount > most) throw error(what + ": an amount is at most " + text_of(most));
  const double n = std::round(amount * unit);
  if (std::abs(amount * unit - n) > 1e-6 * std::max(1.0, n * 1e-6))
    throw error(what + ": amounts are counted in ten-thousandths, so four digits after the point");
  return static_cast<std::int64_t>(n);
}

template <class Names, class Name>
std::string there_are(const std::string& wrong, const char* what, const Names& names, Name name) {
  std::string all, near;
  for (const auto& n : names) {
    all += (all.empty() ? "" : ", ") + name(n);
    if (near.empty() &&
        letters_to_change(wrong, name(n)) <= std::min<std::size_t>(2, wrong.size() / 2))
      near = name(n);
  }
  if (all.empty()) return std::string("; it has no ") + what;
  return "; it has " + all + (near.empty() ? "" : " (did you mean " + near + "?)");
}
}  // namespace

std::vector<std::int64_t> totals_of(const runtime_options& has) {
  std::vector<std::int64_t> totals;
  for (const auto& [name, amount] : has.resources)
    totals.push_back(whole(name, amount, "runtime_options.resources"));
  for (const auto& label : has.labels)
    if (label.empty()) throw error("runtime_options.labels: a label without text");
  return totals;
}

std::string amount_in_words(std::int64_t amount) {
  return text_of(static_cast<double>(amount) / unit);
}

std::int64_t amount_of(const std::string& name, double amount, const char* where) {
  return whole(name, amount, where);
}

bool can_meet(const runtime_options& has, const task_options& asks) {
  for (const auto& label : asks.labels)
    if (std::find(has.labels.begin(), has.labels.end(), label) == has.labels.end()) return false;
  for (const auto& [name, amount] : asks.resources) {
    const auto found = has.resources.find(name);
    if (found == has.resources.end() || amount > found->second) return false;
  }
  return true;
}

std::vector<resource_part> parts_of(const runtime_options& has, const task_options& asks) {
  constexpr auto where = "task_options.resources";
  std::vector<resource_part> parts;
  for (const auto& [name, amount] : asks.resources) {
    const std::int64_t n = whole(name, amount, where);
    const auto found = has.resources.find(name);
    const std::string refused = std::string(where) + ": '" + name + "' " + text_of(amount) +
                                " can never be given by the runtime '" + has.name + "'";
    if (found == has.resources.end())
      throw error(refused + there_are(name, "resources (runtime_options.resources)", has.resources,
                                      [](const auto& r) { return r.first; }));
    if (n > whole(name, found->second, where))
      throw error(refused + "; it has " + text_of(found->second) + " in all");
    if (n > 0)
      parts.push_back({static_cast<std::uint32_t>(std::distance(has.resources.begin(), found)), n});
  }
  return parts;
}

void check_labels(const runtime_options& has, const task_options& asks) {
  for (const auto& label : asks.labels)
    if (std::find(has.labels.begin(), has.labels.end(), label) == has.labels.end())
      throw error("task_options.labels: '" + label + "' is not a label of the runtime '" +
                  has.name + "'" +
                  there_are(label, "labels (runtime_options.labels)", has.labels,
                            [](const auto& l) { return l; }));
}

}  // namespace troupe::detail
