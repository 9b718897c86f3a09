// SPDX-License-Identifier: MIT
#include <troupe/codec.hpp>

#include <optional>
#include <string>

#define MSGPACK_NO_BOOST
#include <msgpack/null_visitor.hpp>
#include <msgpack/parse.hpp>
#include <msgpack/unpack.hpp>  // parse.hpp needs it

namespace troupe {

void detail::throw_no_such_size(std::size_t bytes, std::string_view type) {
  throw error("troupe: no " + std::string(type) + " has " + std::to_string(bytes) + " bytes");
}

// The next value; of an array or a map its head.
struct decoder::token {
  enum kind : int {
    nil,
    boolean,
    whole,
    negative,
    real32,
    real64,
    text,
    binary,
    block,
    array,
    map,
    cut_off,
    nonsense,
    none
  };
  int kind = none;
  std::uint32_t size = 0;  // in bytes, elements or entries
  union {
    bool yes;
    std::uint64_t number = 0;  // a negative one as int64_t
    float single;
    double twice;
    const char* bytes;
  };
};

// Hears of one value from msgpack's parser, which stops at the head of an array or a map.
struct decoder::token_visitor : msgpack::null_visitor {
  token t;

  void init() { t = token{}; }
  bool visit_nil() { return take(token::nil); }
  bool visit_boolean(bool v) { return t.yes = v, take(token::boolean); }
  bool visit_positive_integer(std::uint64_t v) { return t.number = v, take(token::whole); }
  bool visit_negative_integer(std::int64_t v) {
    t.number = static_cast<std::uint64_t>(v);
    return take(v < 0 ? token::negative : token::whole);
  }
  bool visit_float32(float v) { return t.single = v, take(token::real32); }
  bool visit_float64(double v) { return t.twice = v, take(token::real64); }
  bool visit_str(const char* v, std::uint32_t n) { return t.bytes = v, take(token::text, n); }
  bool visit_bin(const char* v, std::uint32_t n) { return t.bytes = v, take(token::binary, n); }
  bool visit_ext(const char* v, std::uint32_t n) { return t.bytes = v, take(token::block, n - 1); }
  bool start_array(std::uint32_t n) { return take(token::array, n), false; }
  bool start_map(std::uint32_t n) { return take(token::map, n), false; }

private:
  bool take(int kind, std::uint32_t size = 0) { return t.kind = kind, t.size = size, true; }
};

namespace {
std::string counted(std::uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}
std::size_t head_size(char first) {  // of an array or a map
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xa0 ? 1 : byte % 2 == 0 ? 3 : 5;
}
}  // namespace

decoder::token decoder::next() {
  // It keeps nothing from one value to the next but memory for a stack that stays empty.
  static thread_local token_visitor visitor;
  static thread_local msgpack::detail::parse_helper<token_visitor> parser{visitor};

  read_ = at_;
  if (at_ == end_) return {};
  parser.init();
  std::size_t size = 0;
  const msgpack::parse_return end = parser.execute(at_, remaining(), size);
  token t = visitor.t;
  if (end == msgpack::PARSE_PARSE_ERROR) t.kind = token::nonsense;
  else if (t.kind == token::none) t.kind = token::cut_off;
  else at_ += end == msgpack::PARSE_STOP_VISITOR ? head_size(*at_) : size;
  return t;
}

decoder::token decoder::next(int kind, std::string_view expected) {
  const token t = next();
  if (t.kind != kind) fail(expected, t);
  return t;
}

void decoder::nil() { next(token::nil, "nil"); }
bool decoder::skip_nil() {
  if (at_ == end_ || *at_ != '\xc0') return false;
  read_ = at_++;
  return true;
}
bool decoder::boolean() { return next(token::boolean, "bool").yes; }
std::int64_t decoder::signed_integer(std::int64_t least, std::int64_t most,
                                     std::string_view expected) {
  const token t = next();
  const auto n = static_cast<std::int64_t>(t.number);
  if (t.kind == token::whole ? t.number > static_cast<std::uint64_t>(most)
                             : t.kind != token::negative || n < least)
    fail(expected, t);
  return n;
}
std::uint64_t decoder::unsigned_integer(std::uint64_t most, std::string_view expected) {
  const token t = next(token::whole, expected);
  if (t.number > most) fail(expected, t);
  return t.number;
}
float decoder::real32() { return next(token::real32, "f32").single; }
double decoder::real64() { return next(token::real64, "f64").twice; }
std::string_view decoder::text() {
  const token t = next(token::text, "text");
  return {t.bytes, t.size};
}
std::span<const char> decoder::binary() {
  const token t = next(token::binary, "bytes");
  return {t.bytes, t.size};
}
std::size_t decoder::array() {
  const token t = next(token::array, "array");
  if (t.size > remaining()) fail("an array that fits into the bytes", t);
  return t.size;
}
void decoder::array(std::size_t n, std::string_view expected) {
  const token t = next();
  if (t.kind != token::array || t.size != n)
    fail(std::string(expected) + " (an array of " + std::to_string(n) + ")", t);
}
std::size_t decoder::map() {
  const token t = next(token::map, "map");
  if (t.size > remaining() / 2) fail("a map that fits into the bytes", t);
  return t.size;
}
std::span<const char> decoder::packed(detail::packing kind, std::size_t element,
                                      std::string_view expected) {
  const token t = next(token::block, expected);
  if (*t.bytes != static_cast<char>(kind) || t.size % element != 0) fail(expected, t);
  return {t.bytes + 1, t.size};
}
detail::object* decoder::reference(const detail::value_codec& type) {
  if (skip_nil()) return nullptr;
  const token t = next(token::whole, "a ref");
  if (!refs_) fail("no ref here", t);
  detail::object* o = refs_->find(t.number, type);
  if (!o) fail("a ref " + std::string(type.type) + " that was sent along", t);
  return o;
}
void decoder::finish() {
  if (at_ == end_) return;
  read_ = at_;
  fail("the end", counted(remaining(), "more byte"));
}

decoder::level::level(decoder& d, std::string_view noun, std::string_view of)
    : d_(d),
      outer_(d.inner_),
      noun_(noun),
      of_(of),
      depth_(outer_ ? outer_->depth_ + 1 : 1) {
  if (depth_ > detail::most_nested)
    d.fail("values that nest " + std::to_string(detail::most_nested) + " deep at most", "one more");
  d.inner_ = this;
}

void decoder::fail(std::string_view expected, const token& t) const {
  std::string found;
  switch (t.kind) {
    case token::nil: found = "nil"; break;
    case token::boolean: found = t.yes ? "true" : "false"; break;
    case token::whole: found = "integer " + std::to_string(t.number); break;
    case token::negative:
      found = "integer " + std::to_string(static_cast<std::int64_t>(t.number));
      break;
    case token::real32: found = "f32 " + std::to_string(t.single); break;
    case token::real64: found = "f64 " + std::to_string(t.twice); break;
    case token::text: found = "text of " + counted(t.size, "byte"); break;
    case token::binary: found = "binary of " + counted(t.size, "byte"); break;
    case token::block:
      found = "block of kind " + std::to_string(static_cast<int>(*t.bytes)) + " with " +
              counted(t.size, "byte");
      break;
    case token::array: found = "array of " + std::to_string(t.size); break;
    case token::map: found = "map of " + std::to_string(t.size); break;
    case token::cut_off: found = "a value that is cut off"; break;
    case token::nonsense: found = "a byte that begins no value"; break;
    default: found = "the end";
  }
  fail(expected, found);
}

void decoder::fail(std::string_view expected, std::string_view found) const {
  std::string text = "troupe: cannot decode: at byte " + std::to_string(read_ - begin_) + " of " +
                     std::to_string(end_ - begin_) + " expected " + std::string(expected) +
                     ", found " + std::string(found);
  for (const level* l = inner_; l; l = l->outer_) {
    if (l->noun_.empty()) continue;
    text += ", in " + std::string(l->noun_);
    if (l->index_ > 0) text += " " + std::to_string(l->index_);
    if (!l->of_.empty()) text += " of " + std::string(l->of_);
  }
  throw error(text);
}

}  // namespace troupe
