// SPDX-License-Identifier: MIT
#include <troupe/app/key.hpp>

#include <algorithm>

namespace troupe::app {
namespace {

// "__" parts section from key in the name of an environment variable.
void demand_name(const std::string& name, const std::string& where) {
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!letters || name.empty() || name.front() < 'a' || name.back() == '_' ||
      name.find("__") != name.npos)
    throw std::logic_error(where + ": '" + name + "' is no name: use [a-z][a-z0-9_]*, no '__'");
}

std::vector<const workflow*>& registered() {
  static std::vector<const workflow*> all;
  return all;
}

}  // namespace

const value& settings::at(const key_spec& spec) const {
  const auto found = values_.find(&spec);
  if (found == values_.end())
    throw std::logic_error(spec.path() + ": this key belongs to no workflow of this program");
  return found->second;
}

section::section(std::string name, std::string help)
    : name_(std::move(name)),
      help_(std::move(help)) {
  demand_name(name_, "section");
}

key_spec& section::add(std::string name, kind type, value initial, std::string help) {
  demand_name(name, name_);
  for (const auto& k : keys_)
    if (k->name == name) throw std::logic_error(k->path() + ": declared twice");
  keys_.push_back(std::make_unique<key_spec>());
  auto& spec = *keys_.back();
  spec.section = name_;
  spec.name = std::move(name);
  spec.help = std::move(help);
  spec.type = type;
  spec.initial = std::move(initial);
  return spec;
}

key<std::string> section::text(std::string name, std::string initial, std::string help) {
  return key<std::string>(add(std::move(name), kind::text, std::move(initial), std::move(help)));
}

key<std::int64_t> section::integer(std::string name, std::int64_t initial, std::string help) {
  return key<std::int64_t>(add(std::move(name), kind::integer, initial, std::move(help)));
}

key<double> section::number(std::string name, double initial, std::string help) {
  return key<double>(add(std::move(name), kind::number, initial, std::move(help)));
}

key<bool> section::boolean(std::string name, bool initial, std::string help) {
  return key<bool>(add(std::move(name), kind::boolean, initial, std::move(help)));
}

key<std::chrono::nanoseconds> section::duration(std::string name, std::chrono::nanoseconds initial,
                                                std::string help) {
  auto& spec = add(std::move(name), kind::duration, initial, std::move(help));
  return key<std::chrono::nanoseconds>(spec).unit("s");
}

key<std::uint64_t> section::size(std::string name, std::uint64_t initial, std::string help) {
  return key<std::uint64_t>(add(std::move(name), kind::size, initial, std::move(help))).unit("B");
}

key<std::vector<std::string>> section::list(std::string name, std::vector<std::string> initial,
                                            std::string help) {
  auto& spec = add(std::move(name), kind::list, std::move(initial), std::move(help));
  return key<std::vector<std::string>>(spec);
}

workflow::workflow(std::string name, std::string help, run_function run, check_function check)
    : section(std::move(name), std::move(help)),
      run_(std::move(run)) {
  section::check(std::move(check));
  for (const auto* other : registered())
    if (other->name() == this->name())
      throw std::logic_error("two workflows are called '" + this->name() + "'");
  if (this->name() == "workflow" || this->name() == "runtime")
    throw std::logic_error("'" + this->name() + "' is the name of a section for every workflow");
  registered().push_back(this);
}

workflow::~workflow() { std::erase(registered(), this); }

std::vector<const workflow*> workflows() {
  auto all = registered();
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->name() < b->name(); });
  return all;
}

}  // namespace troupe::app
