// SPDX-License-Identifier: MIT
// What travels comes back as it was, and what does not says so.
#include <troupe/codec.hpp>
#include <troupe/runtime.hpp>

#include "tests/wire/kinds.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <mutex>
#include <new>

using test::color, test::mixed, test::point, test::tree;
using troupe::decode, troupe::encode, troupe::encodable;

namespace {
template <class T> void there_and_back(const T& value) {
  const auto bytes = encode(value);
  CHECK(decode<T>(bytes) == value);
}
template <class To, class From> std::string error_of(const From& value) {
  try {
    decode<To>(encode(value));
  } catch (const troupe::error& e) { return e.what(); }
  return "none";
}
template <class Bits, class Float> void same_bits(Bits bits) {
  const auto value = std::bit_cast<Float>(bits);
  CHECK(std::bit_cast<Bits>(decode<Float>(encode(value))) == bits);
  const std::vector<Float> several{1, value, 2};
  CHECK(std::bit_cast<Bits>(decode<std::vector<Float>>(encode(several))[1]) == bits);
}

class temperature {
public:
  explicit temperature(double kelvin) : kelvin_(kelvin) {}
  double kelvin() const { return kelvin_; }
  bool operator==(const temperature&) const = default;

private:
  double kelvin_;
};
struct weather {
  std::vector<temperature> days;
  bool operator==(const weather&) const = default;
};
struct node {
  int value;
  std::unique_ptr<node> next;
};
struct nothing {
  bool operator==(const nothing&) const = default;
};
struct derived : point {
  int z;
};
struct with_array {
  int a[3];
};
struct with_pointer {
  int* p;
};
struct with_reference {
  const int& r;
};
struct abstract {
  virtual ~abstract() = default;
  virtual int f() = 0;
};
struct wide {
  int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20,
      a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32;
  bool operator==(const wide&) const = default;
};
struct too_wide {
  wide w;
  int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20,
      a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32;
};

struct known_refs : troupe::detail::ref_sink, troupe::detail::ref_source {
  std::vector<std::pair<troupe::detail::object*, std::uint64_t>> all;
  std::uint64_t index(troupe::detail::object* o, const troupe::detail::value_codec& t) override {
    all.emplace_back(o, t.hash);
    return all.size() - 1;
  }
  troupe::detail::object* find(std::uint64_t i, const troupe::detail::value_codec& t) override {
    if (i >= all.size() || all[i].second != t.hash) return nullptr;
    all[i].first->retain();
    return all[i].first;
  }
};
}  // namespace

template <> struct troupe::codec<temperature> {
  static constexpr std::string_view name = "temperature: f64";
  static void write(encoder& e, const temperature& t) { e.value(t.kelvin()); }
  static temperature read(decoder& d) { return temperature{d.value<double>()}; }
};

TEST_CASE("integers come back, from their least to their most") {
  auto all = []<class... I>(std::type_identity<I>...) {
    const auto each = [](auto least, auto most) {
      for (auto x :
           {least, most, decltype(least){0}, decltype(least){1}, decltype(least)(most / 2)})
        there_and_back(x);
    };
    (each(std::numeric_limits<I>::min(), std::numeric_limits<I>::max()), ...);
  };
  all(std::type_identity<std::int8_t>{}, std::type_identity<std::uint8_t>{},
      std::type_identity<std::int16_t>{}, std::type_identity<std::uint16_t>{},
      std::type_identity<std::int32_t>{}, std::type_identity<std::uint32_t>{},
      std::type_identity<long>{}, std::type_identity<unsigned long>{},
      std::type_identity<long long>{}, std::type_identity<unsigned long long>{},
      std::type_identity<char>{});
  for (int shift = 0; shift < 64; ++shift)
    for (std::int64_t delta : {-1, 0, 1}) {
      const auto x = (std::int64_t{1} << std::min(shift, 62)) + delta;
      there_and_back(x);
      there_and_back(-x);
    }
  there_and_back(true);
  there_and_back(false);
  there_and_back(color::green);
}

TEST_CASE("floats keep their bits: zeros, infinities, denormals, NaNs with what they carry") {
  for (std::uint64_t bits : {0ull, 1ull << 63, 1ull, 0x000fffffffffffffull, 0x7ff0000000000000ull,
                             0xfff0000000000000ull, 0x7ff8000000000001ull, 0x7ff0dead0000beefull,
                             0xfff8123456789abcull, 0x43f0000000000000ull, 0x4008000000000000ull})
    same_bits<std::uint64_t, double>(bits);
  for (std::uint32_t bits : {0u, 1u << 31, 1u, 0x7f800000u, 0xff800000u, 0x7fc00001u, 0x7f80beefu,
                             0x5f800000u, 0x40400000u})
    same_bits<std::uint32_t, float>(bits);
}

TEST_CASE("texts and bytes of every length class come back") {
  for (std::size_t n : {0, 1, 31, 32, 255, 256, 4095, 4096, 65535, 65536, 200'000}) {
    there_and_back(std::string(n, 'x'));
    there_and_back(std::vector<char>(n, '\xc1'));
    there_and_back(std::vector<std::byte>(n, std::byte{7}));
    there_and_back(std::vector<double>(n, -1.25));
    there_and_back(std::vector<bool>(n, true));
    there_and_back(std::vector<std::optional<int>>(n, 5));
  }
  there_and_back(std::string("a\0b", 3));
}

TEST_CASE("containers come back") {
  there_and_back(std::vector<std::string>{"a", "", "c"});
  there_and_back(std::vector<unsigned char>{1, 255});
  there_and_back(std::vector<std::int8_t>{-128, 127});
  there_and_back(std::vector<std::uint16_t>{1, 65535});
  there_and_back(std::vector<color>{color::red, color::green});
  there_and_back(std::vector<std::vector<int>>{{1, 2}, {}, {3}});
  there_and_back(std::array<int, 3>{1, 2, 3});
  there_and_back(std::array<bool, 2>{true, false});
  there_and_back(std::array<std::string, 2>{"a", "b"});
  there_and_back(std::array<int, 0>{});
  there_and_back(std::deque<double>{1, 2, 3});
  there_and_back(std::deque<bool>{true, false});
  there_and_back(std::deque<std::string>{"a", "b"});
  there_and_back(std::list<std::int64_t>{-1, 2});
  there_and_back(std::set<std::string>{"a", "b"});
  there_and_back(std::multiset<int>{1, 1, 2});
  there_and_back(std::unordered_set<int>{1, 2, 3});
  there_and_back(std::unordered_multiset<int>{1, 1, 3});
  there_and_back(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  there_and_back(std::multimap<int, int>{{1, 2}, {1, 3}});
  there_and_back(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}});
  there_and_back(std::unordered_multimap<int, int>{{1, 2}, {1, 2}});
}

TEST_CASE("what may be missing, or is one of several, comes back") {
  using twice = std::optional<std::optional<int>>;
  there_and_back(twice{});
  there_and_back(twice{std::optional<int>{}});
  there_and_back(twice{3});
  there_and_back(std::optional<std::monostate>{std::monostate{}});
  there_and_back(std::monostate{});
  there_and_back(std::variant<int, std::string, int>{std::in_place_index<2>, 4});
  there_and_back(std::variant<std::monostate, point>{point{1, 2}});
  there_and_back(std::pair{1, std::string("x")});
  there_and_back(std::tuple<>{});
  there_and_back(std::tuple<int, std::tuple<bool>, std::string>{1, true, "x"});
  node list{1, std::make_unique<node>(node{2, nullptr})};
  const auto back = decode<node>(encode(list));
  CHECK(back.value == 1);
  CHECK(back.next->value == 2);
  CHECK(!back.next->next);
}

TEST_CASE("durations and times come back") {
  using namespace std::chrono;
  there_and_back(nanoseconds{-5});
  there_and_back(duration<double, std::milli>{0.25});
  there_and_back(system_clock::now());
  there_and_back(time_point_cast<hours>(system_clock::now()));
}

TEST_CASE("structs come back, nested ones and those with a codec of their own too") {
  there_and_back(point{1, -0.5});
  there_and_back(nothing{});
  wide w{};
  w.a1 = 1, w.a17 = 17, w.a32 = 32;
  there_and_back(w);
  there_and_back(test::a_mixed());
  there_and_back(weather{{temperature{273.15}, temperature{300}}});
  static_assert(troupe::detail::codec_of<weather>->type == "weather{[temperature: f64]}");
}

TEST_CASE("what cannot travel is not encodable, deep inside either") {
  static_assert(encodable<mixed> && encodable<tree> && encodable<node> && encodable<weather>);
  static_assert(!encodable<void> && !encodable<int&> && !encodable<const int>);
  static_assert(!encodable<int*> && !encodable<const char*> && !encodable<std::string_view>);
  static_assert(!encodable<void (*)()> && !encodable<int[3]> && !encodable<long double>);
  static_assert(!encodable<std::mutex> && !encodable<std::shared_ptr<int>>);
  static_assert(!encodable<std::vector<std::mutex>> && !encodable<std::map<int, int*>>);
  static_assert(!encodable<std::optional<with_pointer>> && !encodable<std::tuple<int, with_array>>);
  static_assert(!encodable<derived> && !encodable<with_reference> && !encodable<too_wide>);
  static_assert(!encodable<abstract> && !encodable<std::unique_ptr<abstract>>);
  static_assert(!encodable<troupe::ref<std::mutex>> && encodable<troupe::ref<void>>);
  CHECK(troupe::detail::codec_of<with_pointer> == nullptr);
}

TEST_CASE("an error names the place, what was expected and what is there") {
  CHECK(error_of<std::uint8_t>(300) ==
        "troupe: cannot decode: at byte 0 of 3 expected u8, found integer 300");
  CHECK(error_of<unsigned>(-1) ==
        "troupe: cannot decode: at byte 0 of 1 expected u32, found integer -1");
  CHECK(error_of<double>(1.5f).find("expected f64, found f32 1.5") != std::string::npos);
  CHECK(error_of<std::vector<double>>(std::vector<float>{1}).find("expected [f64], found block") !=
        std::string::npos);
  CHECK(error_of<point>(std::tuple{1.0, std::string("two")}) ==
        "troupe: cannot decode: at byte 10 of 14 expected f64, found text of 3 bytes, "
        "in field 2 of test::point");
  CHECK(error_of<std::vector<point>>(std::vector{std::tuple{1.0, 2.0, 3.0}}) ==
        "troupe: cannot decode: at byte 1 of 29 expected test::point (an array of 2), "
        "found array of 3, in element 1");
  CHECK(error_of<std::variant<int, bool>>(std::pair{2, 2}) ==
        "troupe: cannot decode: at byte 1 of 3 expected the number of an alternative, found 2");
  CHECK(
      error_of<std::set<int>>(std::multiset<int>{7, 7}).find("found one that was there already") !=
      std::string::npos);
  auto bytes = encode(1);
  bytes.push_back(0);
  CHECK_THROWS_WITH_AS(decode<int>(bytes),
                       "troupe: cannot decode: at byte 1 of 2 expected the end, found 1 more byte",
                       troupe::error);
  CHECK_THROWS_WITH_AS(decode<int>({}),
                       "troupe: cannot decode: at byte 0 of 0 expected i32, found the end",
                       troupe::error);
}

TEST_CASE("what nests too deep is an error on both sides") {
  auto chain = [](int n) {
    std::unique_ptr<node> head;
    for (int i = 0; i < n; ++i) head = std::make_unique<node>(node{i, std::move(head)});
    return head;
  };
  const auto fits = encode(chain(troupe::detail::most_nested / 2 - 1));
  CHECK(decode<std::unique_ptr<node>>(fits)->value == troupe::detail::most_nested / 2 - 2);
  CHECK_THROWS_AS(encode(chain(troupe::detail::most_nested / 2 + 1)), troupe::error);
  std::vector<char> deep;
  for (int i = 0; i < 100'000; ++i) deep.insert(deep.end(), {'\x92', '\xa0', '\x91'});
  CHECK_THROWS_WITH_AS(decode<tree>(deep), doctest::Contains("nest 100 deep at most"),
                       troupe::error);
}

TEST_CASE("an encoder appends, and a failed one leaves what was there") {
  std::vector<char> out = encode(1);
  troupe::encoder{out}.value(std::string(5000, 'x'));
  troupe::encoder{out}.value(2);
  troupe::decoder d{out};
  CHECK(d.value<int>() == 1);
  CHECK(d.value<std::string>().size() == 5000);
  CHECK(d.value<int>() == 2);
  d.finish();
  CHECK(d.position() == out.size());
}

TEST_CASE("a codec works for those who do not know the type") {
  const troupe::detail::value_codec& c = *troupe::detail::codec_of<mixed>;
  const mixed value = test::a_mixed();
  std::vector<char> out;
  {
    troupe::encoder e{out};
    c.write(e, &value);
  }
  troupe::decoder d{out};
  alignas(mixed) char storage[sizeof(mixed)];
  c.read(d, storage);
  auto* back = std::launder(reinterpret_cast<mixed*>(storage));
  CHECK(*back == value);
  back->~mixed();
  CHECK(troupe::detail::codec_of<void>->type == "void");
}

TEST_CASE("refs go where the maker of the encoder sends them") {
  troupe::runtime rt;
  const std::pair refs{rt.put(5), troupe::ref<std::string>{}};
  known_refs known;
  std::vector<char> out;
  troupe::encoder{out, &known}.value(refs);
  {
    troupe::decoder d{out, &known};
    CHECK(d.value<std::pair<troupe::ref<int>, troupe::ref<std::string>>>() == refs);
  }
  troupe::decoder of_another_type{out, &known};
  CHECK_THROWS_WITH_AS((of_another_type.value<std::pair<troupe::ref<bool>, troupe::ref<int>>>()),
                       doctest::Contains("a ref bool that was sent along"), troupe::error);
  troupe::decoder without{out};
  CHECK_THROWS_WITH_AS((without.value<std::pair<troupe::ref<int>, troupe::ref<int>>>()),
                       doctest::Contains("no ref here"), troupe::error);
  CHECK_THROWS_WITH_AS(encode(refs), doctest::Contains("a ref cannot be encoded here"),
                       troupe::error);
}
