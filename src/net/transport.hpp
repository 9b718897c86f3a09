// SPDX-License-Identifier: MIT
// Bytes between nodes. Nothing here knows how they travel: `caf_transport` sends them through
// sockets, and a simulated network can send them through a queue.
#pragma once
#include "graph/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::detail {

// What two nodes tell each other first.
struct greeting {
  static constexpr std::uint32_t this_version = 3;
  std::uint32_t version = this_version;      // of the bytes on the wire
  std::uint32_t understands = this_version;  // and all from this one on
  node_id node{};
  std::string name{};         // for people
  std::string address{};      // where it can be reached, "host:port"; empty: it does not listen
  std::vector<char> extra{};  // for the layer above
};

node_id random_node_id();

// control: small items in batches, at once. bulk: pieces of what is big, each on its own. Items of a
// lane come in the order of their sending; an item of one lane may overtake those of the other.
enum class lane : std::uint8_t { control, bulk };

// with_others: it may wait for more to the same node, until one of these is sent at once, or flush().
enum class sending : std::uint8_t { at_once, with_others };

enum class refusal : std::uint8_t {
  unreachable,       // nobody answers there, or nobody that speaks with us
  version,           // it speaks with us, but in a version that one of the two does not understand
  same_id,           // it is this node itself, or another that bears the same id
  connected_already  // the two are connected, or are about to be, by another connect()
};

// What happens, told by one thread of the transport: one event at a time, those of a peer in order.
// Handlers must be quick, since nothing is received meanwhile; they may call the transport, but not
// stop(). Between opened and closed of a node there is no second opened of it. None comes after stop().
class transport_events {
public:
  virtual ~transport_events() = default;
  // called: by the address of which connect(); empty: the peer has called.
  virtual void opened(const greeting& peer, const std::string& called) = 0;
  // A connect() that failed, or somebody who came and was refused: then `address` is where that one
  // says it can be reached (may be empty).
  virtual void refused(const std::string& address, refusal why, const std::string& text) = 0;
  // Of the control lane: all that came together, in order. The bytes are there during the call only.
  using batch = std::span<const std::span<const char>>;
  virtual void received_items(node_id from, batch) = 0;
  virtual void received_piece(node_id from, std::span<const char>) = 0;
  // The peer has taken in more of the bulk: `in_flight` bytes are still on their way.
  virtual void acknowledged(node_id, std::size_t in_flight) { (void)in_flight; }
  virtual void closed(node_id, const std::string& why) = 0;
};

// Any thread may call, all at once.
class transport {
public:
  virtual ~transport() = default;
  // This node's, with the address where it can be reached.
  virtual const greeting& self() const = 0;
  // "host:port". Returns at once; ends in exactly one of opened(), refused().
  virtual void connect(std::string address) = 0;
  // To a node that is not open (any more) it is dropped. A bulk piece has 1 MiB at most, and a header; whoever
  // sends them keeps `in_flight` below a window of its own.
  virtual void send(node_id to, lane, std::vector<char>&& item, sending = sending::at_once) = 0;
  // Nothing waits for others any more.
  virtual void flush() = 0;
  static constexpr std::size_t largest_piece = (std::size_t{1} << 20) + 64;
  // Bytes of bulk that were sent and that the peer has not taken in. 0: none, or it is not open.
  virtual std::size_t in_flight(node_id to) const = 0;
  // What was sent before still goes out. closed() comes here and there, with `why`.
  virtual void close(node_id, std::string why) = 0;
  // Closes all, and returns when no event is under way or can come. Not from an event.
  virtual void stop() = 0;
};

}  // namespace troupe::detail
