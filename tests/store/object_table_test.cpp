// SPDX-License-Identifier: MIT
#include "store/object_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace troupe::detail;

namespace {
enum event { put, watch, drop };
constexpr outcome::kind kinds[] = {outcome::value, outcome::alias, outcome::failure};
}  // namespace

TEST_CASE(
    "in every order of put, watch and drop the resolver is told once and the value is reaped "
    "once") {
  for (const auto kind : kinds)
    for (unsigned chosen = 0; chosen < 8; ++chosen) {
      std::vector<event> order;
      for (unsigned e = 0; e < 3; ++e)
        if (chosen >> e & 1) order.push_back(static_cast<event>(e));
      do {
        // who asks refers to the object, so no watch comes after the drop
        if (std::find(std::find(order.begin(), order.end(), drop), order.end(), watch) !=
            order.end())
          continue;
        object_table table;
        store_entry entry;
        int told = 0, reaped = 0;
        const char value = 'v';
        for (const event e : order) {
          CHECK(reaped == 0);  // it is the last event
          const auto effects = e == put     ? table.put(entry, {kind, &value})
                               : e == watch ? table.watch(entry)
                                            : table.drop(entry);
          told += effects.tell;
          reaped += effects.reap;
        }
        const bool was_put = chosen >> put & 1, watched = chosen >> watch & 1,
                   dropped = chosen >> drop & 1;
        CHECK(told == (was_put && watched));
        CHECK(reaped == (was_put && dropped));
        CHECK((entry.present != 0) == was_put);
        CHECK((entry.watched != 0) == watched);
        CHECK((entry.dropped != 0) == dropped);
        CHECK((entry.failed != 0) == (was_put && kind == outcome::failure));
        CHECK((entry.aliased != 0) == (was_put && kind == outcome::alias));
        CHECK(entry.value == (was_put ? &value : nullptr));
        CHECK(table.counts().puts == was_put);
        CHECK(table.counts().watches == watched);
        CHECK(table.counts().drops == dropped);
        CHECK(table.counts().gone == static_cast<std::size_t>(reaped));
      } while (std::next_permutation(order.begin(), order.end()));
    }
}

TEST_CASE("the events of many objects, shuffled, add up") {
  struct object {
    store_entry entry;
    int told = 0, reaped = 0;
  };
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random{seed};
    std::vector<object> objects(300);
    std::vector<std::pair<object*, event>> all;
    std::size_t puts = 0, watches = 0, drops = 0;
    for (auto& o : objects) {
      if (random() % 8) all.emplace_back(&o, put), ++puts;
      if (random() % 2) all.emplace_back(&o, watch), ++watches;
      else if (random() % 4) all.emplace_back(&o, drop), ++drops;
    }
    std::shuffle(all.begin(), all.end(), random);
    object_table table;
    std::size_t gone = 0;
    for (auto [o, e] : all) {
      const auto effects = e == put     ? table.put(o->entry, {kinds[random() % 3], o})
                           : e == watch ? table.watch(o->entry)
                                        : table.drop(o->entry);
      o->told += effects.tell;
      o->reaped += effects.reap;
      gone += effects.reap;
      REQUIRE(table.counts().gone == gone);
    }
    for (auto& o : objects) {
      REQUIRE(o.told == (o.entry.present && o.entry.watched));
      REQUIRE(o.reaped == (o.entry.present && o.entry.dropped));
    }
    CHECK(table.counts().puts == puts);
    CHECK(table.counts().watches == watches);
    CHECK(table.counts().drops == drops);
  }
}
