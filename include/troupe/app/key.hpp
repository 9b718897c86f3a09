// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/options.hpp>

// What a config file may say: sections of typed keys. A key is declared once, as an object, and
// read through that object, so that a mistyped name is a compile error and not a surprise.
namespace troupe::app {

class context;

enum class kind { text, integer, number, boolean, duration, size, list, choice };

using value = std::variant<std::string, std::int64_t, double, bool, std::chrono::nanoseconds,
                           std::uint64_t, std::vector<std::string>>;

struct key_spec {
  std::string section, name, help;
  kind type;
  value initial;
  std::string unit;                  // of a plain number: "s", "ms", "B", or a word for people
  std::optional<value> least, most;  // both inclusive
  std::vector<std::string> choices;  // of a choice
  bool may_be_empty = false;         // of a text or a list

  std::string path() const { return section + "." + name; }
};

template <class T> class key {
public:
  explicit key(key_spec& spec) : spec_(&spec) {}

  key at_least(T least) const { return spec_->least = std::move(least), *this; }
  key at_most(T most) const { return spec_->most = std::move(most), *this; }
  key unit(std::string name) const { return spec_->unit = std::move(name), *this; }
  key may_be_empty() const { return spec_->may_be_empty = true, *this; }

  const key_spec& spec() const { return *spec_; }

private:
  key_spec* spec_;
};

// A key whose words stand for values: text and json, say, for two values of an enum.
template <class T> class choice_key {
public:
  choice_key(const key_spec& spec, std::map<std::string, T> meaning)
      : spec_(&spec),
        meaning_(std::move(meaning)) {}

  const key_spec& spec() const { return *spec_; }
  const T& meaning(const std::string& word) const { return meaning_.at(word); }

private:
  const key_spec* spec_;
  std::map<std::string, T> meaning_;
};

// The keys of a kind of task, as section::task declares them.
struct task_keys {
  key<std::int64_t> retries;
  key<duration> backoff_first;
  key<double> backoff_factor;
  key<duration> backoff_most;
  key<duration> deadline;
  key<std::int64_t> priority;
  key<std::vector<std::string>> resources, labels;
  task_options rest;  // what has no key
};

// The values of all keys, after every check.
class settings {
public:
  template <class T> const T& operator[](const key<T>& k) const {
    return std::get<T>(at(k.spec()));
  }
  template <class T> const T& operator[](const choice_key<T>& k) const {
    return k.meaning(std::get<std::string>(at(k.spec())));
  }
  task_options operator[](const task_keys& k) const;
  const value& at(const key_spec& spec) const;
  void set(const key_spec& spec, value v) { values_[&spec] = std::move(v); }

private:
  std::map<const key_spec*, value> values_;
};

// Where a check of several keys says what is wrong; the app adds where the value came from.
class complaints {
public:
  template <class Key> void about(const Key& k, std::string reason) {
    list_.emplace_back(&k.spec(), std::move(reason));
  }
  const std::vector<std::pair<const key_spec*, std::string>>& list() const { return list_; }

private:
  std::vector<std::pair<const key_spec*, std::string>> list_;
};

// A section and its keys. Names are [a-z][a-z0-9_]*; a second key of one name, or a name that
// cannot be written in a config file, throws std::logic_error when it is declared.
class section {
public:
  section(std::string name, std::string help);
  section(const section&) = delete;
  section& operator=(const section&) = delete;

  key<std::string> text(std::string name, std::string initial, std::string help);
  key<std::int64_t> integer(std::string name, std::int64_t initial, std::string help);
  key<double> number(std::string name, double initial, std::string help);
  key<bool> boolean(std::string name, bool initial, std::string help);
  // Of a plain number in a file the unit is the second; see key::unit. Never negative.
  key<std::chrono::nanoseconds> duration(std::string name, std::chrono::nanoseconds initial,
                                         std::string help);
  key<std::uint64_t> size(std::string name, std::uint64_t initial, std::string help);
  key<std::vector<std::string>> list(std::string name, std::vector<std::string> initial,
                                     std::string help);
  // The first of the words is the default.
  template <class T> choice_key<T> choice(std::string name,
                                          std::vector<std::pair<std::string, T>> words,
                                          std::string help) {
    if (words.empty()) throw std::logic_error(name_ + "." + name + ": a choice of nothing");
    auto& spec = add(std::move(name), kind::choice, words.front().first, std::move(help));
    std::map<std::string, T> meaning;
    for (auto& [word, value] : words) {
      spec.choices.push_back(word);
      meaning.emplace(word, std::move(value));
    }
    return {spec, std::move(meaning)};
  }

  // What the tasks of a kind may ask for, as keys: KIND_retries, KIND_backoff_first, _factor and
  // _most, KIND_deadline, KIND_priority, KIND_resources and KIND_labels. Their defaults are those of
  // `initial`; what has no key (retry_on, blocking, ...) is as it is there, and the tasks are called
  // KIND unless it has a name. `help` says what such a task does ("fetching a source").
  //   const auto fetching = crawler.task("fetch", {.retries = 2}, "fetching a page");
  //   app.rt().with(app[fetching]).submit<fetch>(url);
  // Resources and labels that [runtime] does not have are errors of the config.
  task_keys task(const std::string& kind, task_options initial, const std::string& help);

  using check_function = std::function<void(const settings&, complaints&)>;
  void check(check_function f) { check_ = std::move(f); }
  void run_check(const settings& s, complaints& c) const {
    if (check_) check_(s, c);
  }

  const std::string& name() const { return name_; }
  const std::string& help() const { return help_; }
  const std::vector<std::unique_ptr<key_spec>>& keys() const { return keys_; }
  const std::vector<task_keys>& tasks() const { return tasks_; }

private:
  key_spec& add(std::string name, kind type, value initial, std::string help);

  std::string name_, help_;
  std::vector<std::unique_ptr<key_spec>> keys_;
  std::vector<task_keys> tasks_;
  check_function check_;
};

// A workflow is the section of its keys, named like it, and the function to run. Declaring one at
// namespace scope makes it known to the app; it is forgotten when it is destroyed. The check, if
// there is one, sees the values when each is right by itself, and says which do not go together.
class workflow : public section {
public:
  using run_function = std::function<void(context&)>;

  workflow(std::string name, std::string help, run_function run, check_function check = {});
  ~workflow();

  void run(context& c) const { run_(c); }

private:
  run_function run_;
};

// Every workflow that is declared, by name.
std::vector<const workflow*> workflows();

}  // namespace troupe::app
