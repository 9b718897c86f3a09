// SPDX-License-Identifier: MIT
#include "app/value.hpp"

#include <doctest/doctest.h>

#include "app/text.hpp"

namespace troupe::app {
namespace {

using namespace std::chrono_literals;

section keys{"s", "The keys of these tests."};
const auto text_key = keys.text("text", "t", "");
const auto empty_text = keys.text("empty_text", "", "").may_be_empty();
const auto integer_key = keys.integer("integer", 0, "");
const auto small = keys.integer("small", 1, "").at_least(1).at_most(9);
const auto number_key = keys.number("number", 0, "");
const auto bool_key = keys.boolean("bool", false, "");
const auto seconds = keys.duration("seconds", 1s, "");
const auto millis = keys.duration("millis", 1ms, "").unit("ms").at_most(1min);
const auto size_key = keys.size("size", 0, "");
const auto list_key = keys.list("list", {"a"}, "");
const auto choice = keys.choice<int>("choice", {{"text", 1}, {"json", 2}}, "");

template <class T> T parsed(const key<T>& k, std::string_view text) {
  return std::get<T>(parse_value(k.spec(), text));
}

template <class Key> std::string why_not(const Key& k, std::string_view text) {
  try {
    return "accepted as " + to_text(k.spec(), parse_value(k.spec(), text));
  } catch (const bad_value& e) { return e.what(); }
}

TEST_CASE("a text is what stands there, and not nothing unless that is allowed") {
  CHECK(parsed(text_key, "a # b") == "a # b");
  CHECK(why_not(text_key, "") == "must not be empty");
  CHECK(parsed(empty_text, "").empty());
}

TEST_CASE("an integer is a whole number that fits into 64 bits") {
  CHECK(parsed(integer_key, "42") == 42);
  CHECK(parsed(integer_key, "+42") == 42);
  CHECK(parsed(integer_key, "-9223372036854775808") == INT64_MIN);
  CHECK(why_not(integer_key, "9223372036854775808") == "'9223372036854775808' is out of range");
  for (const auto* wrong : {"x", "1.5", "1e3", "0x10", "1 2", "--1", "+-1", "-", "+", "1,000"})
    CHECK(why_not(integer_key, wrong) ==
          quoted(wrong) + " is not an integer (a whole number, as in 42)");
  CHECK(why_not(integer_key, "") == "has no value; type: integer");
}

TEST_CASE("a range is inclusive, and the message says where it ends") {
  CHECK(parsed(small, "1") == 1);
  CHECK(parsed(small, "9") == 9);
  CHECK(why_not(small, "0") == "'0' is less than 1, the least");
  CHECK(why_not(small, "10") == "'10' is more than 9, the most");
}

TEST_CASE("a number is finite") {
  CHECK(parsed(number_key, "1e-9") == 1e-9);
  CHECK(parsed(number_key, "-.5") == -0.5);
  for (const auto* endless : {"inf", "-inf", "infinity", "nan", "NaN", "-nan"})
    CHECK(why_not(number_key, endless) == quoted(endless) + " is not a finite number");
  CHECK(why_not(number_key, "1e999") == "'1e999' is out of range");
  CHECK(why_not(number_key, "1e-999") == "'1e-999' is out of range");
  CHECK(why_not(number_key, "1,5") == "'1,5' is not a number (as in 0.5 or 1e-9)");
}

TEST_CASE("a bool has the usual words") {
  for (const auto* yes : {"true", "yes", "on", "1", "TRUE"}) CHECK(parsed(bool_key, yes));
  for (const auto* no : {"false", "no", "off", "0", "Off"}) CHECK(!parsed(bool_key, no));
  CHECK(why_not(bool_key, "maybe") == "'maybe' is not a bool (true or false)");
}

TEST_CASE("a duration has a unit, or the key's") {
  CHECK(parsed(seconds, "2") == 2s);
  CHECK(parsed(seconds, "0.5") == 500ms);
  CHECK(parsed(seconds, "1.5s") == 1500ms);
  CHECK(parsed(seconds, "200 ms") == 200ms);
  CHECK(parsed(seconds, "3 min") == 3min);
  CHECK(parsed(seconds, "1h") == 1h);
  CHECK(parsed(seconds, "7 us") == 7us);
  CHECK(parsed(seconds, "7ns") == 7ns);
  CHECK(parsed(millis, "2") == 2ms);
  CHECK(parsed(millis, "2 s") == 2s);
}

TEST_CASE("a duration is never negative, endless or without a number") {
  CHECK(why_not(seconds, "-1 s") == "'-1 s' is negative");
  CHECK(why_not(seconds, "-0.5") == "'-0.5' is negative");
  CHECK(why_not(seconds, "inf") == "'inf' is not a duration (as in 1.5 s or 200 ms)");
  CHECK(why_not(seconds, "s") == "'s' is not a duration (as in 1.5 s or 200 ms)");
  CHECK(why_not(seconds, "1.2.3") == "'1.2.3' is not a duration (as in 1.5 s or 200 ms)");
  CHECK(why_not(seconds, "1 S") == "'S' is not a unit (did you mean s?)");
  CHECK(why_not(seconds, "1 fortnight") ==
        "'fortnight' is not a unit (units are: ns, us, ms, s, min, h)");
  CHECK(why_not(seconds, "9223372037 s") == "'9223372037 s' is out of range");
  CHECK(why_not(seconds, "99999999999999999999") == "'99999999999999999999' is out of range");
  CHECK(why_not(millis, "2 min") == "'2 min' is more than 60000 ms, the most");
}

TEST_CASE("a size has units of two families, and is exact") {
  CHECK(parsed(size_key, "512") == 512);
  CHECK(parsed(size_key, "8 KiB") == 8192);
  CHECK(parsed(size_key, "8kB") == 8000);
  CHECK(parsed(size_key, "8 KB") == 8000);
  CHECK(parsed(size_key, "1.5 MiB") == 1'572'864);
  CHECK(parsed(size_key, "18446744073709551615") == UINT64_MAX);
  CHECK(why_not(size_key, "18446744073709551616") == "'18446744073709551616' is out of range");
  CHECK(why_not(size_key, "99999999999 TiB") == "'99999999999 TiB' is out of range");
  CHECK(why_not(size_key, "99999999999.5 TiB") == "'99999999999.5 TiB' is out of range");
  CHECK(why_not(size_key, "-1") == "'-1' is negative");
  CHECK(why_not(size_key, "8 Kib") == "'Kib' is not a unit (did you mean KiB?)");
  CHECK(why_not(size_key, "big") == "'big' is not a size (as in 512, 8 KiB or 1 MiB)");
}

TEST_CASE("a list is split at commas, and no item is empty") {
  using items = std::vector<std::string>;
  CHECK(parsed(list_key, "A, B ,C d") == items{"A", "B", "C d"});
  CHECK(parsed(list_key, "A") == items{"A"});
  CHECK(why_not(list_key, "A,,B") == "item 2 of the list is empty");
  CHECK(why_not(list_key, "A,") == "item 2 of the list is empty");
  CHECK(why_not(list_key, ",A") == "item 1 of the list is empty");
  CHECK(why_not(list_key, "") == "must not be empty");
}

TEST_CASE("a choice is one of its words") {
  CHECK(choice.meaning("json") == 2);
  CHECK(why_not(choice, "json") == "accepted as json");
  CHECK(why_not(choice, "jsn") == "'jsn' is not one of the choices (did you mean json?)");
  CHECK(why_not(choice, "xml") == "'xml' is not one of the choices (they are: text, json)");
}

TEST_CASE("a value is written as one would write it in a file") {
  CHECK(to_text(seconds.spec(), 500ms) == "0.5 s");
  CHECK(to_text(millis.spec(), 2s) == "2000 ms");
  CHECK(to_text(size_key.spec(), std::uint64_t{8192}) == "8 KiB");
  CHECK(to_text(size_key.spec(), std::uint64_t{8193}) == "8193 B");
  CHECK(to_text(size_key.spec(), std::uint64_t{0}) == "0 B");
  CHECK(to_text(number_key.spec(), 1e-9) == "1e-09");
  CHECK(to_text(list_key.spec(), std::vector<std::string>{"a", "b"}) == "a, b");
  CHECK(to_text(bool_key.spec(), true) == "true");
}

TEST_CASE("a key is declared once, under a name that a file and a variable can have") {
  section s{"s", ""};
  s.text("k", "", "");
  CHECK_THROWS_WITH(s.text("k", "", ""), "s.k: declared twice");
  for (const auto* wrong : {"", "K", "a__b", "a.b", "_a", "a_", "1a", "a-b"})
    CHECK_THROWS_AS(s.text(wrong, "", ""), std::logic_error);
  CHECK_THROWS_AS((section{"Bad", ""}), std::logic_error);
}

}  // namespace
}  // namespace troupe::app
