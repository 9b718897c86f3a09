// SPDX-License-Identifier: MIT
// A value that lies together is put together from its bytes, chunk by chunk.
#include <troupe/codec.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace {
using troupe::detail::flat_bytes, troupe::detail::flat_bytes_of;

template <class T> std::span<const char> bytes_of(const T& value) {
  const flat_bytes& flat = *flat_bytes_of<T>();
  return {flat.data(&value), flat.size(&value)};
}

// A T that is being put together: whole chunks are appended, and what cannot be goes to its place.
template <class T> class arriving {
public:
  explicit arriving(std::size_t bytes) { flat_.make(storage_, bytes); }
  arriving(const arriving&) = delete;
  arriving& operator=(const arriving&) = delete;
  ~arriving() { value().~T(); }
  T& value() { return *std::launder(reinterpret_cast<T*>(storage_)); }
  bool append(std::size_t at, std::span<const char> some) {
    return flat_.append(storage_, at, some.data(), some.size());
  }
  void place(std::size_t at, std::span<const char> some) {
    std::memcpy(flat_.grow(storage_, at + some.size()) + at, some.data(), some.size());
  }

private:
  const flat_bytes& flat_ = *flat_bytes_of<T>();
  alignas(T) char storage_[sizeof(T)];
};

const std::vector<double> numbers{1.5, -2, 3, 4e300, 5};
}  // namespace

TEST_CASE("chunks that follow each other are appended, into the room that was made for all") {
  const auto bytes = bytes_of(numbers);
  arriving<std::vector<double>> to{bytes.size()};
  const auto* const room = to.value().data();
  CHECK(to.append(0, bytes.first(16)));
  CHECK(to.value().size() == 2);
  CHECK(to.append(16, bytes.subspan(16)));
  CHECK(to.value() == numbers);
  CHECK(to.value().data() == room);
}

TEST_CASE("strings and vectors of bytes are appended at any place") {
  const std::string text = "a text that is longer than what a string keeps within itself";
  arriving<std::string> to{text.size()};
  CHECK(to.append(0, std::span(text).first(7)));
  CHECK(to.append(7, std::span(text).subspan(7)));
  CHECK(to.value() == text);
  const std::vector<unsigned char> few{1, 200, 3};
  arriving<std::vector<unsigned char>> bytes{3};
  CHECK(bytes.append(0, bytes_of(few).first(1)));
  CHECK(bytes.append(1, bytes_of(few).subspan(1)));
  CHECK(bytes.value() == few);
}

TEST_CASE("a chunk that does not follow is not appended, and the value stays as it was") {
  const auto bytes = bytes_of(numbers);
  arriving<std::vector<double>> to{bytes.size()};
  CHECK(!to.append(8, bytes.subspan(8, 8)));  // a gap
  CHECK(to.value().empty());
  REQUIRE(to.append(0, bytes.first(16)));
  CHECK(!to.append(0, bytes.first(16)));   // again
  CHECK(!to.append(8, bytes.subspan(8)));  // overlaps
  CHECK(to.value() == std::vector{1.5, -2.0});
}

TEST_CASE("parts of elements, and bytes where no element can lie, are not appended") {
  const auto bytes = bytes_of(numbers);
  arriving<std::vector<double>> to{bytes.size()};
  CHECK(!to.append(0, bytes.first(12)));
  alignas(double) char moved[17];
  std::memcpy(moved + 1, bytes.data(), 16);
  CHECK(!to.append(0, {moved + 1, 16}));
  CHECK(to.value().empty());
}

TEST_CASE("a value whose chunks come in disorder, cut anywhere, is the same in the end") {
  const auto bytes = bytes_of(numbers);
  arriving<std::vector<double>> to{bytes.size()};
  const auto take = [&](std::size_t at, std::size_t n) {
    if (!to.append(at, bytes.subspan(at, n))) to.place(at, bytes.subspan(at, n));
  };
  take(0, 8);
  take(29, 11);
  take(8, 8);
  take(16, 13);
  CHECK(to.value() == numbers);
}
