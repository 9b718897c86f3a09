// SPDX-License-Identifier: MIT
#include "app/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "app/text.hpp"

namespace troupe::app {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t worth;  // in nanoseconds or bytes
};

constexpr std::array time_units{unit{"ns", 1},
                                unit{"us", 1'000},
                                unit{"ms", 1'000'000},
                                unit{"s", 1'000'000'000},
                                unit{"min", 60'000'000'000},
                                unit{"h", 3'600'000'000'000}};
constexpr std::array size_units{unit{"B", 1},
                                unit{"kB", 1'000},
                                unit{"MB", 1'000'000},
                                unit{"GB", 1'000'000'000},
                                unit{"TB", 1'000'000'000'000},
                                unit{"KiB", 1ull << 10},
                                unit{"MiB", 1ull << 20},
                                unit{"GiB", 1ull << 30},
                                unit{"TiB", 1ull << 40}};

[[noreturn]] void fail(const std::string& reason) { throw bad_value(reason); }

template <class T> T parse_digits(std::string_view text, const char* expected) {
  T result{};
  const auto digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
  const bool all = end == digits.data() + digits.size() && !digits.empty() &&
                   (digits.size() == text.size() || digits.front() != '-');
  if (error == std::errc::invalid_argument || !all) fail(quoted(text) + " is not " + expected);
  if (error == std::errc::result_out_of_range) fail(quoted(text) + " is out of range");
  return result;
}

double parse_number(std::string_view text) {
  const auto result = parse_digits<double>(text, "a number (as in 0.5 or 1e-9)");
  if (!std::isfinite(result)) fail(quoted(text) + " is not a finite number");
  return result;
}

// "1.5 MiB" and the like, in the smallest unit. Whole numbers are exact up to 2^64.
template <std::size_t N> std::uint64_t parse_amount(const std::array<unit, N>& units,
                                                    std::string_view plain, std::string_view text,
                                                    const char* expected) {
  const auto split = std::min(text.find_first_not_of("0123456789.+-"), text.size());
  const auto digits = trim(text.substr(0, split));
  const auto name = split == text.size() ? plain : trim(text.substr(split));
  if (digits.empty()) fail(quoted(text) + " is not " + expected);
  const auto same = [&](std::string_view wanted) {
    return std::find_if(units.begin(), units.end(), [&](auto& u) { return u.name == wanted; });
  };
  const auto unit = same(name == "KB" ? "kB" : name);
  if (unit == units.end()) {
    std::vector<std::string> names;
    for (const auto& u : units) names.emplace_back(u.name);
    fail(quoted(name) + " is not a unit" + suggestion(name, names, "units"));
  }
  if (digits.front() == '-') fail(quoted(text) + " is negative");
  if (digits.find('.') == digits.npos) {
    const auto count = parse_digits<std::uint64_t>(digits, expected);
    if (count > std::numeric_limits<std::uint64_t>::max() / unit->worth)
      fail(quoted(text) + " is out of range");
    return count * unit->worth;
  }
  const auto amount =
      std::round(parse_digits<double>(digits, expected) * static_cast<double>(unit->worth));
  if (!(amount < 0x1p64)) fail(quoted(text) + " is out of range");
  return static_cast<std::uint64_t>(amount);
}

std::chrono::nanoseconds parse_duration(const key_spec& spec, std::string_view text) {
  const auto ns = parse_amount(time_units, spec.unit, text, "a duration (as in 1.5 s or 200 ms)");
  if (ns > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    fail(quoted(text) + " is out of range");
  return std::chrono::nanoseconds(static_cast<std::int64_t>(ns));
}

bool parse_bool(std::string_view text) {
  const auto word = lower(text);
  for (const auto* yes : {"true", "yes", "on", "1"})
    if (word == yes) return true;
  for (const auto* no : {"false", "no", "off", "0"})
    if (word == no) return false;
  fail(quoted(text) + " is not a bool (true or false)");
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> items;
  if (trim(text).empty()) return items;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    more = comma != text.npos;
    const auto item = trim(text.substr(0, comma));
    if (item.empty()) fail("item " + std::to_string(items.size() + 1) + " of the list is empty");
    items.emplace_back(item);
    if (more) text.remove_prefix(comma + 1);
  }
  return items;
}

value parse_by_type(const key_spec& spec, std::string_view text) {
  switch (spec.type) {
    case kind::text: return std::string(text);
    case kind::integer:
      return parse_digits<std::int64_t>(text, "an integer (a whole number, as in 42)");
    case kind::number: return parse_number(text);
    case kind::boolean: return parse_bool(text);
    case kind::duration: return parse_duration(spec, text);
    case kind::size:
      return parse_amount(size_units, spec.unit, text, "a size (as in 512, 8 KiB or 1 MiB)");
    case kind::list: return parse_list(text);
    case kind::choice: {
      const auto& words = spec.choices;
      if (std::find(words.begin(), words.end(), text) == words.end())
        fail(quoted(text) + " is not one of the choices" + suggestion(text, words, "they"));
      return std::string(text);
    }
  }
  fail("a key of no type");
}

bool is_empty(const value& v) {
  const auto* text = std::get_if<std::string>(&v);
  const auto* list = std::get_if<std::vector<std::string>>(&v);
  return (text && text->empty()) || (list && list->empty());
}

std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// In the key's unit for a duration; in the largest unit that divides it for a size.
std::string duration_text(std::chrono::nanoseconds d, const std::string& name) {
  for (const auto& u : time_units)
    if (u.name == name)
      return shortest(static_cast<double>(d.count()) / static_cast<double>(u.worth)) + " " + name;
  return std::to_string(d.count()) + " ns";
}

std::string size_text(std::uint64_t bytes) {
  const unit* best = &size_units[0];
  for (const auto& u : size_units)
    if (u.name.size() != 2 && bytes != 0 && bytes % u.worth == 0) best = &u;
  return std::to_string(bytes / best->worth) + " " + std::string(best->name);
}

struct writer {
  const key_spec& spec;
  std::string operator()(const std::string& v) const { return v; }
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return shortest(v); }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(std::chrono::nanoseconds v) const { return duration_text(v, spec.unit); }
  std::string operator()(std::uint64_t v) const { return size_text(v); }
  std::string operator()(const std::vector<std::string>& v) const { return join(v, ", "); }
};

}  // namespace

value parse_value(const key_spec& spec, std::string_view text) {
  const bool words = spec.type == kind::text || spec.type == kind::list;
  if (!words && trim(text).empty()) fail("has no value; type: " + type_name(spec.type));
  auto result = parse_by_type(spec, words ? text : trim(text));
  if (!spec.may_be_empty && is_empty(result)) fail("must not be empty");
  if (spec.least && result < *spec.least)
    fail(quoted(text) + " is less than " + to_text(spec, *spec.least) + ", the least");
  if (spec.most && result > *spec.most)
    fail(quoted(text) + " is more than " + to_text(spec, *spec.most) + ", the most");
  return result;
}

std::string to_text(const key_spec& spec, const value& v) { return std::visit(writer{spec}, v); }

std::string type_name(kind type) {
  switch (type) {
    case kind::text: return "text";
    case kind::integer: return "integer";
    case kind::number: return "number";
    case kind::boolean: return "bool";
    case kind::duration: return "duration";
    case kind::size: return "size";
    case kind::list: return "list";
    case kind::choice: return "choice";
  }
  return "value";
}

}  // namespace troupe::app
