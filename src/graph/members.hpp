// SPDX-License-Identifier: MIT
// Who is in the cluster, and whom to call: a node calls its seeds, then everybody it hears of, until
// each two of them are connected. Who is alive is the transport's to say.
//
//   known address --call--> calling --opened--> here --closed--> known, called again
//         ^                    |                                  (a seed for ever, others for a while)
//         `------refused-------'  the wait until the next call doubles, from 0.1 s to 5 s
#pragma once
#include "graph/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::detail {

class members {
public:
  struct member {
    node_id node;
    std::string name;
    std::string address;  // empty: it cannot be called
    bool operator==(const member&) const = default;
  };

  // seeds: addresses that are called until they answer, and again whenever they are lost.
  members(member self, const std::vector<std::string>& seeds);

  // ---- events. Times in nanoseconds, never less than before.
  // Gives the addresses to call now. Each is followed by opened() or refused() of that address.
  std::vector<std::string> due(std::int64_t now);
  // A connection stands; called: the address that this node has called for it, empty if it was called.
  // Gives who should be told of it: all others that are here.
  std::vector<node_id> opened(std::int64_t now, const member& who, const std::string& called);
  // for_good: it will never be taken in from there (it is this node itself, or of another version).
  void refused(std::int64_t now, const std::string& address, bool for_good);
  // Precondition: it is here.
  void closed(std::int64_t now, node_id who);
  // Somebody told of others.
  void heard_of(std::int64_t now, const std::vector<member>& others);

  // ---- questions
  const member& self() const { return self_; }
  std::vector<member> here() const;  // without this node
  const member* find(node_id who) const;
  bool is_connected_to(const std::string& address) const;  // by that address or another of its own
  std::int64_t next_due() const;                           // INT64_MAX: nobody is to be called
  void check() const;                                      // throws std::logic_error

  static constexpr std::int64_t first_wait = 100'000'000, longest_wait = 5'000'000'000,
                                remembered = 60'000'000'000;

private:
  struct place {
    bool seed = false, calling = false, given_up = false;
    std::int64_t due = 0, wait = first_wait;
    std::int64_t until = 0;  // not a seed: forgotten then
    node_id leads_to;        // whom the last call found there, perhaps by another address
  };
  bool stands(const std::string& address, const place& p) const;
  void know(std::int64_t now, const std::string& address);

  const member self_;
  std::map<std::string, place> places_;  // by address
  std::map<node_id, member> here_;
};

}  // namespace troupe::detail
