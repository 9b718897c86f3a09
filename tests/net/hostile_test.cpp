// SPDX-License-Identifier: MIT
// Who has no certificate of ours gets nothing, and does not disturb those who have. (Without TLS only
// this machine can connect, and is trusted.)
#include "tests/net/dated_certificate.hpp"
#include "tests/net/node.hpp"
#include "tests/net/sockets.hpp"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

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
}  // namespace

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
