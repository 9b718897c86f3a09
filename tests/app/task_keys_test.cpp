// SPDX-License-Identifier: MIT
#include "app/config.hpp"
#include "app/listing.hpp"
#include "app/resources.hpp"

#include <stdexcept>

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

using namespace std::chrono_literals;

struct crawler {
  workflow crawl{"crawl", "Crawls.", {}};
  key<std::chrono::nanoseconds> fetch = crawl.duration("fetch", 1s, "");
  task_keys fetching = crawl.task("fetch",
                                  {.retries = 2,
                                   .backoff = {.first = 250ms},
                                   .retry_on = errors<std::runtime_error>(),
                                   .deadline = 1min,
                                   .priority = -1,
                                   .resources = {{"net", 0.25}},
                                   .blocking = true,
                                   .stream_buffer = 7},
                                  "fetching a page");
  task_keys parsing = crawl.task("parse", {.name = "reader"}, "parsing it");

  configuration read(const std::string& text) const {
    return read_config(
        {.file = std::string(1, 'f'), .text = "[runtime]\nresources = net 1\n" + text}, {&crawl});
  }
  std::string told_of(const std::string& text) const {
    std::string result;
    for (const auto& e : read(text).errors) result += e.text() + "\n";
    return result;
  }
};

TEST_CASE_FIXTURE(crawler, "a task asks for what its workflow gives by default") {
  const auto config = read("");
  REQUIRE(config.errors.empty());
  const task_options asks = config.values[fetching];
  CHECK(asks.name == "fetch");
  CHECK(asks.retries == 2);
  CHECK(asks.backoff.first == 250ms);
  CHECK(asks.backoff.factor == 2);
  CHECK(asks.backoff.most == 30s);
  CHECK(asks.deadline == 1min);
  CHECK(asks.priority == -1);
  CHECK(asks.resources == resource_map{{"net", 0.25}});
  CHECK(asks.labels.empty());
  CHECK(config.values[parsing].name == "reader");
}

TEST_CASE_FIXTURE(crawler, "what has no key is as the workflow gives it") {
  const auto config = read("[crawl]\nfetch_retries = 9\n");
  const task_options asks = config.values[fetching];
  CHECK((asks.retry_on == errors<std::runtime_error>()));
  CHECK(asks.blocking);
  CHECK(asks.stream_buffer == 7);
}

TEST_CASE_FIXTURE(crawler, "a file says what a task may ask for") {
  const auto config = read(
      "labels = fast, linux\n[crawl]\nfetch_retries = 5\nfetch_backoff_first = 10 ms\n"
      "fetch_backoff_factor = 1.5\nfetch_backoff_most = 1\nfetch_deadline = 0\n"
      "fetch_priority = 3\nfetch_resources = net 0.5\nfetch_labels = fast\n");
  REQUIRE(config.errors.empty());
  const task_options asks = config.values[fetching];
  CHECK(asks.retries == 5);
  CHECK(asks.backoff.first == 10ms);
  CHECK(asks.backoff.factor == 1.5);
  CHECK(asks.backoff.most == 1s);
  CHECK(asks.deadline == 0s);
  CHECK(asks.priority == 3);
  CHECK(asks.resources == resource_map{{"net", 0.5}});
  CHECK(asks.labels == std::vector<std::string>{"fast"});
  CHECK(config.values[parsing].retries == 0);
}

TEST_CASE_FIXTURE(crawler, "what a task may not ask for is told where it stands") {
  CHECK(told_of("[crawl]\nfetch_retries = -1\nfetch_backoff_factor = 0.5\nfetch_deadline = -1 s\n"
                "fetch_priority = high\nfetch_retry = 1\n") ==
        "f:4: crawl.fetch_retries: '-1' is less than 0, the least\n"
        "f:5: crawl.fetch_backoff_factor: '0.5' is less than 1, the least\n"
        "f:6: crawl.fetch_deadline: '-1 s' is negative\n"
        "f:7: crawl.fetch_priority: 'high' is not an integer (a whole number, as in 42)\n"
        "f:8: crawl.fetch_retry: unknown key (did you mean fetch_retries or fetch?)\n");
}

TEST_CASE_FIXTURE(crawler, "resources that the runtime cannot give are told where they stand") {
  CHECK(told_of("[crawl]\nfetch_resources = nett 0.5\n") ==
        "f:4: crawl.fetch_resources: 'nett' is not in runtime.resources (did you mean net?)\n");
  CHECK(told_of("[crawl]\nfetch_resources = gpu 1, net 2\nparse_resources = net\n") ==
        "f:4: crawl.fetch_resources: 'gpu' is not in runtime.resources (resources are: net)\n"
        "f:4: crawl.fetch_resources: asks for more than the net 1 of runtime.resources\n"
        "f:5: crawl.parse_resources: 'net' is not a name and an amount (gpu 2)\n");
  CHECK(told_of("[crawl]\nfetch_resources = \"\"\n").empty());
}

TEST_CASE_FIXTURE(crawler, "labels that the runtime does not have are told where they stand") {
  CHECK(told_of("[crawl]\nparse_labels = fast\n") ==
        "f:4: crawl.parse_labels: 'fast' is not in runtime.labels; [runtime] has no labels\n");
  CHECK(told_of("labels = fast\n[crawl]\nparse_labels = fats\n") ==
        "f:5: crawl.parse_labels: 'fats' is not in runtime.labels (did you mean fast?)\n");
}

TEST_CASE_FIXTURE(crawler, "only the tasks of the chosen workflow are held to the runtime") {
  workflow other{"other", "", {}};
  (void)other.task("run", {.resources = {{"gpu", 1}}}, "");
  const auto config =
      read_config({.file = "f", .text = "[workflow]\nname = crawl\n[runtime]\nresources = net 1\n"},
                  {&crawl, &other});
  CHECK(config.errors.empty());
}

TEST_CASE_FIXTURE(crawler, "a default that the runtime cannot give is told at the section") {
  const auto config = read_config({.file = "f", .text = "[crawl]\nfetch = 1\n"}, {&crawl});
  REQUIRE(config.errors.size() == 1);
  CHECK(
      config.errors[0].text() ==
      "f:1: crawl.fetch_resources: 'net' is not in runtime.resources; [runtime] has no resources");
}

TEST_CASE_FIXTURE(crawler, "a list shows the keys of a kind of task") {
  const auto text = list_text({&crawl});
  for (const auto* part :
       {"fetch_retries        = 2         fetching a page: tries after one that failed "
        "(integer, 0 to 1000000)",
        "fetch_backoff_first  = 0.25 s ", "fetch_backoff_factor = 2 ",
        "fetch_backoff_most   = 30 s ", "fetch_deadline       = 60 s ",
        "fetch_priority       = -1 ", "fetch_resources      = net 0.25 ",
        "parse_labels         = (empty) "})
    CHECK_MESSAGE(text.find(part) != text.npos, part << "\n" << text);
}

TEST_CASE_FIXTURE(crawler, "a kind of task is declared once, by a name") {
  CHECK_THROWS_AS((void)crawl.task("fetch", {}, ""), std::logic_error);
  CHECK_THROWS_AS((void)crawl.task("Fetch", {}, ""), std::logic_error);
}

TEST_CASE("resources are written as they are read") {
  const resource_map some{{"fast disk", 0.25}, {"gpu", 2}, {"mem", 123456789.0001}};
  CHECK(parse_resources(resource_items(some)) == some);
  CHECK(resource_items({{"gpu", 0.5}}) == std::vector<std::string>{"gpu 0.5"});
}

}  // namespace
}  // namespace troupe::app
