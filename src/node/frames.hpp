// SPDX-License-Identifier: MIT
// What nodes say to each other. A frame is the encoding (<troupe/codec.hpp>) of one `frame`; the
// chunks of the bulk lane have a header of their own.
#pragma once
#include "graph/ids.hpp"
#include "seeing/recording.hpp"

#include <troupe/codec.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace troupe::detail::frames {

// A ref in a frame. The values of a frame name it by its place.
struct sent_ref {
  global_id object;
  std::uint64_t type = 0;                  // hash of its structure
  std::optional<std::vector<char>> value;  // of a short one that has settled
  std::optional<global_id> at;             // its value lies there, under that name
  std::vector<node_id> copies;             // these have it, too
  std::vector<std::uint64_t> inside;       // what `value` names, by their places, each once
};
// held: the bytes are many, so they stay with the sender, under that number, and are pulled in chunks.
// flat: they are those of the value itself, not of its encoding.
struct payload {
  std::vector<char> bytes;
  std::vector<sent_ref> refs;
  std::uint64_t named =
      0;  // so many of them, the first, are named by the bytes; the others by values of refs
  std::uint64_t held = 0, size = 0;
  bool flat = false;
};

struct sent_options {
  std::string name;
  std::int64_t deadline = 0;  // what is left of it, in ns; 0: none
  std::int32_t priority = 0;
  std::map<std::string, double> resources;
  std::vector<std::string> labels;
  bool blocking = false;
  std::uint64_t stack_size = 0;
};

// ---- tasks
struct run {
  std::uint64_t attempt = 0;
  std::uint64_t function = 0;  // hash of name and types; both come with the first call on a link
  std::string name, types;
  std::optional<sent_options> options;
  payload call;
  // Of an actor's call: the attempt that made its instance; that is also what a cancel destroys.
  std::uint64_t instance = 0;
  std::uint32_t snapshot_every = 0;  // of a constructor; 0: none are wanted
  bool may_stay = false;             // its value, if it is big: then only its name comes back
};
// stays: `refs` has its name, `size` says how big it is, about.
enum class came : std::uint8_t { value, failure, stays };
struct done {
  std::uint64_t attempt = 0;
  std::int64_t service = 0;  // ns
  std::uint64_t queue = 0;   // tasks that wait there
  std::uint64_t order = 0;   // of what is said of that queue: what is older comes too late
  came how = came::value;
  payload what;
  bool broke = false;  // an actor's instance is not to be used again
};
struct handed_back {
  std::uint64_t attempt = 0;
  bool lacks_function = false;  // else it has no room
  std::string why;
  bool lacks_instance = false;
};
struct cancel {
  std::uint64_t attempt = 0;
};

// ---- objects
struct want {
  global_id object;
};
struct have {
  global_id object;
  bool known = true;
  came how = came::value;
  payload what;
};
struct chunk_wanted {
  std::uint64_t held = 0, number = 0, offset = 0, length = 0;
};
struct chunk_refused {
  std::uint64_t number = 0;
};
struct let_go {
  std::uint64_t held = 0;  // it has come, or is not wanted any more
};
struct borrowing {
  std::uint8_t kind = 0;
  global_id object;
  std::uint64_t count = 0;
  node_id via;
};

// Of an object that was put with replicas: another node keeps its bytes.
struct keep_copy {
  global_id object;
  payload what;
};
struct copy_kept {
  global_id object;
  std::string why_not;
};
struct drop_copy {
  global_id object;
};
struct copies_are {  // to all: whoever borrows it is to know
  global_id object;
  std::vector<node_id> at;
};

// ---- nodes
struct others {
  struct one {
    node_id node;
    std::string name, address;
  };
  std::vector<one> nodes;
};
struct load {
  std::uint64_t queue = 0, order = 0;
  std::uint32_t free_slots = 0;
  std::uint64_t waiting =
      0;  // of those that are there: for objects, while a worker has nothing to do
  bool operator==(const load&) const = default;
};
struct leaving {};  // it takes no more tasks
struct status_wanted {
  std::uint64_t number = 0;
};
struct status_told {
  std::uint64_t number = 0;
  std::string json;
};

// ---- logs: a node whose program writes a trace asks the others what they have done in that time
struct log_wanted {
  enum what : std::uint8_t {
    begin,  // it will ask; there is no answer
    clock,  // what time is it there?
    piece,
    enough  // no answer
  };
  std::uint8_t is = begin;
  std::uint64_t number = 0;
  std::uint64_t first = 0;  // chunk of the piece
};
struct log_ready {};  // who has said that it will ask has to do it now: this node is about to leave
// The bytes of several chunks; with the last of them, the rest of a recording.
struct log_piece {
  std::vector<recorded_part> parts;
  bool last = false;
  tick_times times;
  std::vector<std::string> lanes, names;
  std::vector<failure_story> failures;
};
struct log_told {
  std::uint64_t number = 0;
  std::int64_t now = 0;    // ns of its clock
  std::uint64_t next = 0;  // chunk to go on with
  payload what;            // a log_piece
};

using frame =
    std::variant<run, done, handed_back, cancel, want, have, chunk_wanted, chunk_refused, let_go,
                 borrowing, others, load, leaving, status_wanted, status_told, keep_copy, copy_kept,
                 drop_copy, copies_are, log_wanted, log_told, log_ready>;

// In the greeting.
struct facts {
  std::uint32_t slots = 0;
  std::vector<std::string> labels;
  std::map<std::string, double> resources;
};

// What a chunk of the bulk lane begins with; little endian.
struct chunk_header {
  std::uint64_t held = 0, number = 0, offset = 0;
};

}  // namespace troupe::detail::frames
