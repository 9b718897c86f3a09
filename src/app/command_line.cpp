// SPDX-License-Identifier: MIT
#include "app/command_line.hpp"

#include <map>
#include <set>
#include <sstream>

#include <boost/program_options.hpp>

#include "app/text.hpp"

namespace troupe::app {
namespace {

namespace po = boost::program_options;

const std::map<std::string, verb> verbs{{"run", verb::run},       {"check", verb::check},
                                        {"list", verb::list},     {"node", verb::node},
                                        {"status", verb::status}, {"certs", verb::certs}};
constexpr auto verb_names = "run, check, list, node, status or certs";

// Shorthands of --set, and the verbs that they are for.
struct shorthand {
  const char *option, *path, *value, *help;
  std::set<verb> of;
  const char* alone = nullptr;  // what it is without a value; null: it needs one
};
const std::vector<shorthand>& shorthands() {
  static const std::set<verb> on_cluster{verb::run, verb::node, verb::status};
  static const std::vector<shorthand> all{
      {"trace", "runtime.trace", "FILE", "run: what ran when, for ui.perfetto.dev", {verb::run}},
      {"graph",
       "runtime.graph",
       "FILE",
       "run: the task graph, as .dot, .svg or .json",
       {verb::run}},
      {"report", "runtime.report", "FILE.html", "run: a page about it", {verb::run}},
      {"explain",
       "runtime.explain",
       "TIME",
       "run: why tasks wait, that often (alone: every 2s)",
       {verb::run},
       "2s"},
      {"timeout", "runtime.timeout", "TIME", "run: it takes no longer", {verb::run}},
      {"on", "cluster.join", "HOST:PORT", "run: on the cluster of that node", {verb::run}},
      {"listen", "cluster.listen", "HOST:PORT", "node: where others reach it", {verb::node}},
      {"join", "cluster.join", "HOST:PORT,...", "node: nodes to connect to", {verb::node}},
      {"name", "cluster.name", "NAME", "node: for people", {verb::node}},
      {"slots", "cluster.slots", "N", "node: tasks of others at a time", {verb::node}},
      {"labels", "runtime.labels", "A,B", "node: what tasks may require of it", {verb::node}},
      {"resources", "runtime.resources", "gpu 2,...", "node: what tasks may ask for", {verb::node}},
      {"load", "cluster.load", "LIB.so,...", "node: libraries with tasks", {verb::node}},
      {"certificate", "cluster.certificate", "FILE", "mutual TLS: of this node", on_cluster},
      {"key", "cluster.key", "FILE", "mutual TLS: the certificate's key", on_cluster},
      {"ca", "cluster.ca", "FILE", "mutual TLS: of the authority", on_cluster}};
  return all;
}

po::options_description visible_options() {
  po::options_description result("Options");
  result.add_options()  //
      ("set", po::value<std::vector<std::string>>()->value_name("SECTION.KEY=VALUE"),
       "set a key; wins over the environment and the file")  //
      ("workers", po::value<std::string>()->value_name("N"),
       "threads that run tasks; the same as --set runtime.workers=N");
  for (const auto& s : shorthands()) {
    auto value = po::value<std::string>()->value_name(s.value);
    if (s.alone) value->implicit_value(s.alone);
    result.add_options()(s.option, value, (std::string(s.help) + "; --set " + s.path).c_str());
  }
  result.add_options()  //
      ("host", po::value<std::vector<std::string>>()->value_name("HOST"),
       "certs issue: a name or an address of the node's machine (127.0.0.1)")        //
      ("days", po::value<int>()->value_name("N"), "certs: valid for so long (365)")  //
      ("json", "status: as JSON")                                                    //
      ("help,h", "say this")                                                         //
      ("version", "the versions of Troupe, CAF, Boost and the compiler");
  return result;
}

std::vector<std::string> option_names() {
  std::vector<std::string> names{"--set",  "--workers", "--host",   "--days",
                                 "--json", "--help",    "--version"};
  for (const auto& s : shorthands()) names.push_back(std::string("--") + s.option);
  return names;
}

po::variables_map parse_options(const std::vector<std::string>& arguments) {
  po::options_description all = visible_options();
  all.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description words;
  words.add("words", -1);
  po::variables_map found;
  try {
    namespace style = po::command_line_style;
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(words)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              found);
  } catch (const po::unknown_option& e) {
    throw usage_error("there is no option " + quoted(e.get_option_name()) +
                      suggestion(e.get_option_name(), option_names(), "options"));
  } catch (const po::multiple_occurrences& e) {
    throw usage_error(e.get_option_name() + " is given twice");
  } catch (const po::invalid_command_line_syntax& e) {
    throw usage_error(e.get_option_name() + " needs a value");
  } catch (const po::error& e) { throw usage_error(e.what()); }
  return found;
}

std::vector<std::string> verb_list() {
  std::vector<std::string> names;
  for (const auto& [name, v] : verbs) names.push_back(name);
  return names;
}

// words: the verb and what follows.
void check_words(verb what, const std::vector<std::string>& words) {
  std::size_t least = 2, most = 2;
  std::string needs = " needs a config file";
  switch (what) {
    case verb::list: least = most = 1; break;
    case verb::node: least = 1; break;
    case verb::status: needs = " needs the HOST:PORT of a node"; break;
    case verb::certs: {
      needs = " needs `init DIR`, or `issue DIR NAME`";
      const bool issue = words.size() > 1 && words[1] == "issue";
      if (words.size() > 1 && !issue && words[1] != "init")
        throw usage_error("certs has no command " + quoted(words[1]) +
                          suggestion(words[1], {"init", "issue"}, "they"));
      least = most = issue ? 4 : 3;
      break;
    }
    default: break;
  }
  if (words.size() < least) throw usage_error(words[0] + needs);
  if (words.size() > most)
    throw usage_error(words[0] + " does not take " + quoted(words[most]) + " as well");
}

}  // namespace

command parse_command_line(const std::vector<std::string>& arguments) {
  const auto found = parse_options(arguments);
  command result;
  if (found.count("help")) return result;
  if (found.count("version")) return result.what = verb::version, result;
  std::vector<std::string> words;
  if (found.count("words")) words = found["words"].as<std::vector<std::string>>();
  if (words.empty()) throw usage_error(std::string("say what to do: ") + verb_names);
  const auto known = verbs.find(words[0]);
  if (known == verbs.end())
    throw usage_error("there is no command " + quoted(words[0]) +
                      suggestion(words[0], verb_list(), "commands"));
  result.what = known->second;
  check_words(result.what, words);
  if (found.count("set")) result.sets = found["set"].as<std::vector<std::string>>();
  if (found.count("workers")) result.workers = found["workers"].as<std::string>();
  for (const auto& s : shorthands())
    if (found.count(s.option)) {
      if (!s.of.contains(result.what)) throw usage_error(words[0] + " takes no --" + s.option);
      result.sets.push_back(std::string(s.path) + "=" + found[s.option].as<std::string>());
    }
  const bool configures =
      result.what == verb::run || result.what == verb::check || result.what == verb::node;
  if (!configures && (found.count("set") || result.workers))
    throw usage_error(words[0] + " takes no --set and no --workers");
  if (configures && words.size() > 1) result.file = words[1];
  else result.words = {words.begin() + 1, words.end()};
  if (found.count("host")) result.hosts = found["host"].as<std::vector<std::string>>();
  if (found.count("days")) result.days = found["days"].as<int>();
  result.json = found.count("json") > 0;
  const bool issues = result.what == verb::certs && words[1] == "issue";
  if (!result.hosts.empty() && !issues) throw usage_error("--host is for certs issue");
  if (found.count("days") && result.what != verb::certs) throw usage_error("--days is for certs");
  if (result.days < 1) throw usage_error("--days is 1 or more");
  if (result.json && result.what != verb::status) throw usage_error("--json is for status");
  return result;
}

std::string options_help() {
  std::ostringstream text;
  text << visible_options();
  return text.str();
}

}  // namespace troupe::app
