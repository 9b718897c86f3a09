// SPDX-License-Identifier: MIT
#include "app/command_line.hpp"

#include <map>
#include <sstream>

#include <boost/program_options.hpp>

#include "app/text.hpp"

namespace troupe::app {
namespace {

namespace po = boost::program_options;

const std::map<std::string, verb> verbs{
    {"run", verb::run}, {"check", verb::check}, {"list", verb::list}};

po::options_description visible_options() {
  po::options_description result("Options");
  result.add_options()  //
      ("set", po::value<std::vector<std::string>>()->value_name("SECTION.KEY=VALUE"),
       "set a key; wins over the environment and the file")  //
      ("workers", po::value<std::string>()->value_name("N"),
       "threads that run tasks; the same as --set runtime.workers=N")  //
      ("help,h", "say this")                                           //
      ("version", "the versions of Troupe, CAF, Boost and the compiler");
  return result;
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
    throw usage_error(
        "there is no option " + quoted(e.get_option_name()) +
        suggestion(e.get_option_name(), {"--set", "--workers", "--help", "--version"}, "options"));
  } catch (const po::multiple_occurrences& e) {
    throw usage_error(e.get_option_name() + " is given twice");
  } catch (const po::invalid_command_line_syntax& e) {
    throw usage_error(e.get_option_name() + " needs a value");
  } catch (const po::error& e) { throw usage_error(e.what()); }
  return found;
}

}  // namespace

command parse_command_line(const std::vector<std::string>& arguments) {
  const auto found = parse_options(arguments);
  command result;
  if (found.count("help")) return result;
  if (found.count("version")) return result.what = verb::version, result;
  std::vector<std::string> words;
  if (found.count("words")) words = found["words"].as<std::vector<std::string>>();
  if (words.empty()) throw usage_error("say what to do: run, check or list");
  const auto known = verbs.find(words[0]);
  if (known == verbs.end())
    throw usage_error("there is no command " + quoted(words[0]) +
                      suggestion(words[0], {"run", "check", "list"}, "commands"));
  result.what = known->second;
  const std::size_t takes = result.what == verb::list ? 1 : 2;
  if (words.size() < takes) throw usage_error(words[0] + " needs a config file");
  if (words.size() > takes)
    throw usage_error(words[0] + " does not take " + quoted(words[takes]) + " as well");
  if (takes == 2) result.file = words[1];
  if (found.count("set")) result.sets = found["set"].as<std::vector<std::string>>();
  if (found.count("workers")) result.workers = found["workers"].as<std::string>();
  if (takes == 1 && (!result.sets.empty() || result.workers))
    throw usage_error("list takes no --set and no --workers");
  return result;
}

std::string options_help() {
  std::ostringstream text;
  text << visible_options();
  return text.str();
}

}  // namespace troupe::app
