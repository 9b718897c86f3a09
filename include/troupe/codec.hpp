// SPDX-License-Identifier: MIT
// Values as bytes (MessagePack), and back.
//
// These types travel as they are: bool, the integers, char, float, double, enums; std::string;
// vector, deque, list, array; the sets and maps; optional, variant, pair, tuple, monostate;
// unique_ptr (its value, or none); durations and times of the system's clock; refs; and structs with
// public fields of such types: 32 at most, no constants, references, arrays (std::array does),
// anonymous unions, base classes, or fields that have no default value.
//
// Pointers, views, functions, polymorphic classes and classes with private state do not, but for
// classes with a codec of their own:
//
//   template <> struct troupe::codec<temperature> {
//     static constexpr std::string_view name = "temperature: f64";  // change it with the bytes
//     static void write(encoder& e, const temperature& t) { e.value(t.kelvin()); }
//     static temperature read(decoder& d) { return temperature{d.value<double>()}; }
//   };
//
// It writes exactly one value, for instance an array(2) and two values, and must be seen wherever a
// temperature is encoded.
//
// What is equal is decoded as equal, the bits of a float too; only the order of an unordered
// container may change. One text, one block of numbers and one container hold less than 2^32 bytes
// or elements, and containers and structs nest 100 deep at most.
#pragma once
#include <troupe/detail/footprint.hpp>
#include <troupe/detail/wire.hpp>
#include <troupe/error.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace troupe {

template <class T> struct codec;  // to be specialised for a class of one's own: see above

// Appends values to a buffer, which is to be left alone until the encoder is gone. Throws
// troupe::error for what cannot be encoded; the buffer then ends with a part of a value.
class encoder {
public:
  // Both must live longer.
  explicit encoder(std::vector<char>& out, detail::ref_sink* refs = nullptr)
      : out_(out),
        at_(out.data() + out.size()),
        end_(at_),
        refs_(refs) {}
  ~encoder() { out_.resize(used()); }
  encoder(const encoder&) = delete;
  encoder& operator=(const encoder&) = delete;

  void nil();
  void boolean(bool);
  void integer(std::int64_t);
  void integer(std::uint64_t);
  void real(float);
  void real(double);
  void text(std::string_view);
  void binary(const void* bytes, std::size_t n);
  void array(std::size_t n);  // n values follow
  void map(std::size_t n);    // n times a key and a value follow
  // As one block, in the byte order of this machine.
  void packed(detail::packing, const void* elements, std::size_t bytes);
  void reference(detail::object*, const detail::value_codec& type);  // null: nil

  template <class T> void value(const T&);
  // For the library: one of `most` bytes at most. False: it is longer, and nothing was written.
  bool value_if_short(const void* value, const detail::value_codec& type, std::size_t most);
  // As a binary, which is read with a decoder of its own; refs in it are of the same numbers.
  void nested(const void* value, const detail::value_codec& type);

private:
  struct sink;
  struct too_long {};
  [[noreturn]] void too_deep();
  class level;
  std::size_t used() const { return static_cast<std::size_t>(at_ - out_.data()); }
  void append(const char* bytes, std::size_t n);
  void make_room(std::size_t n);

  std::vector<char>& out_;  // longer than what is used, so that most values find room
  char* at_;
  char* end_;
  detail::ref_sink* refs_;
  std::size_t limit_ = SIZE_MAX;  // of out_, while it is looked at; never passed by much
  int depth_ = 0;
};

// Reads values out of bytes that may be anything. Every method throws a troupe::error that says
// where, what was expected and what is there. Makes nothing bigger than the bytes are a reason for.
class decoder {
public:
  // Both must live longer.
  explicit decoder(std::span<const char> bytes, detail::ref_source* refs = nullptr)
      : begin_(bytes.data()),
        at_(begin_),
        end_(begin_ + bytes.size()),
        refs_(refs) {}
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

  void nil();
  bool skip_nil();  // whether nil came next; anything else is left there
  bool boolean();
  template <class I> I integer();  // throws if it does not fit
  template <class F> F real();     // float or double, as it was written
  std::string_view text();         // in the bytes that are read
  std::span<const char> binary();  // in the bytes that are read
  std::size_t array();             // how many values follow; never more than there are bytes
  std::size_t map();
  void array(std::size_t n, std::string_view expected);  // exactly n
  // Whole elements of that kind and size.
  std::span<const char> packed(detail::packing, std::size_t element, std::string_view expected);
  detail::object* reference(const detail::value_codec& type);  // with a count; or null

  template <class T> T value();
  void finish();  // throws if bytes are left

  // For codecs: throws an error with the position of the value that was read last.
  [[noreturn]] void fail(std::string_view expected, std::string_view found) const;

  // Says where errors are while it lives: "in field 2 of order". Throws if there are too many.
  class level {
  public:
    level(decoder& d, std::string_view noun, std::string_view of = {});
    ~level() { d_.inner_ = outer_; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    void next() { ++index_; }

  private:
    friend decoder;
    decoder& d_;
    level* outer_;
    std::string_view noun_, of_;
    std::size_t index_ = 0;
    int depth_;
  };

private:
  struct token;
  struct token_visitor;
  token next();
  token next(int kind, std::string_view expected);
  [[noreturn]] void fail(std::string_view expected, const token& found) const;
  std::int64_t signed_integer(std::int64_t least, std::int64_t most, std::string_view expected);
  std::uint64_t unsigned_integer(std::uint64_t most, std::string_view expected);
  float real32();
  double real64();

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* read_ = begin_;  // where the last value began
  detail::ref_source* refs_;
  level* inner_ = nullptr;
};

}  // namespace troupe

#include <troupe/detail/forms.hpp>

namespace troupe {

// Whether values of this type can be encoded and decoded, all parts included.
template <class T>
concept encodable = detail::can_travel<T>();

template <class T> std::vector<char> encode(const T& value) {
  static_assert(
      encodable<T>,
      "troupe: values of this type cannot be encoded. <troupe/codec.hpp> says which types "
      "can: structs with at most 32 public fields of such types, for instance, and no "
      "base class. For a class of your own specialise troupe::codec.");
  std::vector<char> bytes;
  if constexpr (encodable<T>) encoder{bytes}.value(value);
  return bytes;
}

// Throws troupe::error if the bytes are not exactly one T.
template <class T> T decode(std::span<const char> bytes) {
  static_assert(
      encodable<T>,
      "troupe: values of this type cannot be decoded. <troupe/codec.hpp> says which types "
      "can: structs with at most 32 public fields of such types, for instance, and no "
      "base class. For a class of your own specialise troupe::codec.");
  decoder d{bytes};
  T value = d.value<T>();
  d.finish();
  return value;
}

}  // namespace troupe

namespace troupe::detail {

[[noreturn]] void throw_no_such_size(std::size_t bytes, std::string_view type);

template <class T> constexpr bool is_flat() {
  if constexpr (std::is_same_v<T, std::string>) return true;
  else if constexpr (requires {
                       typename T::value_type;
                       typename T::allocator_type;
                     })
    return std::is_same_v<T, std::vector<typename T::value_type>> &&
           number<typename T::value_type> && !std::is_same_v<typename T::value_type, bool>;
  else return false;
}
template <class T> inline constexpr flat_bytes flat_of{
    [](const void* v) { return static_cast<const T*>(v)->size() * sizeof(typename T::value_type); },
    [](const void* v) { return reinterpret_cast<const char*>(static_cast<const T*>(v)->data()); },
    [](void* storage, std::size_t bytes) {
      constexpr std::size_t size = sizeof(typename T::value_type);
      if (bytes % size != 0 || bytes / size > T().max_size())
        throw_no_such_size(bytes, type_text<T>);
      T value;
      value.reserve(bytes / size);
      new (storage) T(std::move(value));
    },
    [](void* v, std::size_t bytes) {
      constexpr std::size_t size = sizeof(typename T::value_type);
      T& value = *static_cast<T*>(v);
      if (value.size() * size < bytes) value.resize((bytes + size - 1) / size);
      return reinterpret_cast<char*>(value.data());
    },
    [](void* v, std::size_t at, const char* bytes, std::size_t n) {
      constexpr std::size_t size = sizeof(typename T::value_type);
      T& value = *static_cast<T*>(v);
      if (value.size() * size != at || n % size != 0) return false;
      if constexpr (size == 1) {
        value.insert(value.end(), bytes, bytes + n);
      } else {
        if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(typename T::value_type) != 0)
          return false;
        const auto first = reinterpret_cast<const typename T::value_type*>(bytes);
        value.insert(value.end(), first, first + n / size);
      }
      return true;
    }};
template <class T> constexpr const flat_bytes* flat_bytes_of() {
  if constexpr (is_flat<T>()) return &flat_of<T>;
  else return nullptr;
}

template <class T> constexpr value_codec make_value_codec() {
  if constexpr (std::is_void_v<T>)
    return {"void",
            hash_of("void"),
            [](encoder& e, const void*) { e.nil(); },
            [](decoder& d, void*) { d.nil(); },
            &value_type_of<void>,
            nullptr,
            [](const void*) { return std::size_t{0}; }};
  else
    return {type_text<T>,
            hash_of(type_text<T>),
            [](encoder& e, const void* value) { e.value(*static_cast<const T*>(value)); },
            [](decoder& d, void* storage) { new (storage) T(d.value<T>()); },
            &value_type_of<T>,
            flat_bytes_of<T>(),
            [](const void* v) { return sizeof(T) + held_bytes(*static_cast<const T*>(v)); }};
}
template <class T> inline constexpr value_codec known_codec = make_value_codec<T>();
template <class T> constexpr const value_codec& its_codec() { return known_codec<T>; }

// Null for a type that is not encodable. For void: one that writes nil, and constructs nothing.
template <class T> inline constexpr const value_codec* codec_of = [] {
  if constexpr (std::is_void_v<T>) return &known_codec<void>;
  else if constexpr (encodable<T>) return &known_codec<T>;
  else return static_cast<const value_codec*>(nullptr);
}();

}  // namespace troupe::detail
