// SPDX-License-Identifier: MIT
// What the codec and the library around it share: references, and a codec as one constant per type.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe {
class encoder;
class decoder;
}  // namespace troupe

namespace troupe::detail {

struct object;
struct value_type;

// A value that is one block of memory: its bytes go from node to node as they lie there.
struct flat_bytes {
  std::size_t (*size)(const void* value);
  const char* (*data)(const void* value);
  // Constructs an empty value that will have so many bytes. Throws troupe::error if no value has just
  // so many; std::bad_alloc.
  void (*make)(void* storage, std::size_t bytes);
  // Makes it so long, at least; gives where its bytes begin.
  char* (*grow)(void* value, std::size_t bytes);
  // Bytes that belong at that place. False, and nothing has changed: they are not whole elements, do not
  // follow those that are there, or lie where an element must not.
  bool (*append)(void* value, std::size_t at, const char* bytes, std::size_t size);
};

// A type's codec, for those who do not know the type.
struct value_codec {
  std::string_view type;  // its structure as text
  std::uint64_t hash;     // of that text
  void (*write)(encoder&, const void* value);
  void (*read)(decoder&, void* storage);  // constructs; if it throws, there is nothing to destroy
  const value_type* holds;
  const flat_bytes* flat;                  // null: it is not one block
  std::size_t (*held)(const void* value);  // bytes, as far as its type tells (detail/footprint.hpp)
};

// Where refs go. Whoever makes the encoder gives one; without it a ref is an error.
class ref_sink {
public:
  virtual ~ref_sink() = default;
  // The number that stands for the object, which holds a value of the codec's type. The encoder's
  // caller keeps the object alive; the sink retains it if it must live longer.
  virtual std::uint64_t index(object*, const value_codec& type) = 0;
};
// The way back. The object comes with one count for the ref that will name it, or as null: then the
// bytes are wrong. The number is any; the source checks that its object holds that type.
class ref_source {
public:
  virtual ~ref_source() = default;
  virtual object* find(std::uint64_t index, const value_codec& type) = 0;
};

// How elements lie in a packed block: the type of a MessagePack extension. Part of the wire format.
enum class packing : std::int8_t { boolean = 1, i8, i16, i32, i64, u16, u32, u64, f32, f64 };

inline constexpr int most_nested = 100;

}  // namespace troupe::detail
