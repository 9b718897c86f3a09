// SPDX-License-Identifier: MIT
// Who has no certificate of ours gets nothing, and does not disturb those who have. (Without TLS only
// this machine can connect, and is trusted.)
#include "net/gateway.hpp"
#include "net/greeting.hpp"
#include "tests/net/dated_certificate.hpp"
#include "tests/net/node.hpp"
#include "tests/net/sockets.hpp"

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <array>

using namespace troupe::detail;

namespace {
// Two nodes that trust each other; b echoes.
struct good_pair {
  authority ours;
  tls_files first = ours.certificate("first"), second = ours.certificate("second");
  caf_transport_options options{.listen = "127.0.0.1:0", .connect_limit = milliseconds(1500)};
  net_node a{"a", &first, options}, b{"b", &second, options};
  good_pair() {
    b.seen.on_item = [&](node_id from, lane l, std::span<const char> item) {
      b.net->send(from, l, {item.begin(), item.end()});
    };
    join(a, b);
  }
  bool works() {
    const auto before = a.seen.item_count();
    for (int i = 0; i < 100; ++i) a.say(b.id(), "still here");
    return a.seen.wait([&](auto& e) { return e.items.size() == before + 100; }) &&
           a.seen.end_count() == 0 && b.seen.end_count() == 0;
  }
};

// What the other side says, until it hangs up; nothing may come that is not TLS's own.
std::string all_from(int fd) {
  timeval limit{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string all;
  char part[512];
  for (ssize_t n; (n = ::recv(fd, part, sizeof part, 0)) > 0;)
    all.append(part, static_cast<std::size_t>(n));
  return all;
}

// Whether a TLS client with these files gets a byte of the protocol.
bool gets_in(const std::string& address, const tls_files* files) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  if (files) {
    REQUIRE(SSL_CTX_use_certificate_chain_file(context, files->certificate.c_str()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(context, files->key.c_str(), SSL_FILETYPE_PEM) == 1);
  }
  const int fd = tcp_to(address);
  timeval limit{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  SSL* session = SSL_new(context);
  SSL_set_fd(session, fd);
  char first;
  const bool in = SSL_connect(session) == 1 && SSL_read(session, &first, 1) == 1;
  SSL_free(session);
  SSL_CTX_free(context);
  ::close(fd);
  return in;
}
// Who speaks the protocol well enough to come in, and then what it likes.
class careless_peer {
public:
  explicit careless_peer(const std::string& address) {
    troupe::configure(config_, 1);
    configure_network(config_, nullptr);
    system_ = std::make_unique<caf::actor_system>(config_);
    caf::logger::set_current_actor_system(nullptr);
    self_ = std::make_unique<caf::scoped_actor>(*system_);
    const auto at = parse_endpoint(address);
    const auto door = system_->middleman().remote_actor(at.host, at.port);
    REQUIRE(door);
    greeting me;
    me.node = random_node_id();
    post_to(caf::actor_cast<caf::strong_actor_ptr>(*door), code(parcel::hello), to_bytes(me),
            caf::actor_cast<caf::strong_actor_ptr>(*self_));
    (*self_)->receive(
        [&](std::uint8_t is, const std::vector<char>&, const caf::strong_actor_ptr& gateway) {
          CHECK(is == code(parcel::welcome));
          there_ = gateway;
        });
  }
  ~careless_peer() {
    there_ = nullptr;
    self_.reset();
  }
  void say(parcel p, std::uint64_t number, std::vector<char> bytes) {
    post_to(there_, code(p), number, std::move(bytes));
  }
  static std::vector<char> item(std::string_view text) {
    std::vector<char> all{static_cast<char>(text.size()), 0, 0, 0};
    all.insert(all.end(), text.begin(), text.end());
    return all;
  }

private:
  static std::uint8_t code(parcel p) { return static_cast<std::uint8_t>(p); }
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<caf::scoped_actor> self_;
  caf::strong_actor_ptr there_;
};
}  // namespace

TEST_CASE("what a peer says twice is heard once") {
  net_node a("a");
  careless_peer other(a.address());
  for (const std::uint64_t number : {0, 0, 1, 0, 2, 1, 2, 3})
    other.say(parcel::items, number, careless_peer::item(std::to_string(number)));
  REQUIRE(a.seen.wait([](auto& e) { return e.items.size() == 4; }));
  CHECK(a.seen.look([](auto& e) { return e.items; }) ==
        std::vector<std::string>{"0", "1", "2", "3"});
  CHECK(a.seen.end_count() == 0);
}

TEST_CASE("a peer that leaves something out, or speaks nonsense, is hung up on") {
  const auto half = [] {
    auto all = careless_peer::item("whole");
    all.insert(all.end(), {50, 0, 0, 0, 'h', 'a', 'l', 'f'});
    return all;
  };
  const struct {
    parcel is;
    std::uint64_t number;
    std::vector<char> bytes;
    const char* why;
  } cases[] = {
      {parcel::items, 1, careless_peer::item("late"), "messages were lost on the way"},
      {parcel::ping, 7, {}, "messages were lost on the way"},
      {parcel::items, 0, half(), "a batch of its items is cut off"},
      {parcel::items, 0, {1, 0}, "a batch of its items is cut off"},
      {parcel::taken, 0, {1, 2, 3}, "it says 'taken' without a number"},
      {static_cast<parcel>(99),
       0,
       {},
       "it sends a message of kind 99, which is none of an open connection"},
  };
  net_node a("a");
  std::size_t ends = 0;
  for (const auto& c : cases) {
    CAPTURE(c.why);
    careless_peer other(a.address());
    other.say(c.is, c.number, c.bytes);
    REQUIRE(a.seen.wait_end(++ends));
    CHECK(a.seen.look([](auto& e) { return e.ends.back(); }) == c.why);
  }
  CHECK(a.seen.look([](auto& e) { return e.items; }) == std::vector<std::string>{"whole"});
}

TEST_CASE("garbage at the port of a node with TLS ends that connection only") {
  good_pair pair;
  for (const auto& garbage :
       {std::string(5000, '\xff'), std::string("GET / HTTP/1.0\r\n\r\n"), std::string(28, '\0')}) {
    const int fd = tcp_to(pair.b.address());
    ::send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL);
    CHECK(all_from(fd).size() < 100);  // an alert at most
    ::close(fd);
    CHECK(pair.works());
  }
}

TEST_CASE("half a frame and then nothing: the rest works, and it is hung up on in time") {
  good_pair pair;
  const int fd = tcp_to(pair.b.address());
  ::send(fd, "\x16\x03\x01\x02\x00\x01\x00", 7, MSG_NOSIGNAL);  // a ClientHello of 512 bytes begins
  const int silent = tcp_to(pair.b.address());
  CHECK(pair.works());
  const auto begin = test_clock::now();
  CHECK(all_from(fd) == "");
  CHECK(all_from(silent) == "");
  CHECK(test_clock::now() - begin < std::chrono::seconds(5));
  ::close(fd);
  ::close(silent);
  CHECK(pair.works());
}

TEST_CASE("fifty connections that say nothing do not keep two nodes from working or connecting") {
  good_pair pair;
  std::array<int, 50> flood;
  for (auto& fd : flood) fd = tcp_to(pair.b.address());
  CHECK(pair.works());
  net_node c("c", &pair.first, {});
  c.net->connect(pair.b.address());
  CHECK(c.seen.wait_open());
  for (auto fd : flood) CHECK(all_from(fd) == "");
  for (auto fd : flood) ::close(fd);
  CHECK(pair.works());
}

TEST_CASE("a node without TLS and one with it do not connect, either way") {
  good_pair pair;
  net_node plain("plain", nullptr, {.listen = "127.0.0.1:0", .connect_limit = milliseconds(1500)});
  plain.net->connect(pair.b.address());
  pair.a.net->connect(plain.address());
  REQUIRE(plain.seen.wait_refusal());
  REQUIRE(pair.a.seen.wait_refusal());
  CHECK(plain.seen.refusals[0].why == refusal::unreachable);
  CHECK(pair.a.seen.refusals[0].why == refusal::unreachable);
  CHECK(pair.a.seen.refusals[0].text.find("certificate") + 1 != 0);
  CHECK(pair.works());
}

TEST_CASE("only a certificate of the same authority, valid today, gets in") {
  good_pair pair;
  authority theirs;
  const auto rogue = theirs.certificate("rogue");
  const auto expired = dated_certificate(pair.ours.dir(), "old", -10, -3);
  const auto early = dated_certificate(pair.ours.dir(), "early", 3, 10);
  CHECK(gets_in(pair.b.address(), &pair.first));
  CHECK_FALSE(gets_in(pair.b.address(), nullptr));
  CHECK_FALSE(gets_in(pair.b.address(), &rogue));
  CHECK_FALSE(gets_in(pair.b.address(), &expired));
  CHECK_FALSE(gets_in(pair.b.address(), &early));
  CHECK(pair.works());
}

TEST_CASE("a node of another authority is refused, and refuses") {
  good_pair pair;
  authority theirs;
  const auto rogue = theirs.certificate("rogue");
  net_node other("other", &rogue, {.listen = "127.0.0.1:0", .connect_limit = milliseconds(1500)});
  other.net->connect(pair.b.address());
  pair.a.net->connect(other.address());
  for (auto seen : {&other.seen, &pair.a.seen}) {
    REQUIRE(seen->wait_refusal());
    CHECK(seen->refusals[0].why == refusal::unreachable);
    CHECK(seen->refusals[0].text.find("a certificate of the same authority") + 1 != 0);
  }
  CHECK(pair.works());
  CHECK(other.seen.peers.empty());
}
