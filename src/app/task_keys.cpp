// SPDX-License-Identifier: MIT
#include "app/task_keys.hpp"

#include <algorithm>

#include "app/config.hpp"
#include "app/resources.hpp"
#include "app/text.hpp"
#include "app/value.hpp"

namespace troupe::app {
namespace {

constexpr std::int64_t most_retries = 1'000'000, most_priority = 1'000'000;

std::string there_are(const std::string& name, const std::vector<std::string>& known,
                      const std::string& what) {
  return known.empty() ? "; [runtime] has no " + what : suggestion(name, known, what);
}

void check_resources(const task_keys& k, const settings& values, complaints& wrong) {
  const auto has = parse_resources(values[common().resources]);
  resource_map asks;
  try {
    asks = parse_resources(values[k.resources]);
  } catch (const bad_value& e) { return wrong.about(k.resources, e.what()); }
  std::vector<std::string> names;
  for (const auto& r : has) names.push_back(r.first);
  for (const auto& [name, amount] : asks) {
    const auto found = has.find(name);
    if (found == has.end())
      wrong.about(k.resources, quoted(name) + " is not in runtime.resources" +
                                   there_are(name, names, "resources"));
    else if (amount > found->second)
      wrong.about(k.resources, "asks for more than the " + resource_items({*found}).front() +
                                   " of runtime.resources");
  }
}

void check_labels(const task_keys& k, const settings& values, complaints& wrong) {
  const auto& has = values[common().labels];
  for (const auto& label : values[k.labels])
    if (std::find(has.begin(), has.end(), label) == has.end())
      wrong.about(k.labels,
                  quoted(label) + " is not in runtime.labels" + there_are(label, has, "labels"));
}

}  // namespace

task_keys section::task(const std::string& kind, task_options initial, const std::string& help) {
  const retry_backoff& wait = initial.backoff;
  if (initial.name.empty()) initial.name = kind;
  const auto as = [&](const char* what) { return kind + "_" + what; };
  const auto says = [&](const char* what) { return help + ": " + what; };
  const key<std::int64_t> retries =
      integer(as("retries"), initial.retries, says("tries after one that failed"))
          .at_least(0)
          .at_most(most_retries);
  const key<troupe::duration> first =
      duration(as("backoff_first"), wait.first, says("the wait before the second try"));
  const key<double> factor =
      number(as("backoff_factor"), wait.factor, says("each later wait is so many times as long"))
          .at_least(1)
          .at_most(1000);
  const key<troupe::duration> most =
      duration(as("backoff_most"), wait.most, says("the longest wait"));
  const key<troupe::duration> deadline =
      duration(as("deadline"), initial.deadline,
               says("an error if not done so long after its submit; 0: none"));
  const key<std::int64_t> priority =
      integer(as("priority"), initial.priority,
              says("higher goes first; a level is worth 100 ms of waiting"))
          .at_least(-most_priority)
          .at_most(most_priority);
  const auto resources = list(as("resources"), resource_items(initial.resources),
                              says("what it needs of runtime.resources, as in gpu 0.5"))
                             .may_be_empty();
  const auto labels =
      list(as("labels"), initial.labels, says("what it requires of runtime.labels")).may_be_empty();
  tasks_.push_back(
      {retries, first, factor, most, deadline, priority, resources, labels, std::move(initial)});
  return tasks_.back();
}

task_options settings::operator[](const task_keys& k) const {
  const settings& values = *this;
  task_options asks = k.rest;
  asks.retries = static_cast<unsigned>(values[k.retries]);
  asks.backoff = {values[k.backoff_first], values[k.backoff_factor], values[k.backoff_most]};
  asks.deadline = values[k.deadline];
  asks.priority = static_cast<int>(values[k.priority]);
  asks.resources = parse_resources(values[k.resources]);
  asks.labels = values[k.labels];
  return asks;
}

void check_tasks(const section& of, const settings& values, complaints& wrong) {
  for (const auto& k : of.tasks()) {
    check_resources(k, values, wrong);
    check_labels(k, values, wrong);
  }
}

}  // namespace troupe::app
