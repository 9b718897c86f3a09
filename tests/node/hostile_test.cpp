// SPDX-License-Identifier: MIT
// Somebody who is let in and says what no node would say, while others work.
#include "node/frames.hpp"

#include "tests/net/node.hpp"
#include "tests/node/graph_tasks.hpp"
#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <troupe/node.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace troupe;
namespace wire = troupe::detail;
namespace frames = troupe::detail::frames;
using namespace std::chrono_literals;

namespace {

wire::greeting stranger(const std::vector<char>& extra) {
  return {.node = wire::random_node_id(), .name = "stranger", .extra = extra};
}
std::vector<char> some_facts() { return encode(frames::facts{4, {"far"}, {{"gpu", 1}}}); }

// Two real nodes that work, and a stranger who is connected to one of them.
struct stage {
  stage() {
    graph_tasks::export_all();
    REQUIRE(home.wait_for(1, 10s));
  }
  std::uint64_t refused(const char* what) const {
    const std::string text = there.status(), name = "\"" + std::string(what) + "\": ";
    return std::stoull(text.substr(text.find(name) + name.size()));
  }
  void works() const {
    std::vector<ref<graph_tasks::number>> all;
    for (graph_tasks::number i = 0; i < 50; ++i)
      all.push_back(a.with({.labels = {"gpu-box"}}).submit<graph_tasks::plain>(i, std::vector{i}));
    for (graph_tasks::number i = 0; i < 50; ++i) CHECK(a.get(all[i]) == graph_tasks::fold(i, {i}));
  }
  runtime a{{.workers = 1, .name = "a"}}, b{{.workers = 1, .labels = {"gpu-box"}, .name = "b"}};
  node there = b.join({.listen = "127.0.0.1:0", .name = "b"});
  node home = a.join({.join = {there.address()}, .name = "a", .serves = false});
};
struct intruder {
  explicit intruder(const stage& s, const std::vector<char>& extra = some_facts())
      : net("stranger", nullptr, {}, stranger(extra)) {
    net.net->connect(s.there.address());
    REQUIRE(net.seen.wait_open());
    to = net.seen.peers.at(0).node;
  }
  void say(const frames::frame& f) { net.net->send(to, wire::lane::control, encode(f)); }
  bool is_out() { return net.seen.wait_end(); }
  wire::net_node net;
  wire::node_id to;
};

// One of each kind, about things that never were.
std::vector<frames::frame> nonsense(wire::node_id own, wire::node_id other) {
  const wire::global_id theirs{other, 7}, mine{own, 7};
  const std::vector<frames::sent_ref> refs{
      {theirs, 1, {}, {}, {}, {}}, {mine, 2, std::vector<char>(3, 'x'), theirs, {other}, {0, 9}}};
  const auto& tally = wire::exported_class<graph_tasks::tally, graph_tasks::number>().is;
  const auto& add = wire::exported_method<graph_tasks::tally, &graph_tasks::tally::add>().is;
  const std::tuple from{std::monostate{}, std::tuple{std::tuple{0, 1}}};
  const std::tuple by{std::tuple{0, 1}};
  return {
      frames::run{1, 99, "", "", {}, {{1, 2, 3}, refs}},
      frames::run{2, 98, "no_such", "()->void", {}, {{}, refs}},
      frames::run{20, 97, tally.name, tally.types, {}, {{1, 2, 3}, {}}, 0, 1},
      frames::run{20, 97, "", "", {}, {{}, {}, 0, 7, 1 << 20}, 0, 1u << 31},
      frames::run{21, 97, "", "", {}, {encode(from), {}}},
      frames::run{22, 96, add.name, add.types, {}, {encode(by), {}}, 21},
      frames::run{23, 96, "", "", {}, {encode(by), {}}, 20},
      frames::run{24, 96, "", "", {}, {{}, {}}, 99},
      frames::cancel{21},
      frames::done{std::uint64_t{1} << 63, 1, 0, 1, frames::came::value, {}, true},
      frames::handed_back{std::uint64_t{1} << 63, true, "why", true},
      frames::done{3, -5, std::uint64_t{1} << 63, 1, frames::came::value, {{'x'}, refs}},
      frames::done{4, 1, 0, 2, frames::came::failure, {{}, {}, 0, 5, 1 << 20}},
      frames::handed_back{5, true, "why"},
      frames::cancel{6},
      frames::want{theirs},
      frames::want{mine},
      frames::have{theirs, true, frames::came::value, {{'x'}, refs}},
      frames::have{mine, true, frames::came::failure, {{'x'}, {}, 0, 3, 1 << 20}},
      frames::chunk_wanted{1, 1, 0, 1 << 30},
      frames::chunk_wanted{2, 2, std::uint64_t{1} << 63, std::uint64_t{1} << 63},
      frames::chunk_refused{77},
      frames::let_go{1},
      frames::borrowing{0, theirs, std::uint64_t{1} << 60, own},
      frames::borrowing{1, theirs, 0, own},
      frames::borrowing{2, mine, 0, other},
      frames::borrowing{3, mine, 0, other},
      frames::borrowing{4, mine, 0, other},
      frames::others{{{own, "me", "nowhere"}, {other, "you", "127.0.0.1:1"}}},
      frames::load{std::uint64_t{1} << 63, 1, 1u << 31},
      frames::done{7, 1, 0, 3, frames::came::stays, {{}, {{theirs, 1, {}, {}, {}, {}}}, 1, 0, 99}},
      frames::keep_copy{mine, {{'x'}, refs}},
      frames::keep_copy{{own, 8}, {{}, {}, 0, 9, 1 << 20, true}},
      frames::copy_kept{theirs, "no"},
      frames::copy_kept{mine, {}},
      frames::drop_copy{mine},
      frames::drop_copy{theirs},
      frames::copies_are{theirs, {own, other}},
      frames::copies_are{mine, {own}},
      frames::want{{own, 8}},
      frames::status_told{5, "{}"},
      frames::status_wanted{1}};
}

}  // namespace

TEST_CASE("what is no message ends the connection, is counted, and harms nobody") {
  test::deadline over;
  const stage s;
  std::mt19937 random{1};
  for (int i = 0; i < 20; ++i) {
    intruder bad(s);
    std::vector<char> bytes(1 + random() % 200);
    for (char& c : bytes) c = static_cast<char>(random());
    bytes[0] = '\x2a';  // no array
    bad.net.net->send(bad.to, i % 2 == 0 ? wire::lane::control : wire::lane::control,
                      std::move(bytes));
    CHECK(bad.is_out());
  }
  CHECK(s.refused("malformed_frames") == 20);
  s.works();
}

TEST_CASE("messages about what never was are refused, and work goes on") {
  test::deadline over;
  const stage s;
  intruder bad(s);
  for (const auto& f : nonsense(bad.net.id(), bad.to)) bad.say(f);
  bad.net.net->send(bad.to, wire::lane::bulk, std::vector<char>(100, 'b'));
  s.works();
  CHECK(s.refused("unknown_names") >= 3);
  bad.say(frames::leaving{});
  s.works();
}

TEST_CASE("a known function with wrong bytes gives an error to the caller, not to the node") {
  test::deadline over;
  const stage s;
  intruder bad(s);
  const auto& f = wire::known<graph_tasks::plain>();
  for (std::uint64_t i = 0; i < 20; ++i)
    bad.say(frames::run{i + 1, 5, f.name, f.types, {}, {std::vector<char>(i, '\x93'), {}}});
  bad.say(frames::run{100, 5, "", "", {}, {{}, {}, 1, std::uint64_t{1} << 62}});
  CHECK(bad.net.seen.wait([](auto& e) { return e.items.size() >= 20; }));
  s.works();
}

TEST_CASE("mutated messages of a node that was let in neither crash nor stop the others") {
  test::deadline over;
  const stage s;
  std::mt19937 random{7};
  const int rounds = test::size(60, 20);
  for (int round = 0; round < rounds; ++round) {
    intruder bad(s);
    for (const auto& f : nonsense(bad.net.id(), bad.to)) {
      auto bytes = encode(f);
      for (unsigned n = random() % 4; n > 0; --n)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (random() % 8 == 0) bytes.resize(random() % bytes.size());
      bad.net.net->send(bad.to, random() % 8 == 0 ? wire::lane::bulk : wire::lane::control,
                        std::move(bytes));
    }
  }
  s.works();
}

TEST_CASE("a greeting that makes no sense is refused") {
  test::deadline over;
  const stage s;
  intruder empty(s, {});
  CHECK(empty.is_out());
  intruder negative(s, encode(frames::facts{1, {}, {{"gpu", -1}}}));
  CHECK(negative.is_out());
  s.works();
}
