// SPDX-License-Identifier: MIT
// A network of nodes that the test's script breaks: messages take their time, the lanes of a
// connection overtake each other, connections are cut with a part of what was under way, links are
// silent until both sides give up, nodes die. Within a lane nothing is lost, doubled or out of order,
// as with TCP, but on a link that is garbled: there the numbers of net/numbering.hpp show it.
#pragma once
#include "net/numbering.hpp"
#include "net/transport.hpp"
#include "testing/random.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace simulated {

namespace detail = troupe::detail;
using time = std::int64_t;  // ns
constexpr time ms = 1'000'000, never = INT64_MAX;

class network {
public:
  explicit network(std::uint64_t seed) : random_(seed) {}
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  // A transport for the next node, which listens at an address of that name. Nodes are numbered
  // from 0; one that comes again has another number.
  std::unique_ptr<detail::transport> make(const std::string& address, detail::greeting me,
                                          detail::transport_events& events);

  // What is sent and received: for histories.
  std::function<void(const char* what, const std::string& from, const std::string& to, detail::lane,
                     std::span<const char>)>
      saw;

  // ---- faults
  void kill(std::size_t node);  // hears nothing any more; others learn it within 100 ms
  void cut(std::size_t a, std::size_t b);
  // Nothing goes through for so long; who has heard nothing for `silence` gives the connection up.
  void block(std::size_t a, std::size_t b, time for_so_long);
  // Some of what is sent comes twice, some before what was sent before, some not at all: until that
  // has broken their connection once.
  void garble(std::size_t a, std::size_t b);
  void heal();  // no link is blocked or garbled any more
  static constexpr time silence = 2000 * ms;

  // ---- what happens
  std::size_t choices(time now);           // events that could be the next
  void happen(time now, std::size_t one);  // less than choices()
  time next_due() const;                   // never: nothing is under way

private:
  class endpoint;
  struct node {
    std::string address;
    detail::greeting me;
    detail::transport_events* events;
    bool alive = true;
  };
  struct item {
    time due;
    std::uint64_t number;
    std::vector<char> bytes;
  };
  // One side of a connection, and what is under way to it.
  struct side {
    std::size_t node;
    std::string called;  // by that address
    enum { coming, open, closed } state = coming;
    time open_at = 0, close_at = never;
    time missing_at = never;  // then it learns that something was lost, if not before
    std::string why{};
    std::deque<item> lanes[2]{};
    time last[2] = {0, 0};
    detail::numbering numbers[2]{};  // of the lanes
  };
  struct connection {
    side sides[2];
    bool gone() const { return sides[0].state == side::closed && sides[1].state == side::closed; }
  };
  struct call {
    std::size_t from;
    std::string address;
    time due;
    bool refused = false;
    detail::refusal why{};
  };
  struct choice {
    enum { opens, receives, misses, closes, arrives } what;
    std::size_t at;  // of a connection or a call
    int which = 0, lane = 0;
  };

  time delay() {
    return static_cast<time>(random_.below(random_.below(4) == 0 ? 50 * ms : 2 * ms));
  }
  time blocked_until(std::size_t a, std::size_t b) const;
  void lose_some(side& s);
  void give_up(side& s, time at, const char* why);
  void receive(connection& c, int which, std::size_t lane);
  void break_off(connection& c, int which);
  void arrive(time now, call c);
  void refuse(time now, call c, detail::refusal why, time after);
  side* side_of(std::size_t node, detail::node_id peer, int& other, connection*& whole);
  template <class F> void each_event(F f) const;
  void tidy();

  // ---- the endpoints'
  void connect(std::size_t node, std::string address);
  void send(std::size_t node, detail::node_id to, detail::lane, std::vector<char>&& item);
  std::size_t in_flight(std::size_t node, detail::node_id to) const;
  void close(std::size_t node, detail::node_id peer, std::string why);
  void stop(std::size_t node);

  troupe::testing::detail::random_numbers random_;
  std::vector<node> nodes_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::vector<call> calls_;
  using link = std::pair<std::size_t, std::size_t>;  // the smaller number first
  std::map<link, time> blocked_;
  std::set<link> garbled_;
  std::vector<choice> choices_;
  time now_ = 0;
};

}  // namespace simulated
