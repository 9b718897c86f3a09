// SPDX-License-Identifier: MIT
// What may be submitted, and how arguments and results travel.
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

using test::counted;
using troupe::here;
using troupe::ref;

namespace {
int twice(int x) { return 2 * x; }
int quiet(int x) noexcept { return x + 1; }
void nothing() {}
int by_name() { throw 1; }
std::size_t length(const std::string& s) { return s.size(); }
std::string view(std::string_view s) { return std::string(s); }
std::string c_string(const char* s) { return s; }
int sum(const std::vector<int>& v) { return std::accumulate(v.begin(), v.end(), 0); }
int taken(std::unique_ptr<int> p) { return *p; }
int looked_at(const std::unique_ptr<int>& p) { return *p; }
std::unique_ptr<int> made(int x) { return std::make_unique<int>(x); }
struct pinned {
  explicit pinned(int v) : value(v), self(this) {}
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;
  int value;
  pinned* self;
};
pinned make_pinned(int x) { return pinned{x}; }
int see_pinned(const pinned& p) { return p.self == &p ? p.value : -1; }
struct calculator {
  int base;
  int add(int x) const { return base + x; }
};
}  // namespace

TEST_CASE("functions, lambdas of every kind and function objects can be submitted") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  CHECK(rt.get(rt.submit<twice>(21)) == 42);
  CHECK(rt.get(rt.submit(twice, 4)) == 8);
  CHECK(rt.get(rt.submit(&twice, 4)) == 8);
  CHECK(rt.get(rt.submit<quiet>(1)) == 2);
  CHECK(rt.get(rt.submit(quiet, 1)) == 2);
  rt.get(rt.submit<nothing>());
  int base = 5;
  CHECK(rt.get(rt.submit([base](int x) { return base + x; }, 1)) == 6);
  CHECK(rt.get(rt.submit([base]() mutable { return ++base; })) == 6);
  CHECK(rt.get(rt.submit([](int x) noexcept { return -x; }, 1)) == -1);
  CHECK(rt.get(rt.submit([](auto a, const auto& b) { return a + b; }, rt.submit<twice>(3), 4)) ==
        10);
  CHECK(rt.get(rt.submit([](auto... x) { return (x + ... + 0); }, 1, rt.submit<twice>(3), 4)) ==
        11);
  CHECK(rt.get(rt.submit(std::function<int(int)>(twice), rt.submit<twice>(1))) == 4);
  CHECK(rt.get(rt.submit<&calculator::add>(calculator{3}, 4)) == 7);
  CHECK(rt.get(rt.submit<&calculator::add>(rt.put(calculator{3}), rt.put(4))) == 7);
  CHECK(rt.get(rt.submit([p = std::make_unique<int>(9)] { return *p; })) == 9);
}

TEST_CASE("values convert to the parameter's type as in a call") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  CHECK(rt.get(rt.submit([](double x) { return x / 2; }, 3)) == 1.5);
  CHECK(rt.get(rt.submit([](double x) { return x / 2; }, rt.put(3))) == 1.5);
  CHECK(rt.get(rt.submit([](std::optional<int> x) { return x.value_or(0); }, 3)) == 3);
  CHECK(rt.get(rt.submit([](std::optional<int> x) { return x.value_or(0); }, rt.put(3))) == 3);
  CHECK(rt.get(rt.submit<length>("literal")) == 7);
  CHECK(rt.get(rt.submit<length>(rt.put(std::string("four")))) == 4);
}

TEST_CASE("texts that are gone when the body runs have been copied") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  test::gate gate{rt};
  std::vector<ref<std::string>> all;
  {
    auto text =
        std::make_unique<std::string>("a text that is too long for the small string optimisation");
    char array[] = "an array of characters that is on the stack";
    auto wait = [](int, std::string_view s) { return std::string(s); };
    auto wait_c = [](int, const char* s) { return std::string(s); };
    auto wait_string = [](int, const std::string& s) { return s; };
    all.push_back(rt.submit(wait, gate.closed, *text));
    all.push_back(rt.submit(wait_string, gate.closed, text->c_str()));
    all.push_back(rt.submit(wait, gate.closed, text->c_str()));
    all.push_back(rt.submit(wait_c, gate.closed, array));
    all.push_back(rt.submit(wait, gate.closed, array));
    all.push_back(rt.submit(wait, gate.closed, rt.put(*text)));
    text->assign(text->size(), '?');
    std::fill(std::begin(array), std::end(array) - 1, '?');
  }
  gate.open();
  for (auto& r : all) CHECK(rt.get(r).substr(0, 1) == "a");
  CHECK(rt.get(rt.submit<view>("literal")) == "literal");
  CHECK(rt.get(rt.submit<c_string>("literal")) == "literal");
}

TEST_CASE(
    "what can only be moved is moved all the way, and what cannot even be moved stays where it was "
    "made") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  CHECK(rt.get(rt.submit<taken>(std::make_unique<int>(1))) == 1);
  CHECK(rt.get(rt.submit<taken>(rt.submit<made>(2))) == 2);
  CHECK(rt.get(rt.submit<looked_at>(rt.submit<made>(3))) == 3);
  CHECK(*rt.get(rt.submit<made>(4)) == 4);
  auto shared = rt.submit<made>(5);
  auto refused = rt.submit<taken>(shared);
  CHECK_THROWS_WITH_AS(rt.get(refused), doctest::Contains("cannot be copied"), troupe::task_error);
  CHECK(*rt.get(shared) == 5);
  auto p = rt.submit<make_pinned>(6);
  CHECK(rt.get(p).self == &rt.get(p));
  CHECK(rt.get(rt.submit<see_pinned>(p)) == 6);
}

TEST_CASE(
    "an input that nobody else can reach is moved into a parameter by value, a shared one is "
    "copied") {
  test::deadline limit;
  {
    troupe::runtime rt{{.workers = 1}};
    auto take = [](counted c) { return c.value; };
    auto look = [](const counted& c) { return c.value; };
    auto a = rt.put(counted{1});
    counted::reset();
    CHECK(rt.get(rt.submit(look, a)) == 1);
    CHECK(counted::copies + counted::moves == 0);
    CHECK(rt.get(rt.submit(take, a)) == 1);
    CHECK(counted::copies == 1);
    CHECK(rt.get(a).value == 1);
    counted::reset();
    CHECK(rt.get(rt.submit(take, std::move(a))) == 1);
    CHECK(counted::copies == 0);
    CHECK(rt.get(rt.submit([](const counted& x, counted y) { return x.value * 10 + y.value; },
                           rt.put(counted{3}), rt.put(counted{4}))) == 34);
    auto twice_the_same = rt.put(counted{7});
    CHECK(rt.get(rt.submit([](const counted& x, counted y) { return x.value * 10 + y.value; },
                           twice_the_same, twice_the_same)) == 77);
    CHECK(rt.get(rt.submit([](counted&& x) { return x.value; }, rt.put(counted{8}))) == 8);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("references that a body returns are copied into its object") {
  test::deadline limit;
  static const std::string text = "kept";
  troupe::runtime rt{{.workers = 1}};
  auto r = rt.submit([]() -> const std::string& { return text; });
  static_assert(std::is_same_v<decltype(r), ref<std::string>>);
  CHECK(rt.get(r) == "kept");
  CHECK(&rt.get(r) != &text);
  auto same =
      rt.submit([](const std::string& s) -> const std::string& { return s; }, std::string("mine"));
  CHECK(rt.get(same) == "mine");
}

TEST_CASE("refs stand in every container in which values may stand") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::vector<ref<int>> r;
  for (int i = 0; i < 6; ++i) r.push_back(rt.submit<twice>(i));
  using std::string;
  CHECK(rt.get(rt.submit<sum>(r)) == 30);
  CHECK(rt.get(rt.submit([](std::array<int, 3> a) { return a[0] * 100 + a[1] * 10 + a[2]; },
                         std::array{r[1], r[2], r[3]})) == 246);
  CHECK(
      rt.get(rt.submit([](std::pair<int, string> p) { return p.second + std::to_string(p.first); },
                       std::pair{r[1], string("x")})) == "x2");
  CHECK(rt.get(rt.submit(
            [](const std::tuple<int, string, int>& t) { return std::get<0>(t) + std::get<2>(t); },
            std::tuple{r[1], string("x"), r[2]})) == 6);
  CHECK(rt.get(rt.submit([](const std::optional<int>& o) { return o.value_or(-1); },
                         std::optional{r[5]})) == 10);
  CHECK(rt.get(rt.submit([](const std::optional<int>& o) { return o.value_or(-1); },
                         std::optional<ref<int>>{})) == -1);
  CHECK(rt.get(rt.submit([](const std::map<string, int>& m) { return m.at("a") * 10 + m.at("b"); },
                         std::map<string, ref<int>>{{"a", r[1]}, {"b", r[2]}})) == 24);
  CHECK(
      rt.get(rt.submit([](const std::unordered_map<int, int>& m) { return m.at(1) * 10 + m.at(2); },
                       std::unordered_map<int, ref<int>>{{1, r[1]}, {2, r[2]}})) == 24);
  using v = std::variant<string, ref<int>>;
  auto which = [](const std::variant<string, int>& x) {
    return x.index() == 0 ? std::get<0>(x) : std::to_string(std::get<1>(x));
  };
  CHECK(rt.get(rt.submit(which, v{r[4]})) == "8");
  CHECK(rt.get(rt.submit(which, v{string("text")})) == "text");
  auto deep = [](const std::map<string, std::vector<std::optional<std::pair<int, int>>>>& m) {
    int s = 0;
    for (auto& [k, list] : m)
      for (auto& o : list)
        if (o) s += o->first * o->second;
    return s;
  };
  using slot = std::optional<std::pair<ref<int>, int>>;
  CHECK(rt.get(rt.submit(deep,
                         std::map<string, std::vector<slot>>{{"a", {slot{{r[1], 10}}, slot{}}},
                                                             {"b", {slot{{r[2], 100}}}}})) == 420);
  CHECK(rt.get(rt.submit([](std::vector<bool> b) { return int(b[0]) + int(b[1]); },
                         std::vector<ref<bool>>{rt.put(true), rt.put(true)})) == 2);
  CHECK(rt.get(rt.submit<sum>(std::vector<ref<int>>{})) == 0);
  CHECK(rt.get(rt.submit([](std::vector<std::unique_ptr<int>> all) { return *all.at(1); },
                         [&] {
                           std::vector<ref<std::unique_ptr<int>>> all;
                           for (int i = 0; i < 3; ++i) all.push_back(rt.submit<made>(i));
                           return all;
                         }())) == 1);
}

TEST_CASE("values<T> shows what a vector of refs names, in place") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 2}};
  std::vector<ref<counted>> r;
  for (int i = 0; i < 5; ++i) r.push_back(rt.submit([](int x) { return counted{x}; }, i));
  auto all = rt.get(r);
  counted::reset();
  CHECK(rt.get(rt.submit(
            [](troupe::values<counted> v) {
              int s = 0;
              for (auto& c : v) s = 10 * s + c.value;
              return s;
            },
            r)) == 1234);
  CHECK(rt.get(rt.submit(
            [](const troupe::values<counted>& v) { return v[4].value + v.begin()[3].value; }, r)) ==
        7);
  CHECK(counted::copies + counted::moves == 0);
  CHECK(all.size() == 5);
  CHECK(all.end() - all.begin() == 5);
  CHECK(&all[2] == &rt.get(r[2]));
  r.clear();
  CHECK(all[3].value == 3);  // it pins what it shows
  CHECK(rt.get(std::vector<ref<int>>{}).empty());
}

TEST_CASE("a parameter that is declared as a ref gets the ref, and nobody waits for it") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  test::gate gate{rt};
  auto r = rt.submit([](ref<int> x) { return x.settled(); }, gate.closed);
  CHECK_FALSE(rt.get(r));
  CHECK(rt.get(rt.submit([](std::vector<ref<int>> v) { return v[0].settled(); },
                         std::vector{gate.closed})) == false);
  struct order {
    int id;
    ref<int> price;
  };
  auto pay =
      rt.submit([](const order& o) { return o.id + here().get(o.price); }, order{10, gate.closed});
  CHECK_FALSE(pay.settled());
  gate.open();
  CHECK(rt.get(pay) == 11);
}

TEST_CASE("names are the functions' unless an option says otherwise") {
  test::deadline limit;
  troupe::runtime rt{{.workers = 1}};
  auto name = [] { return std::string(here().name()); };
  CHECK(rt.get(rt.with({.name = "told"}).submit(name)) == "told");
  auto fail = rt.submit<taken>(std::unique_ptr<int>{new int(1)});
  CHECK(rt.get(fail) == 1);
  try {
    rt.get(rt.submit<by_name>());
    FAIL("it throws");
  } catch (const troupe::task_error& e) {
    CHECK(e.task().find("by_name") != std::string::npos);
    CHECK(e.task().find('&') == std::string::npos);
  }
}

TEST_CASE("a ref that names nothing is refused where it is given, and takes nothing with it") {
  test::deadline limit;
  {
    troupe::runtime rt{{.workers = 1}};
    CHECK_THROWS_AS(rt.submit([](const counted& c, int x) { return c.value + x; },
                              rt.put(counted{1}), ref<int>{}),
                    troupe::error);
    CHECK_THROWS_AS(rt.submit<sum>(std::vector<ref<int>>(2)), troupe::error);
    CHECK_THROWS_AS(rt.get(ref<int>{}), troupe::error);
    CHECK_THROWS_AS(rt.wait(std::vector<ref<int>>(2), 1), troupe::error);
    CHECK_THROWS_AS(ref<int>{}.value(), troupe::error);
    struct throws_when_copied {
      throws_when_copied() = default;
      throws_when_copied(const throws_when_copied&) { throw std::runtime_error("no copy"); }
    } bad;
    CHECK_THROWS_AS(rt.submit([](const counted&, const throws_when_copied&) {}, counted{2}, bad),
                    std::runtime_error);
    CHECK_THROWS_AS(rt.put(bad), std::runtime_error);
    CHECK(rt.stats().tasks_unsettled == 0);
    CHECK(test::soon([&] { return rt.stats().objects == 0; }));
  }
  CHECK(counted::alive == 0);
}
