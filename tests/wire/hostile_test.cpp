// SPDX-License-Identifier: MIT
// Bytes that nobody encoded: an error or a value, never a crash, never much memory.
#include "tests/wire/kinds.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>
#include <random>

namespace {
thread_local std::size_t live = 0, peak = 0;
}

// not inlined: the compiler would see a free() of what new made
[[gnu::noinline]] void* operator new(std::size_t n) {
  void* p = std::malloc(n);
  if (!p) throw std::bad_alloc{};
  live += malloc_usable_size(p);
  peak = std::max(peak, live);
  return p;
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  if (p) live -= malloc_usable_size(p);
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {
// Whether it is a T. Checks that what was made meanwhile is no more than ten times the bytes; the
// text of an error and the parser's own come on top.
template <class T> bool decodes(const std::vector<char>& bytes) {
  bool fine = true;
  const std::size_t before = peak = live;
  try {
    troupe::decode<T>(bytes);
  } catch (const troupe::error& e) {
    fine = false;
    if (std::string_view{e.what()}.find("cannot decode: at byte ") == std::string_view::npos)
      FAIL(e.what());
  }
  if (peak - before > 10 * bytes.size() + 4096) {
    INFO("of ", bytes.size(), " bytes came ", peak - before);
    CHECK(peak - before <= 10 * bytes.size() + 4096);
  }
  return fine;
}
std::vector<char> bytes_of(std::string_view s) { return {s.begin(), s.end()}; }
}  // namespace

TEST_CASE("every truncation is an error") {
  const auto whole = troupe::encode(test::a_mixed());
  CHECK(decodes<test::mixed>(whole));
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK(!decodes<test::mixed>({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}));
}

TEST_CASE("every byte may be any other") {
  const auto whole = troupe::encode(test::a_mixed());
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (int b = 0; b < 256; ++b) {
      auto bytes = whole;
      bytes[i] = static_cast<char>(b);
      decodes<test::mixed>(bytes);
    }
}

TEST_CASE("many flips at a time, cuts and repeats") {
  const auto whole = troupe::encode(test::a_mixed());
  std::mt19937 random{7};
  int fine = 0;
  for (int round = 0; round < 50'000; ++round) {
    auto bytes = whole;
    for (auto flips = random() % 8; flips > 0; --flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1u << random() % 8);
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    if (random() % 4 == 0) bytes.insert(bytes.end(), whole.begin(), whole.end());
    fine += decodes<test::mixed>(bytes);
  }
  CHECK(fine > 0);
  CHECK(fine < 50'000);
}

TEST_CASE("bytes by chance") {
  std::mt19937 random{11};
  for (int round = 0; round < 50'000; ++round) {
    std::vector<char> bytes(random() % 64);
    for (char& b : bytes) b = static_cast<char>(random());
    decodes<test::mixed>(bytes);
    decodes<test::tree>(bytes);
    decodes<std::vector<std::vector<std::string>>>(bytes);
    decodes<std::map<std::string, std::optional<double>>>(bytes);
    decodes<std::vector<double>>(bytes);
  }
}

TEST_CASE("a size that is not there makes nothing") {
  for (std::string_view head :
       {"\xdd\xff\xff\xff\xff", "\xdc\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
        "\xc9\xff\xff\xff\xff\x0a", "\xdf\xff\xff\xff\xff", "\xc1", "\xc7\xff\x0a"}) {
    CHECK(!decodes<std::vector<test::mixed>>(bytes_of(head)));
    CHECK(!decodes<std::vector<double>>(bytes_of(head)));
    CHECK(!decodes<std::vector<char>>(bytes_of(head)));
    CHECK(!decodes<std::string>(bytes_of(head)));
    CHECK(!decodes<std::map<int, int>>(bytes_of(head)));
    CHECK(!decodes<std::set<std::string>>(bytes_of(head)));
  }
  // an array of as many as there are bytes, none of which is an element of that size
  std::vector<char> bytes = bytes_of(std::string_view("\xdd\x00\x01\x00\x00", 5));
  bytes.resize(5 + 0x10000, '\xc0');
  CHECK(!decodes<std::vector<test::mixed>>(bytes));
}

TEST_CASE("blocks with another element, a broken element or a bool that is none are errors") {
  CHECK(decodes<std::vector<double>>(troupe::encode(std::deque<double>{1, 2})));
  CHECK(!decodes<std::vector<double>>(troupe::encode(std::vector<std::int64_t>{1, 2})));
  CHECK(!decodes<std::array<int, 2>>(troupe::encode(std::vector<int>{1, 2, 3})));
  CHECK(
      !decodes<std::vector<double>>(bytes_of(std::string_view("\xc7\x03\x0a"
                                                              "abc",
                                                              6))));
  CHECK(decodes<std::vector<bool>>(bytes_of(std::string_view("\xc7\x03\x01\x01\x00\x01", 6))));
  CHECK(!decodes<std::vector<bool>>(bytes_of(std::string_view("\xc7\x03\x01\x01\x02\x01", 6))));
}
