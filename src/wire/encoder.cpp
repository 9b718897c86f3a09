// SPDX-License-Identifier: MIT
#include <troupe/codec.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#define MSGPACK_NO_BOOST
#include <msgpack/pack.hpp>

namespace troupe {

struct encoder::sink {  // what msgpack's packer writes to
  encoder& e;
  void write(const char* bytes, std::size_t n) { e.append(bytes, n); }
};

inline void encoder::append(const char* bytes, std::size_t n) {
  constexpr std::size_t big = 4096;  // from here on zeros in its place would cost more
  if (static_cast<std::size_t>(end_ - at_) < n) {
    if (used() + n > limit_) throw too_long{};
    if (n >= big) {
      out_.resize(used());
      out_.insert(out_.end(), bytes, bytes + n);
      at_ = end_ = out_.data() + out_.size();
      return;
    }
    make_room(n);
  }
  if (n > 0) std::memcpy(at_, bytes, n);
  at_ += n;
}
void encoder::make_room(std::size_t n) {
  const std::size_t size = used();
  out_.resize(size + std::max(n, std::max<std::size_t>(128, size / 2)));
  at_ = out_.data() + size;
  end_ = out_.data() + out_.size();
}

bool encoder::value_if_short(const void* value, const detail::value_codec& type, std::size_t most) {
  const std::size_t before = used(), outer = limit_;
  const int depth = depth_;
  limit_ = std::min(outer, before + most);
  bool fits = false;
  try {
    type.write(*this, value);
    fits = used() <= limit_;
  } catch (const too_long&) {}
  limit_ = outer;
  if (fits) return true;
  if (used() > outer) throw too_long{};
  at_ = out_.data() + before;
  depth_ = depth;
  return false;
}

void encoder::nested(const void* value, const detail::value_codec& type) {
  std::vector<char> bytes;
  {
    encoder inner{bytes, refs_};
    type.write(inner, value);
  }
  binary(bytes.data(), bytes.size());
}

namespace {
std::uint32_t checked(std::size_t n, const char* what) {
  if (n > std::numeric_limits<std::uint32_t>::max())
    throw error("troupe: cannot encode " + std::to_string(n) + " " + what +
                " in one value: 4294967295 is the most. Make several values of it.");
  return static_cast<std::uint32_t>(n);
}

// A float as its bits. msgpack's packer would make an integer of one that is whole: -0.0 would lose
// its sign, and 2^64 is out of its range.
template <class Bits> std::array<char, 1 + sizeof(Bits)> real_bytes(char head, Bits bits) {
  std::array<char, 1 + sizeof bits> all{head};
  for (std::size_t i = sizeof bits; i > 0; --i, bits >>= 8) all[i] = static_cast<char>(bits);
  return all;
}
}  // namespace

void encoder::nil() {
  sink s{*this};
  msgpack::packer<sink>{s}.pack_nil();
}
void encoder::boolean(bool value) {
  sink s{*this};
  msgpack::packer<sink> p{s};
  value ? p.pack_true() : p.pack_false();
}
void encoder::integer(std::int64_t value) {
  sink s{*this};
  msgpack::packer<sink>{s}.pack_int64(value);
}
void encoder::integer(std::uint64_t value) {
  sink s{*this};
  msgpack::packer<sink>{s}.pack_uint64(value);
}
void encoder::real(float value) {
  const auto all = real_bytes('\xca', std::bit_cast<std::uint32_t>(value));
  append(all.data(), all.size());
}
void encoder::real(double value) {
  const auto all = real_bytes('\xcb', std::bit_cast<std::uint64_t>(value));
  append(all.data(), all.size());
}
void encoder::text(std::string_view value) {
  sink s{*this};
  const std::uint32_t n = checked(value.size(), "characters");
  msgpack::packer<sink>{s}.pack_str(n).pack_str_body(value.data(), n);
}
void encoder::binary(const void* bytes, std::size_t size) {
  sink s{*this};
  const std::uint32_t n = checked(size, "bytes");
  msgpack::packer<sink>{s}.pack_bin(n).pack_bin_body(static_cast<const char*>(bytes), n);
}
void encoder::packed(detail::packing kind, const void* elements, std::size_t bytes) {
  sink s{*this};
  const std::uint32_t n = checked(bytes, "bytes of numbers");
  msgpack::packer<sink> p{s};
  p.pack_ext(n, static_cast<std::int8_t>(kind));
  p.pack_ext_body(static_cast<const char*>(elements), n);
}
void encoder::array(std::size_t n) {
  sink s{*this};
  msgpack::packer<sink>{s}.pack_array(checked(n, "elements"));
}
void encoder::map(std::size_t n) {
  sink s{*this};
  msgpack::packer<sink>{s}.pack_map(checked(n, "entries"));
}
void encoder::reference(detail::object* o, const detail::value_codec& type) {
  if (!o) return nil();
  if (!refs_)
    throw error(
        "troupe: a ref cannot be encoded here: only in a task's arguments and results does "
        "it keep what it names. Encode the value that it names.");
  integer(refs_->index(o, type));
}
void encoder::too_deep() {
  throw error("troupe: cannot encode a value that nests more than " +
              std::to_string(detail::most_nested) +
              " deep: send it flat, as a vector of nodes that know each other by their numbers");
}

void detail::throw_valueless() {
  throw error("troupe: cannot encode a std::variant that is valueless_by_exception()");
}

}  // namespace troupe
