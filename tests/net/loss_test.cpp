// SPDX-License-Identifier: MIT
#include "tests/net/node.hpp"
#include "tests/net/sockets.hpp"

#include <doctest/doctest.h>

using namespace troupe::detail;

namespace {
constexpr milliseconds silence{400};
const caf_transport_options watchful{
    .listen = "127.0.0.1:0", .silence = silence, .connect_limit = milliseconds(2000)};

double ms_since(test_clock::time_point t, test_clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - t).count();
}
// Tries until it is open: the other side may not have noticed yet that the old connection is gone.
bool reconnect(net_node& a, const std::string& address) {
  const auto peers = a.seen.open_count();
  for (const auto until = test_clock::now() + std::chrono::seconds(10);
       test_clock::now() < until;) {
    const auto refusals = a.seen.refusal_count();
    a.net->connect(address);
    a.seen.wait([&](auto& e) { return e.peers.size() > peers || e.refusals.size() > refusals; });
    if (a.seen.open_count() > peers) return true;
  }
  return false;
}
}  // namespace

TEST_CASE("a process that is killed is seen within 100 ms") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    authority ours;
    const auto mine = ours.certificate("mine"), its = ours.certificate("its");
    echo_process other(tls ? std::vector{its.certificate, its.key, its.ca}
                           : std::vector<std::string>{});
    net_node a("a", tls ? &mine : nullptr);
    a.net->connect(other.address);
    REQUIRE(a.seen.wait_open());
    a.say(a.seen.peers[0].node, "are you there?");
    REQUIRE(a.seen.wait([](auto& e) { return e.items.size() == 1; }));
    const auto killed = test_clock::now();
    ::kill(other.pid, SIGKILL);
    REQUIRE(a.seen.wait_end());
    CHECK(ms_since(killed, a.seen.ended_at) < 100);
    CHECK(a.seen.ends[0] == "the connection was lost");
    MESSAGE("seen after ", ms_since(killed, a.seen.ended_at), " ms");
  }
}

TEST_CASE("two that have nothing to say stay connected") {
  net_node a("a", nullptr, watchful), b("b", nullptr, watchful);
  join(a, b);
  CHECK_FALSE(a.seen.wait([](auto& e) { return !e.ends.empty(); }, 4 * silence));
  CHECK(b.seen.end_count() == 0);
}

TEST_CASE("a silent link is seen by both within 1.5 times the limit, and comes back") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    authority ours;
    const auto first = ours.certificate("first"), second = ours.certificate("second");
    net_node a("a", tls ? &first : nullptr, watchful), b("b", tls ? &second : nullptr, watchful);
    proxy link(b.address());
    a.net->connect(link.address());
    REQUIRE(a.seen.wait_open());
    for (std::size_t round = 1; round <= 2; ++round) {
      a.say(b.id(), "before");
      REQUIRE(b.seen.wait([&](auto& e) { return e.items.size() == 2 * round - 1; }));
      const auto begin = test_clock::now();
      link.silent(true);
      REQUIRE(a.seen.wait_end(round));
      REQUIRE(b.seen.wait_end(round));
      for (auto seen : {&a.seen, &b.seen}) {
        CHECK(seen->ends.back() == "silent for 400 ms");
        CHECK(ms_since(begin, seen->ended_at) < 1.5 * 400);
        CHECK(ms_since(begin, seen->ended_at) > 0.7 * 400);  // the last sign of life came before
      }
      link.silent(false);
      REQUIRE(reconnect(a, link.address()));
      a.say(b.id(), "after");
      REQUIRE(b.seen.wait([&](auto& e) { return e.items.size() == 2 * round; }));
      CHECK(b.seen.items.back() == "after");
      CHECK(a.seen.end_count() == round);
    }
  }
}

TEST_CASE("a process that was stopped is lost, and can be reached again when it goes on") {
  echo_process other;
  net_node a("a", nullptr, watchful);
  a.net->connect(other.address);
  REQUIRE(a.seen.wait_open());
  ::kill(other.pid, SIGSTOP);
  REQUIRE(a.seen.wait_end());
  CHECK(a.seen.ends[0] == "silent for 400 ms");
  ::kill(other.pid, SIGCONT);
  REQUIRE(reconnect(a, other.address));
  a.say(a.seen.peers[0].node, "again");
  CHECK(a.seen.wait([](auto& e) { return e.items.size() == 1; }));
}

TEST_CASE("a connect through a silent link is refused in time, and works when the link does") {
  net_node a("a", nullptr, {.silence = silence, .connect_limit = milliseconds(500)}), b("b");
  proxy link(b.address());
  link.silent(true);
  const auto begin = test_clock::now();
  a.net->connect(link.address());
  REQUIRE(a.seen.wait_refusal());
  CHECK(ms_since(begin, test_clock::now()) < 2000);
  CHECK(a.seen.refusals[0].why == refusal::unreachable);
  link.silent(false);
  CHECK(reconnect(a, link.address()));
}

TEST_CASE("bulk under a window does not look like silence, nor delay small items much") {
  net_node a("a", nullptr, watchful), b("b", nullptr, watchful);
  b.seen.on_item = [&](node_id from, lane l, std::span<const char> item) {
    if (l == lane::control) b.net->send(from, l, {item.begin(), item.end()});
  };
  join(a, b);
  constexpr std::size_t piece = transport::largest_piece, window = 4 * piece;
  double worst = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    REQUIRE(a.seen.wait([&](auto&) { return a.net->in_flight(b.id()) + piece <= window; }));
    a.net->send(b.id(), lane::bulk, std::vector<char>(piece, 'b'));
    if (i % 8 != 7) continue;
    const auto sent = test_clock::now();
    const auto before = a.seen.item_count();
    a.say(b.id(), "beside it");
    REQUIRE(a.seen.wait([&](auto& e) { return e.items.size() > before; }));
    worst = std::max(worst, ms_since(sent, test_clock::now()));
  }
  CHECK(b.seen.wait([](auto& e) { return e.bulk_bytes == 64 * piece; }));
  CHECK(worst < 400 / 4);
  CHECK(a.seen.end_count() == 0);
  MESSAGE("the slowest round trip beside 64 MiB took ", worst, " ms");
}
