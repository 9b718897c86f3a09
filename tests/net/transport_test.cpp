// SPDX-License-Identifier: MIT
#include "tests/net/node.hpp"

#include <troupe/error.hpp>

#include <doctest/doctest.h>

#include <thread>

using namespace troupe::detail;

namespace {
std::string error_of(auto f) {
  try {
    f();
  } catch (const troupe::error& e) { return e.what(); }
  return "";
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("two nodes greet each other: id, name, address and what the layer above adds") {
  net_node a("a", nullptr, {}, {.node = random_node_id(), .extra = bytes("8 cores")}), b("b");
  join(a, b);
  CHECK(a.seen.peers[0].node == b.id());
  CHECK(a.seen.peers[0].name == "b");
  CHECK(a.seen.peers[0].address == b.address());
  CHECK(b.seen.peers[0].node == a.id());
  CHECK(b.seen.peers[0].address == "");
  CHECK(b.seen.peers[0].extra == bytes("8 cores"));
}

TEST_CASE("two systems of one process are two nodes to CAF, and ids are random") {
  net_node a("a"), b("b");
  CHECK(a.system().node() != b.system().node());
  // CAF's own would end with it
  CHECK(to_string(a.system().node()).find("#" + std::to_string(::getpid())) == std::string::npos);
}

TEST_CASE("items arrive in order, both ways, also from the events of the other side") {
  net_node a("a"), b("b");
  b.seen.on_item = [&](node_id from, lane, std::span<const char> item) {
    b.net->send(from, lane::control, {item.begin(), item.end()});
  };
  join(a, b);
  constexpr int n = 1000;
  for (int i = 0; i < n; ++i) a.say(b.id(), std::to_string(i));
  REQUIRE(a.seen.wait([](auto& e) { return e.items.size() == n; }));
  for (int i = 0; i < n; ++i) CHECK(a.seen.items[i] == std::to_string(i));
}

TEST_CASE("a hundred thousand small items") {
  net_node a("a"), b("b");
  b.seen.keep_items = false;
  join(a, b);
  for (int i = 0; i < 100'000; ++i) a.say(b.id(), "an item of some 30 characters");
  CHECK(b.seen.wait([](auto& e) { return e.count == 100'000; }));
}

TEST_CASE("an empty item and one of a megabyte arrive as they were sent") {
  net_node a("a"), b("b");
  join(a, b);
  a.say(b.id(), "");
  a.say(b.id(), std::string(1 << 20, 'x'));
  REQUIRE(b.seen.wait([](auto& e) { return e.items.size() == 2; }));
  CHECK(b.seen.items[0] == "");
  CHECK(b.seen.items[1] == std::string(1 << 20, 'x'));
}

TEST_CASE("bulk is counted until the peer has taken it in") {
  net_node a("a"), b("b");
  join(a, b);
  constexpr std::size_t piece = transport::largest_piece, window = 4 * piece, pieces = 64;
  for (std::size_t i = 0; i < pieces; ++i) {
    REQUIRE(a.seen.wait([&](auto&) { return a.net->in_flight(b.id()) + piece <= window; }));
    a.net->send(b.id(), lane::bulk, std::vector<char>(piece, 'b'));
  }
  CHECK(b.seen.wait([](auto& e) { return e.bulk_bytes == pieces * piece; }));
  CHECK(a.seen.wait([&](auto&) { return a.net->in_flight(b.id()) == 0; }));
}

TEST_CASE("what was sent before a close arrives, and both sides see why it was closed") {
  net_node a("a"), b("b");
  join(a, b);
  a.say(b.id(), "last words");
  a.net->close(b.id(), "it is no longer needed");
  REQUIRE(a.seen.wait_end());
  REQUIRE(b.seen.wait_end());
  CHECK(b.seen.items == std::vector<std::string>{"last words"});
  CHECK(a.seen.ends[0] == "it is no longer needed");
  CHECK(b.seen.ends[0] == "it is no longer needed");
  a.say(b.id(), "nobody hears this");
  CHECK(a.net->in_flight(b.id()) == 0);
}

TEST_CASE("after a close the two can connect again") {
  net_node a("a"), b("b");
  for (int i = 0; i < 5; ++i) {
    CAPTURE(i);
    std::size_t opened = 0;
    // the last connection's end may still be on its way when the next one begins
    for (int tries = 0; tries < 50 && opened == 0; ++tries) {
      const auto peers = a.seen.open_count(), refusals = a.seen.refusal_count();
      a.net->connect(b.address());
      REQUIRE(a.seen.wait(
          [&](auto& e) { return e.peers.size() > peers || e.refusals.size() > refusals; }));
      opened = a.seen.open_count() - peers;
    }
    REQUIRE(opened == 1);
    REQUIRE(b.seen.wait([&](auto& e) { return e.peers.size() > e.ends.size(); }));
    const auto ends = a.seen.end_count();
    a.net->close(b.id(), "again");
    REQUIRE(a.seen.wait_end(ends + 1));
    REQUIRE(b.seen.wait([](auto& e) { return e.peers.size() == e.ends.size(); }));
  }
}

TEST_CASE("a node that stops says good-bye to all") {
  net_node a("a"), c("c");
  {
    net_node b("b");
    join(a, b);
    join(c, b);
  }
  REQUIRE(a.seen.wait_end());
  REQUIRE(c.seen.wait_end());
  CHECK(a.seen.ends[0] == "the node leaves");
  CHECK(c.seen.ends[0] == "the node leaves");
}

TEST_CASE("versions that do not understand each other are named on both sides") {
  net_node a("a", nullptr, {}, {.version = 1, .understands = 1, .node = random_node_id()});
  net_node b("b", nullptr, {.listen = "127.0.0.1:0"},
             {.version = 7, .understands = 5, .node = random_node_id()});
  a.net->connect(b.address());
  for (auto seen : {&a.seen, &b.seen}) {
    REQUIRE(seen->wait_refusal());
    CHECK(seen->refusals[0].why == refusal::version);
    CHECK(has(seen->refusals[0].text, "wire version 1 (it understands 1 and later)") ==
          (seen == &b.seen));
    CHECK(has(seen->refusals[0].text, "7 (it understands 5 and later)"));
    CHECK(has(seen->refusals[0].text, "run the same version of the program on both"));
  }
  CHECK(a.seen.refusals[0].address == b.address());
}

TEST_CASE("an older node is let in by a newer one that understands it") {
  net_node a("a"),
      b("b", nullptr, {.listen = "127.0.0.1:0"},
        {.version = greeting::this_version, .understands = 0, .node = random_node_id()});
  join(a, b);
}

TEST_CASE("two nodes with the same id refuse each other") {
  const auto id = random_node_id();
  net_node a("a", nullptr, {}, {.node = id}),
      b("b", nullptr, {.listen = "127.0.0.1:0"}, {.node = id});
  a.net->connect(b.address());
  for (auto seen : {&a.seen, &b.seen}) {
    REQUIRE(seen->wait_refusal());
    CHECK(seen->refusals[0].why == refusal::same_id);
    CHECK(has(seen->refusals[0].text, to_text(id)));
  }
}

TEST_CASE("a third node cannot take the id of one that is connected") {
  const auto id = random_node_id();
  net_node hub("hub"), a("a", nullptr, {}, {.node = id}), thief("thief", nullptr, {}, {.node = id});
  join(a, hub);
  thief.net->connect(hub.address());
  REQUIRE(thief.seen.wait_refusal());
  CHECK(thief.seen.refusals[0].why == refusal::same_id);
  a.say(hub.id(), "still here");
  CHECK(hub.seen.wait([](auto& e) { return e.items.size() == 1; }));
  CHECK(hub.seen.end_count() == 0);
}

TEST_CASE("a node does not connect to itself") {
  net_node a("a");
  a.net->connect(a.address());
  REQUIRE(a.seen.wait_refusal());
  CHECK(a.seen.refusals[0].why == refusal::same_id);
}

TEST_CASE(
    "a second connect to a node that is connected is refused, and the first connection stays") {
  net_node a("a"), b("b");
  join(a, b);
  a.net->connect(b.address());
  REQUIRE(a.seen.wait_refusal());
  CHECK(a.seen.refusals[0].why == refusal::connected_already);
  b.net->connect(a.address());
  REQUIRE(b.seen.wait_refusal());
  CHECK(b.seen.refusals[0].why == refusal::connected_already);
  a.say(b.id(), "hello");
  CHECK(b.seen.wait([](auto& e) { return e.items.size() == 1; }));
}

TEST_CASE("two that call each other, several times at once, get one connection that stands") {
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    net_node a("a"), b("b");
    for (int k = 0; k < 2; ++k) {
      a.net->connect(b.address());
      b.net->connect(a.address());
    }
    // each connect has its outcome, on the caller's side
    const auto outcomes = [](auto& e) { return e.peers.size() + e.refusals.size() >= 2; };
    REQUIRE(a.seen.wait(outcomes));
    REQUIRE(b.seen.wait(outcomes));
    REQUIRE(a.seen.wait([](auto& e) { return e.peers.size() == e.ends.size() + 1; }));
    REQUIRE(b.seen.wait([](auto& e) { return e.peers.size() == e.ends.size() + 1; }));
    a.say(b.id(), "ping");
    b.say(a.id(), "pong");
    REQUIRE(b.seen.wait([](auto& e) { return e.items.size() == 1; }));
    REQUIRE(a.seen.wait([](auto& e) { return e.items.size() == 1; }));
  }
}

TEST_CASE("a connect to nobody is refused with the address and the reason") {
  net_node a("a", nullptr, {});
  for (const char* address : {"127.0.0.1:1", "nowhere", "127.0.0.1:x", "::1:4"}) {
    const auto before = a.seen.refusal_count();
    a.net->connect(address);
    REQUIRE(a.seen.wait_refusal(before + 1));
    CHECK(a.seen.refusals.back().address == address);
    CHECK(a.seen.refusals.back().why == refusal::unreachable);
    CHECK(has(a.seen.refusals.back().text, address));
  }
}

TEST_CASE("without TLS a node listens and connects on this machine only") {
  CHECK(error_of([] { net_node open("open", nullptr, {.listen = "0.0.0.0:0"}); }) ==
        "0.0.0.0:0: without TLS a node listens only on this machine (127.0.0.1, ::1, localhost): "
        "make "
        "certificates with `troupe certs init DIR` and `troupe certs issue DIR NAME`, and give "
        "--certificate, --key and --ca");
  net_node a("a", nullptr, {});
  a.net->connect("192.0.2.1:4500");
  REQUIRE(a.seen.wait_refusal());
  CHECK(has(a.seen.refusals[0].text, "without TLS a node connects only on this machine"));
}

TEST_CASE("a port that is taken is an error that says so") {
  net_node a("a");
  CHECK(has(error_of([&] { net_node b("b", nullptr, {.listen = a.address()}); }),
            a.address() + ": cannot listen there"));
}

TEST_CASE("with certificates of one authority two nodes connect and send") {
  authority ours;
  const auto first = ours.certificate("first"), second = ours.certificate("second");
  net_node a("a", &first), b("b", &second, {.listen = "0.0.0.0:0", .advertise = ""});
  const auto port = b.address().substr(b.address().rfind(':'));
  a.net->connect("127.0.0.1" + port);
  REQUIRE(a.seen.wait_open());
  for (int i = 0; i < 1000; ++i) a.say(b.id(), std::to_string(i));
  a.net->send(b.id(), lane::bulk, std::vector<char>(1 << 20, 'b'));
  CHECK(b.seen.wait([](auto& e) { return e.items.size() == 1000 && e.bulk_bytes == 1 << 20; }));
  CHECK(b.seen.items[999] == "999");
}
