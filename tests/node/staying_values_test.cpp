// SPDX-License-Identifier: MIT
// Big values stay on the node that made them, until somebody elsewhere waits for them.
#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace staying {
using numbers = std::vector<double>;
constexpr std::size_t much = 100'000;
numbers make(double x) { return numbers(much, x); }
numbers add(const numbers& all, double x) {
  numbers sum = all;
  for (double& n : sum) n += x;
  return sum;
}
double first(const numbers& all) { return all.at(0); }
double look(ref<numbers> r) { return here().get(r).at(0); }
struct page {
  std::string title, text;
};
std::vector<page> pages(int n) {
  std::vector<page> all;
  for (int i = 0; i < n; ++i) all.push_back({std::to_string(i), std::string(100, 'x')});
  return all;
}
std::size_t count(const std::vector<page>& all) { return all.size(); }

struct other {
  explicit other(const std::string& name, const std::string& home, std::vector<std::string> labels)
      : rt{{.workers = 1, .labels = std::move(labels), .name = name}},
        node(rt.join({.listen = "127.0.0.1:0", .join = {home}, .name = name})) {}
  runtime rt;
  troupe::node node;
};
struct cluster {
  cluster() { export_tasks<make, add, first, look, pages, count>(); }
  other& start(const std::string& name, std::vector<std::string> labels = {"far"}) {
    const std::size_t before = others.size();
    others.push_back(std::make_unique<other>(name, node.address(), std::move(labels)));
    REQUIRE(node.wait_for(before + 1, 10s));
    for (auto& o : others) REQUIRE(o->node.wait_for(before + 1, 10s));  // each knows each
    return *others.back();
  }
  std::size_t resting() const {
    const std::string s = node.status(), name = "\"resting\": ";
    return std::stoul(s.substr(s.find(name) + name.size()));
  }
  void wait_resting(std::size_t n) const {
    while (resting() != n) std::this_thread::yield();
  }
  auto far() { return rt.with({.labels = {"far"}}); }

  runtime rt{{.workers = 1, .name = "home"}};
  troupe::node node = rt.join({.listen = "127.0.0.1:0", .name = "home", .serves = false});
  std::vector<std::unique_ptr<other>> others;
};
}  // namespace staying
using namespace staying;

TEST_CASE("a big value stays where it was made, and its task has settled") {
  test::deadline over;
  cluster c;
  auto& a = c.start("a");
  const auto big = c.far().submit<make>(2.5);
  c.wait_resting(1);
  CHECK(c.rt.stats().tasks_unsettled == 0);
  CHECK(a.rt.stats().objects == 1);
  CHECK(c.rt.cancel(big) == cancel_result::already_settled);
  c.rt.drain();
  CHECK(c.rt.get(big).at(0) == 2.5);
  CHECK(c.resting() == 0);
  while (a.rt.stats().objects != 0) std::this_thread::yield();
}

TEST_CASE("what is asked whether it has settled is fetched") {
  test::deadline over;
  cluster c;
  c.start("a");
  const auto big = c.far().submit<make>(1.0);
  while (!big.settled()) std::this_thread::yield();
  CHECK(big.value().size() == much);
  const auto structs = c.far().submit<pages>(5000);
  c.wait_resting(1);
  CHECK(c.rt.wait(std::vector{structs}, 1, 10s).ready.size() == 1);
  CHECK(structs.value().at(4999).title == "4999");
}

TEST_CASE("tasks go where their big inputs are, and nothing comes home but the last value") {
  test::deadline over;
  cluster c;
  auto& a = c.start("a");
  auto sum = c.far().submit<make>(0.0);
  for (int i = 0; i < 20; ++i) sum = c.far().submit<add>(sum, 1.0);
  const auto last = c.far().submit<first>(sum);
  CHECK(c.rt.get(last) == 20.0);
  CHECK(c.resting() > 0);
  const auto before = a.rt.stats().tasks_settled;
  CHECK(c.rt.get(c.rt.submit<first>(sum)) == 20.0);  // it could run at home
  CHECK(a.rt.stats().tasks_settled == before + 1);
  const auto at_home = c.rt.submit([](const numbers& all) { return all.at(0); }, sum);
  CHECK(c.rt.get(at_home) == 20.0);  // it has to
  CHECK(c.rt.get(c.far().submit<count>(c.far().submit<pages>(3000))) == 3000);
  sum = {};
  while (a.rt.stats().objects != 0) std::this_thread::yield();
  c.wait_resting(0);
}

TEST_CASE("of a long chain only the value that can still be asked for is kept") {
  test::deadline over;
  cluster c;
  auto& a = c.start("a");
  auto sum = c.far().submit<make>(0.0);
  for (int i = 0; i < 20; ++i) sum = c.far().submit<add>(sum, 1.0);
  c.wait_resting(21);
  while (a.rt.stats().objects != 1) std::this_thread::yield();
  CHECK(c.resting() == 21);  // the calls are
  CHECK(c.rt.get(c.far().submit<look>(sum)) == 20.0);
}

TEST_CASE("a value whose node is gone is made again elsewhere, with what it was made from") {
  test::deadline over;
  cluster c;
  c.start("a");
  auto sum = c.far().submit<make>(0.0);
  for (int i = 0; i < 5; ++i) sum = c.far().submit<add>(sum, 1.0);
  const auto other = c.far().submit<make>(7.0);
  c.wait_resting(7);
  c.start("b");
  c.others.erase(c.others.begin());
  CHECK(c.rt.get(c.far().submit<first>(sum)) == 5.0);
  CHECK(c.rt.get(other).at(1) == 7.0);
  CHECK(c.rt.get(sum).at(2) == 5.0);
}

TEST_CASE("a third node takes the value from the node that has it, or has it made again") {
  test::deadline over;
  cluster c;
  c.start("a");
  c.start("b", {"near"});
  const auto big = c.far().submit<make>(3.0);
  c.wait_resting(1);
  CHECK(c.rt.get(c.rt.with({.labels = {"near"}}).submit<look>(big)) == 3.0);
  CHECK(c.resting() == 1);  // it did not come by home
  const auto other = c.far().submit<make>(4.0);
  c.wait_resting(2);
  c.start("c");
  c.others.erase(c.others.begin());
  CHECK(c.rt.get(c.rt.with({.labels = {"near"}}).submit<look>(other)) == 4.0);
}

TEST_CASE("a node that is asked to leave gives its values back before") {
  test::deadline over;
  cluster c;
  auto& a = c.start("a");
  const auto big = c.far().submit<make>(3.0);
  c.wait_resting(1);
  CHECK(a.node.drain(10s));
  c.others.clear();
  CHECK(c.rt.get(big).at(0) == 3.0);
}

TEST_CASE(
    "who leaves the cluster makes again at home what was not fetched, or says that it is lost") {
  test::deadline over;
  std::optional<cluster> c{std::in_place};
  c->start("a");
  runtime rt{{.workers = 1, .name = "short"}};
  ref<numbers> lost, again;
  {
    node n = rt.join({.join = {c->node.address()}, .serves = false});
    REQUIRE(n.wait_for(2, 10s));
    lost = rt.with({.labels = {"far"}}).submit<make>(1.0);
    again = rt.submit<add>(lost, 2.0);
    while (n.status().find("\"resting\": 2") == std::string::npos) std::this_thread::yield();
  }
  CHECK_SAYS(rt.get(lost), error, "has left its cluster");
  CHECK_SAYS(rt.get(again), error, "has left its cluster");
}

namespace staying {
std::vector<ref<numbers>> put_there(double x, unsigned replicas) {
  return {here().put(numbers(much, x), {.replicas = replicas})};
}
std::vector<ref<page>> put_page(unsigned replicas) {
  return {here().put(page{"a title", "some text"}, {.replicas = replicas})};
}
}  // namespace staying

namespace {
std::size_t count_of(const troupe::node& n, const std::string& what) {
  const std::string s = n.status(), name = "\"" + what + "\": ";
  return std::stoul(s.substr(s.find(name) + name.size()));
}
}  // namespace

TEST_CASE("what was put with replicas outlives the node that has put it") {
  test::deadline over;
  export_tasks<put_there, put_page>();
  cluster c;
  c.start("a");
  c.start("b", {"near"});
  const auto big = c.rt.get(c.far().submit<put_there>(2.5, 2)).at(0);
  const auto small = c.rt.get(c.far().submit<put_page>(3)).at(0);
  const auto again = c.far().submit<look>(big);
  CHECK(c.rt.get(again) == 2.5);
  while (count_of(c.others[1]->node, "copies") != 2) std::this_thread::yield();
  c.others.erase(c.others.begin());
  CHECK(c.rt.get(big).at(5) == 2.5);
  CHECK(c.rt.get(small).text == "some text");
  CHECK(c.rt.get(c.rt.with({.labels = {"near"}}).submit<look>(big)) == 2.5);  // home's own by now
}

TEST_CASE("a copy is made elsewhere when its node is gone, and goes when nobody refers to it") {
  test::deadline over;
  export_tasks<put_there>();
  cluster c;
  const std::size_t a = 0;
  c.start("a");
  c.start("b", {"near"});
  auto big = c.rt.get(c.far().submit<put_there>(2.5, 3)).at(0);  // a, b and home
  while (count_of(c.node, "copies") != 1) std::this_thread::yield();
  c.start("c", {"near"});
  c.others.erase(c.others.begin() + 1);  // b
  while (count_of(c.others[1]->node, "copies") != 1) std::this_thread::yield();
  big = {};
  while (count_of(c.others[1]->node, "copies") + count_of(c.node, "copies") != 0)
    std::this_thread::yield();
  while (c.others[a]->rt.stats().objects != 0) std::this_thread::yield();
}

TEST_CASE("replicas that cannot be had are an error that says so") {
  test::deadline over;
  export_tasks<put_there>();
  runtime alone{{.workers = 1}};
  CHECK_SAYS(alone.put(1, {.replicas = 2}), error, "this runtime is no node");
  CHECK(alone.get(alone.put(1, {.replicas = 1})) == 1);
  cluster c;
  c.start("a");
  CHECK_SAYS(c.rt.get(c.rt.put(1, {.replicas = 3})), error,
             "3 replicas are asked for, and only 1 other nodes");
  CHECK_SAYS(c.rt.get(c.rt.put(c.rt.put(1), {.replicas = 2})), error,
             "only 0 other nodes could take one: troupe: a ref cannot be encoded");
  CHECK(c.rt.get(c.rt.put(7, {.replicas = 2})) == 7);
}
