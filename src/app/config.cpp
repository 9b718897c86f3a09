// SPDX-License-Identifier: MIT
#include "app/config.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include <boost/program_options.hpp>

#include <troupe/error.hpp>

#include "app/ini.hpp"
#include "app/resources.hpp"
#include "app/task_keys.hpp"
#include "app/text.hpp"
#include "app/value.hpp"
#include "net/endpoint.hpp"
#include "runtime/settings.hpp"

//   the file's text --read_ini--> entries and errors --masked--> Boost's INI parser --+
//   --set, --workers -----------------------------------------------------------------+--> store
//   TROUPE_ variables ----------------------------------------------------------------+
// The first of command line, environment and file that has a key wins.
namespace troupe::app {

namespace po = boost::program_options;

// What Boost.Program_options keeps for a key: its text, and who said so.
struct given {
  std::string text, origin;
};

void validate(boost::any& result, const std::vector<std::string>& tokens, given*, int) {
  result = given{tokens.at(0), tokens.at(1)};
}

namespace {

constexpr std::string_view prefix = "TROUPE_";
// Every program of the library reads these; here they are other names of two keys.
const auto& library_variables() {
  static const std::map<std::string, const key_spec*, std::less<>> all{
      {"TROUPE_WORKERS", &common().workers.spec()},
      {"TROUPE_STACK_SIZE", &common().stack_size.spec()},
      {"TROUPE_TRACE", &common().trace.spec()},
      {"TROUPE_GRAPH", &common().graph.spec()},
      {"TROUPE_REPORT", &common().report.spec()}};
  return all;
}

// Boost's parser cuts at '#' and trims blanks; control characters are free, read_ini refuses them.
constexpr std::string_view tender = "# \t";

std::string swapped(std::string text, bool mask) {
  for (char& c : text) {
    const auto at = tender.find(c);
    if (mask && at != tender.npos) c = static_cast<char>(at + 1);
    if (!mask && c >= 1 && c <= 3) c = tender[static_cast<std::size_t>(c - 1)];
  }
  return text;
}

class composer {
public:
  composer(const config_request& request, const std::vector<const workflow*>& known)
      : request_(request),
        known_(known),
        sections_(sections(known)) {
    for (const auto* s : sections_)
      for (const auto& k : s->keys()) {
        specs_.emplace(k->path(), k.get());
        options_.add_options()(k->path().c_str(), po::value<given>());
      }
  }

  configuration compose() {
    read_file();
    from_environment_ = add_environment();
    from_command_line_ = add_command_line();
    po::variables_map chosen;
    for (const auto* source : {&from_command_line_, &from_environment_, &from_file_})
      po::store(parsed(*source), chosen);
    fill(chosen);
    if (request_.purpose == config_request::a_run ||
        (request_.purpose == config_request::either && !is_a_nodes()))
      choose();
    if (result_.errors.empty()) check_together();
    return std::move(result_);
  }

private:
  using entries = std::map<std::string, given>;  // by "section.key"

  void complain(std::string origin, std::string key, std::string reason) {
    result_.errors.push_back({std::move(origin), std::move(key), std::move(reason)});
  }

  std::string at_line(std::size_t line) const { return request_.file + ":" + std::to_string(line); }

  // One value from anywhere: known and right, or a complaint. Only the right ones are stored.
  void add(entries& to, const std::string& section, const std::string& name, given g) {
    const auto path = section + "." + name;
    const auto found = specs_.find(path);
    if (found == specs_.end()) return complain(g.origin, path, unknown_key(section, name));
    try {
      parse_value(*found->second, g.text);
      to.insert_or_assign(path, std::move(g));
    } catch (const bad_value& e) { complain(g.origin, path, e.what()); }
  }

  std::string unknown_key(const std::string& section, const std::string& name) const {
    const auto* s = find_section(section);
    if (s == nullptr) return "unknown section" + suggestion(section, section_names(), "sections");
    std::vector<std::string> names, elsewhere;
    for (const auto& k : s->keys()) names.push_back(k->name);
    if (near_names(name, names).empty())
      for (const auto& [path, spec] : specs_)
        if (spec->name == name) elsewhere.push_back(path);
    if (!elsewhere.empty()) return "unknown key (did you mean " + join(elsewhere, " or ") + "?)";
    return "unknown key" + suggestion(name, names, "keys");
  }

  const section* find_section(const std::string& name) const {
    const auto found = std::find_if(sections_.begin(), sections_.end(),
                                    [&](const auto* s) { return s->name() == name; });
    return found == sections_.end() ? nullptr : *found;
  }

  std::vector<std::string> section_names() const {
    std::vector<std::string> names;
    for (const auto* s : sections_) names.push_back(s->name());
    return names;
  }

  void read_file() {
    auto document = read_ini(request_.text, request_.file);
    result_.errors = std::move(document.errors);
    for (const auto& s : document.sections) {
      lines_.emplace(s.name, s.line);
      if (!find_section(s.name))
        complain(at_line(s.line), "[" + s.name + "]",
                 "unknown section" + suggestion(s.name, section_names(), "sections"));
    }
    std::erase_if(document.entries, [&](const auto& e) { return !find_section(e.section); });
    std::stringstream clean;
    for (const auto& e : document.entries)
      clean << e.section << '.' << e.key << '=' << swapped(e.text, true) << '\n';
    const auto options = po::parse_config_file(clean, options_, true).options;
    for (std::size_t i = 0; i < options.size(); ++i) {
      const auto& e = document.entries.at(i);  // one option a line, in order
      add(from_file_, e.section, e.key, {swapped(options[i].value.at(0), false), at_line(e.line)});
    }
  }

  entries add_environment() {
    std::map<std::string, const key_spec*> variables;
    std::vector<std::string> names;
    for (const auto& [path, spec] : specs_) {
      variables.emplace(variable_name(*spec), spec);
      names.push_back(variable_name(*spec));
    }
    for (const auto& [name, spec] : library_variables()) variables.emplace(name, spec);
    entries result;
    for (const auto& [name, text] : request_.environment) {
      if (const auto found = variables.find(name); found != variables.end()) {
        if (library_variables().contains(name) && result.contains(found->second->path())) continue;
        add(result, found->second->section, found->second->name, {text, name});
      } else if (const auto section =
                     lower(name.substr(prefix.size(), name.find("__") - prefix.size()));
                 find_section(section) || !near_names(section, section_names()).empty()) {
        // Others may well be for another program made with this library.
        complain(is_printable(name) ? name : quoted(name), "",
                 "no key has this variable" + suggestion(name, names, "variables"));
      }
    }
    return result;
  }

  entries add_command_line() {
    entries result;
    for (const auto& set : request_.sets) {
      const auto equals = set.find('=');
      const auto path = std::string(trim(std::string_view(set).substr(0, equals)));
      const auto dot = path.find('.');
      if (equals == set.npos || dot == path.npos || !is_printable(path)) {
        complain("--set " + quoted(set), "", "is not section.key=value");
        continue;
      }
      add(result, path.substr(0, dot), path.substr(dot + 1),
          {std::string(trim(std::string_view(set).substr(equals + 1))), "--set " + path});
    }
    if (request_.workers) add(result, "runtime", "workers", {*request_.workers, "--workers"});
    return result;
  }

  po::parsed_options parsed(const entries& from) const {
    po::parsed_options result(&options_);
    for (const auto& [path, g] : from)
      result.options.emplace_back(path, std::vector<std::string>{g.text, g.origin});
    return result;
  }

  void fill(const po::variables_map& chosen) {
    for (const auto& [path, spec] : specs_) {
      const auto& found = chosen[path];
      result_.values.set(
          *spec, found.empty() ? spec->initial : parse_value(*spec, found.as<given>().text));
      if (!found.empty()) origins_.emplace(spec, found.as<given>().origin);
    }
  }

  // Where a key got its value; for a default, where one would write it.
  std::string origin(const key_spec& spec) const {
    if (const auto found = origins_.find(&spec); found != origins_.end()) return found->second;
    const auto section = lines_.find(spec.section);
    return at_line(section == lines_.end() ? 1 : section->second);
  }

  bool is_a_nodes() const {
    const auto& values = result_.values;
    return values[common().name].empty() &&
           !(values[common().listen].empty() && values[common().join].empty());
  }

  void choose() {
    const auto& spec = common().name.spec();
    const auto& name = result_.values[common().name];
    std::vector<std::string> names;
    for (const auto* w : known_) {
      names.push_back(w->name());
      if (w->name() == name) result_.chosen = w;
    }
    if (result_.chosen != nullptr) return;
    if (!name.empty())
      return complain(
          origin(spec), spec.path(),
          "no workflow is called " + quoted(name) + suggestion(name, names, "workflows"));
    if (known_.size() == 1) {
      result_.chosen = known_.front();
    } else if (std::none_of(result_.errors.begin(), result_.errors.end(),
                            [&](const auto& e) { return e.key == spec.path(); })) {
      complain(origin(spec), spec.path(), "names no workflow" + suggestion("", names, "they"));
    }
  }

  void check_together() {
    complaints found;
    common().machine.run_check(result_.values, found);
    common().cluster.run_check(result_.values, found);
    if (result_.chosen) {
      if (found.list().empty()) check_tasks(*result_.chosen, result_.values, found);
      result_.chosen->run_check(result_.values, found);
    }
    for (const auto& [spec, reason] : found.list()) complain(origin(*spec), spec->path(), reason);
  }

  const config_request& request_;
  const std::vector<const workflow*>& known_;
  const std::vector<const section*> sections_;
  std::map<std::string, const key_spec*> specs_;
  po::options_description options_;
  entries from_file_, from_environment_, from_command_line_;
  std::map<const key_spec*, std::string> origins_;
  std::map<std::string, std::size_t> lines_;  // where a section begins
  configuration result_;
};

}  // namespace

common_keys::common_keys() {
  machine.check([this](const settings& s, complaints& wrong) {
    if (s[stack_size] != 0 && s[stack_size] < 16 * 1024)
      wrong.about(stack_size, "a task needs 16 KiB of stack at least (0: the default)");
    try {
      (void)parse_resources(s[resources]);
    } catch (const bad_value& e) { wrong.about(resources, e.what()); }
    for (const auto* file : {&graph, &report}) try {
        if (!s[*file].empty()) detail::check_file_kind(s[*file], file == &graph);
      } catch (const error& e) { wrong.about(*file, e.what()); }
  });
  cluster.check([this](const settings& s, complaints& wrong) {
    const auto endpoint = [&](const auto& key, const std::string& text) {
      try {
        if (!text.empty()) (void)detail::parse_endpoint(text);
      } catch (const error& e) { wrong.about(key, e.what()); }
    };
    endpoint(listen, s[listen]);
    endpoint(advertise, s[advertise]);
    for (const auto& address : s[join]) endpoint(join, address);
    const int files =
        int{!s[certificate].empty()} + int{!s[key_file].empty()} + int{!s[authority].empty()};
    if (files != 0 && files != 3)
      wrong.about(certificate, "certificate, key and ca are given together, or none of them");
  });
}

const common_keys& common() {
  static const common_keys keys;
  return keys;
}

std::vector<const section*> sections(const std::vector<const workflow*>& known) {
  std::vector<const section*> all{&common().chosen, &common().machine, &common().cluster};
  all.insert(all.end(), known.begin(), known.end());
  return all;
}

std::string variable_name(const key_spec& spec) {
  return std::string(prefix) + upper(spec.section) + "__" + upper(spec.name);
}

std::vector<std::pair<std::string, std::string>> read_environment() {
  std::vector<std::pair<std::string, std::string>> result;
  const auto ours = [](const std::string& name) {
    const bool names_key = name.starts_with(prefix) && name.find("__") != name.npos;
    return names_key || library_variables().contains(name) ? name : std::string();
  };
  for (const auto& o : po::parse_environment(po::options_description(), ours).options)
    result.emplace_back(o.string_key, o.value.at(0));
  std::sort(result.begin(), result.end());
  return result;
}

configuration read_config(const config_request& request,
                          const std::vector<const workflow*>& known) {
  return composer(request, known).compose();
}

}  // namespace troupe::app
