// SPDX-License-Identifier: MIT
// The logs of several nodes as one, from logs that are written by hand.
#include "seeing/merged_log.hpp"

#include "seeing/record.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace troupe::detail;

namespace {
constexpr std::uint32_t a_name = 0, b_name = 1, of_a = 2, of_b = 3;

// A tick is a nanosecond of the reader's clock, but so much later.
recording log_of(const std::string& id, std::initializer_list<log_event> events,
                 std::int64_t later = 0) {
  recording r;
  r.ids = {id};
  r.name = id;
  r.times = {1000, 2000, 1000 + later, 2000 + later};
  r.lanes = {"worker 1", "", "other threads"};
  r.names = {"a", "b", "node a", "node b"};
  for (const auto& e : events) {
    auto chunk = r.events.empty_chunk();
    chunk->events[0] = e;
    chunk->size = 1;
    r.events.add(e.lane, chunk);
  }
  return r;
}
log_event at(std::int64_t when, log_event::kind is, std::uint64_t task, std::uint64_t other = 0,
             std::uint32_t number = 0, std::uint16_t lane = 0) {
  return {when, task, other, number, lane, is};
}
std::vector<log_event> all_of(merged_log& l) {
  std::vector<log_event> all;
  l.each([&](const log_event& e) { all.push_back(e); });
  return all;
}
}  // namespace

TEST_CASE("one log is read as it is, the lanes by their times") {
  merged_log l(
      log_of("node a", {at(1001, log_event::submit, 7, 0, b_name), at(1005, log_event::begin, 7),
                        at(1002, log_event::put, 0, 99, 0, 2), at(1009, log_event::settle, 7)}));
  const auto all = all_of(l);
  REQUIRE(all.size() == 4);
  CHECK(all[0].is == log_event::submit);
  CHECK(all[0].at == 1);
  CHECK(l.name(all[0].number) == "b");
  CHECK(all[1].is == log_event::put);
  CHECK(all[1].lane == 2);
  CHECK(all[3].at == 9);
  CHECK(l.count() == 4);
}

TEST_CASE("a task that another node ran is one task, and its children have its number as parent") {
  merged_log l(
      log_of("node a", {at(1001, log_event::submit, 5, 0, a_name), at(1001, log_event::out, 5, 50),
                        at(1002, log_event::sent, 5, 77, of_b), at(1050, log_event::settle, 5),
                        at(1051, log_event::end, 5)}),
      [] {
        std::vector<recording> others;
        others.push_back(log_of(
            "node b",
            {at(510, log_event::submit, 3, 0, b_name), at(510, log_event::out, 3, 50),
             at(511, log_event::served, 3, 77, of_a), at(512, log_event::begin, 3),
             at(513, log_event::submit, 4, 3, a_name), at(513, log_event::out, 4, 60),
             at(514, log_event::input, 4, 50), at(520, log_event::begin, 4, 3),
             at(521, log_event::settle, 4), at(522, log_event::end, 4),
             at(523, log_event::settle, 3), at(524, log_event::end, 3),
             at(525, log_event::submit, 8, 0, a_name), at(526, log_event::begin, 8),
             at(527, log_event::submit, 9, 0, a_name), at(528, log_event::served, 9, 78, of_a)},
            500));
        return others;
      }());
  const auto all = all_of(l);
  std::uint64_t child = 0;
  int submits = 0, ends = 0;
  for (const auto& e : all) {
    if (e.is == log_event::submit) ++submits;
    if (e.is == log_event::submit && e.task != 5) {
      child = e.task;
      CHECK(e.other == 5);
      CHECK(e.at == 13);  // by the clock of a
    }
    if (e.is == log_event::end) ++ends;
    CHECK((e.task == 5 || e.task == child || e.task == 0));
  }
  CHECK(submits == 2);  // not of b's own program, nor of an attempt that nobody here has sent
  CHECK(ends == 2);
  CHECK(child != 0);
  CHECK(child != 4);
  CHECK(l.lanes().size() == 6);
  record r = read_record(l, "it");
  REQUIRE(r.tasks.size() == 2);
  CHECK(r.tasks[0].begun == 12);
  CHECK(r.tasks[0].settled == 50);
  CHECK(r.tasks[1].parent == 0);
  CHECK(r.lanes[3] == "node b: worker 1");
}

TEST_CASE("a ref that is given on has the maker that its own node knows") {
  merged_log l(
      log_of("node a",
             {at(1001, log_event::submit, 5, 0, a_name), at(1001, log_event::out, 5, 50),
              at(1002, log_event::lent, 900, 50), at(1003, log_event::submit, 6, 0, a_name),
              at(1004, log_event::sent, 6, 77, of_b)}),
      [] {
        std::vector<recording> others;
        others.push_back(log_of(
            "node b",
            {at(1000, log_event::submit, 3, 0, b_name),  // its clock goes wrong
             at(1000, log_event::served, 3, 77, of_a), at(1000, log_event::borrowed, 900, 80, of_a),
             at(1001, log_event::awaits, 3, 80), at(1002, log_event::borrowed, 901, 81, of_a),
             at(1003, log_event::awaits, 3, 81)}));
        return others;
      }());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> made, awaited;  // address, task
  for (const auto& e : all_of(l)) {
    if (e.is == log_event::out && e.other != 50) made.emplace_back(e.other, e.task);
    if (e.is == log_event::awaits) awaited.emplace_back(e.other, e.task);
  }
  REQUIRE(made.size() == 1);
  REQUIRE(awaited.size() == 2);
  CHECK(made[0].second == 5);
  CHECK(awaited[0] == std::pair(made[0].first, std::uint64_t{6}));
}

TEST_CASE("whatever other nodes say, it can be read, and the times ascend") {
  std::mt19937 random{1};
  for (int round = 0; round < 300; ++round) {
    std::vector<recording> all;
    for (int node = 0; node < 4; ++node) {
      recording r = log_of("node " + std::string(1, static_cast<char>('a' + node)), {});
      r.names.push_back("node c");
      std::int64_t when = 1000;
      for (int i = 0; i < 40; ++i) {
        auto chunk = r.events.empty_chunk();
        when += random() % 3;
        chunk->events[0] =
            at(when, static_cast<log_event::kind>(random() % (log_event::pulled + 1)), random() % 8,
               random() % 8, random() % 8, static_cast<std::uint16_t>(random() % 3));
        chunk->size = 1;
        r.events.add(chunk->events[0].lane, chunk);
      }
      all.push_back(std::move(r));
    }
    recording own = std::move(all.front());
    all.erase(all.begin());
    merged_log l(std::move(own), std::move(all));
    std::int64_t last = 0;
    l.each([&](const log_event& e) {
      REQUIRE(e.at >= last);
      REQUIRE(e.lane < l.lanes().size());
      last = e.at;
      if (e.is == log_event::submit) (void)l.name(e.number);
    });
    (void)read_record(l, "it");
  }
}
