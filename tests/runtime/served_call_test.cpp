// SPDX-License-Identifier: MIT
// A call written in one runtime and run from its bytes in another: without a network between them.
#include "runtime/functions.hpp"

#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
namespace wire = troupe::detail;

namespace served {
struct page {
  std::string source, text;
};
int add(int a, int b) { return a + b; }
std::size_t length(std::string_view text) { return text.size(); }
std::size_t letters(const char* text) { return std::string(text).size(); }
std::string shout(const page& p) { return p.source + ": " + p.text + "!"; }
int sum(values<int> all) {
  int n = 0;
  for (int i : all) n += i;
  return n;
}
int total(std::vector<int> all) {
  int n = 0;
  for (int i : all) n += i;
  return n;
}
int most(const std::map<std::string, int>& by_name) {
  int n = 0;
  for (const auto& [name, i] : by_name) n = std::max(n, i);
  return n;
}
int fails(int n) { throw std::runtime_error("no " + std::to_string(n)); }
troupe::task<int> waits(ref<int> a, int b) { co_return co_await a + b; }
ref<int> nested(int n) { return here().submit<add>(n, 1); }
int look(ref<int> r) { return here().get(r); }
double halve(double x) { return x / 2; }
std::optional<int> maybe(std::optional<int> x) { return x; }
void nothing() {}
struct not_for_others {
  not_for_others(int n) : n_(n) {}

private:
  int n_;
};
int stays(not_for_others) { return 0; }
stream<int> counts(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}
}  // namespace served

namespace {
struct open_runtime : runtime {
  using runtime::runtime;
  detail::domain& domain() const { return *scope::inside(); }
};
// Refs by their place, as a link would number them.
struct known_refs : wire::ref_sink, wire::ref_source {
  std::vector<ref<void>> all;
  std::vector<std::uint64_t> types;
  std::uint64_t index(wire::object* o, const wire::value_codec& type) override {
    o->retain();
    all.push_back(wire::access::adopt<void>(o));
    types.push_back(type.hash);
    return all.size() - 1;
  }
  wire::object* find(std::uint64_t i, const wire::value_codec& type) override {
    if (i >= all.size() || types[i] != type.hash) return nullptr;
    wire::access::get(all[i])->retain();
    return wire::access::get(all[i]);
  }
};

struct written {
  std::string name, types;
  wire::arrived_call call;
};
template <auto F, class... As> written write(As... as) {
  using call = wire::call_for<wire::fixed<F>, As...>;
  const wire::outgoing_call* how = wire::outgoing<call>::call;
  REQUIRE(how);
  const call c{wire::fixed<F>{}, std::move(as)...};
  written w;
  auto refs = std::make_shared<known_refs>();
  {
    encoder to{w.call.bytes, refs.get()};
    how->write(&c, to);
  }
  w.name = how->function().name;
  w.types = how->function().types;
  w.call.refs = refs;
  return w;
}
template <class R> ref<R> serve(const open_runtime& rt, written w) {
  const auto found = wire::find_function(w.name, w.types);
  REQUIRE_MESSAGE(found.function, found.why_not);
  return wire::access::adopt<R>(
      wire::serve(rt.domain(), *found.function, std::move(w.call), nullptr).out);
}
}  // namespace

TEST_CASE("a call that was written in one runtime gives in another what it would have given") {
  test::deadline over;
  export_tasks<served::add, served::length, served::letters, served::shout, served::halve,
               served::maybe, served::nothing>();
  open_runtime rt;
  CHECK(rt.get(serve<int>(rt, write<served::add>(3, 4))) == 7);
  CHECK(rt.get(serve<int>(rt, write<served::add>(short{3}, 'a'))) == 100);
  CHECK(rt.get(serve<std::size_t>(rt, write<served::length>(std::string("abc")))) == 3);
  CHECK(rt.get(serve<std::size_t>(rt, write<served::letters>(std::string("abcd")))) == 4);
  CHECK(rt.get(serve<std::string>(rt, write<served::shout>(served::page{"A", "hey"}))) ==
        "A: hey!");
  CHECK(rt.get(serve<double>(rt, write<served::halve>(-0.5))) == -0.25);
  CHECK(rt.get(serve<std::optional<int>>(rt, write<served::maybe>(std::optional{5}))) == 5);
  rt.get(serve<void>(rt, write<served::nothing>()));
}

TEST_CASE("refs that are arguments arrive as their values, in containers too") {
  test::deadline over;
  export_tasks<served::add, served::sum, served::total, served::shout, served::most>();
  open_runtime home, away;
  auto one = home.put(1), two = home.put(2);
  const std::vector refs{one, two, one};
  CHECK(away.get(serve<int>(away, write<served::add>(one, 4))) == 5);
  CHECK(away.get(serve<int>(away, write<served::sum>(refs))) == 4);
  CHECK(away.get(serve<int>(away, write<served::total>(refs))) == 4);
  CHECK(away.get(serve<int>(away, write<served::total>(std::vector{1, 2}))) == 3);
  CHECK(away.get(serve<std::string>(
            away, write<served::shout>(home.put(served::page{"B", "ho"})))) == "B: ho!");
  CHECK(away.get(serve<int>(away, write<served::most>(std::map<std::string, ref<int>>{
                                      {"a", one}, {"b", two}}))) == 2);
}

TEST_CASE("a served call waits for a ref that has not settled, and fails as its input does") {
  test::deadline over;
  export_tasks<served::add, served::look, served::waits>();
  open_runtime home, away;
  auto later = home.submit<served::add>(home.submit<served::add>(1, 1), 1);
  CHECK(away.get(serve<int>(away, write<served::add>(later, 1))) == 4);
  CHECK(away.get(serve<int>(away, write<served::look>(later))) == 3);
  CHECK(away.get(serve<int>(away, write<served::waits>(later, 5))) == 8);
  auto failed = home.submit<served::fails>(3);
  auto after = serve<int>(away, write<served::add>(failed, 1));
  CHECK_SAYS(away.get(after), task_error, "no 3");
}

TEST_CASE("a served call throws, retries and forwards as any") {
  test::deadline over;
  export_tasks<served::fails, served::nested>();
  open_runtime rt;
  CHECK_SAYS(rt.get(serve<int>(rt, write<served::fails>(7))), task_error, "no 7");
  CHECK(rt.get(serve<int>(rt, write<served::nested>(7))) == 8);
  const auto w = write<served::fails>(1);
  const task_options twice{.retries = 1, .backoff = {.first = duration::zero()}};
  auto tried = wire::access::adopt<int>(
      wire::serve(rt.domain(), *wire::find_function(w.name, w.types).function, w.call, &twice).out);
  CHECK_SAYS(rt.get(tried), task_error, "no 1");
}

TEST_CASE("bytes that are no such call fail its task with what is wrong, and where") {
  test::deadline over;
  export_tasks<served::add>();
  open_runtime rt;
  const auto whole = write<served::add>(3, 4);
  for (std::size_t n = 0; n < whole.call.bytes.size(); ++n) {
    auto part = whole;
    part.call.bytes.resize(n);
    CHECK_THROWS_AS(rt.get(serve<int>(rt, part)), task_error);
  }
  auto more = whole;
  more.call.bytes.push_back(0);
  CHECK_THROWS_AS(rt.get(serve<int>(rt, more)), task_error);
  auto text = write<served::length>(std::string("x"));
  CHECK_SAYS(rt.get(serve<int>(rt, {whole.name, whole.types, text.call})), task_error,
             "a call's arguments");
  CHECK(rt.stats().tasks_unsettled == 0);
}

TEST_CASE("a function is found by its name and its types") {
  export_task<served::halve>("half");
  const std::string types = wire::exported<served::halve>().is.types;
  CHECK(types == "(f64)->f64");
  CHECK(wire::find_function("half", types).function == &wire::exported<served::halve>());
  const auto other = wire::find_function("half", "(f32)->f32");
  CHECK(!other.function);
  CHECK(other.why_not ==
        "function 'half' is (f64)->f64 here, and (f32)->f32 where it was called: both programs "
        "must be built from the same types");
  const auto none = wire::find_function("no_such", types);
  CHECK(!none.function);
  CHECK(none.why_not.find("function 'no_such' is not here: export it") == 0);
  CHECK_SAYS(export_task<served::halve>(""), error, "the name of 'half' is empty");
}

TEST_CASE("two functions of one name are an error that names both") {
  export_task<served::sum>("twice");
  export_task<served::total>("twice");
  CHECK_SAYS(exported_tasks(), error, "two functions are exported as 'twice'");
  CHECK(!wire::find_function("twice", wire::exported<served::sum>().is.types).function);
  export_task<served::total>("served::total");
  export_task<served::sum>("served::sum");
  const auto all = exported_tasks();
  CHECK(std::find(all.begin(), all.end(), "served::total([i32])->i32") != all.end());
}

TEST_CASE("what has no codec, gives a stream or is a lambda stays on its node") {
  CHECK(!wire::travels<served::stays>::value);
  CHECK(!wire::travels<served::counts>::value);
  auto lambda = [](int n) { return n; };
  CHECK(!wire::outgoing<wire::call<decltype(lambda), int>>::call);
  CHECK(wire::outgoing<wire::call<wire::fixed<served::add>, int, int>>::call);
}
