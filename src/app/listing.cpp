// SPDX-License-Identifier: MIT
#include "app/listing.hpp"

#include <algorithm>

#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/text.hpp"
#include "app/value.hpp"

namespace troupe::app {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string default_text(const key_spec& k) {
  const auto text = to_text(k, k.initial);
  return text.empty() ? "(empty)" : text;
}

// A plain number's unit, the choices and the range: what a value may look like.
std::string shape(const key_spec& k) {
  std::string result = type_name(k.type);
  if (!k.choices.empty()) result += ": " + join(k.choices, "|");
  if (!k.unit.empty()) result += " in " + k.unit;
  if (k.least && k.most) return result + ", " + to_text(k, *k.least) + " to " + to_text(k, *k.most);
  if (k.least) return result + ", at least " + to_text(k, *k.least);
  if (k.most) return result + ", at most " + to_text(k, *k.most);
  return result;
}

std::string section_text(const section& s) {
  std::string result = "[" + s.name() + "]  " + s.help() + "\n";
  std::size_t names = 0, defaults = 0;
  for (const auto& k : s.keys()) {
    names = std::max(names, k->name.size());
    defaults = std::max(defaults, default_text(*k).size());
  }
  for (const auto& k : s.keys())
    result += "  " + padded(k->name, names) + " = " + padded(default_text(*k), defaults) + "  " +
              k->help + " (" + shape(*k) + ")\n";
  return result;
}

}  // namespace

std::string usage_text(const std::string& program) {
  return "usage: " + program +
         " run FILE [--set SECTION.KEY=VALUE]... [--workers N] [--on HOST:PORT]\n" + "       " +
         program + " check FILE [--set SECTION.KEY=VALUE]... [--workers N]\n" + "       " +
         program + " list\n" +  //
         "       " + program + " node [FILE] [--listen HOST:PORT] [--join HOST:PORT,...]\n" +
         "       " + program + " status HOST:PORT [--json]\n" +  //
         "       " + program + " certs init DIR | certs issue DIR NAME [--host HOST]...\n" +
         "       " + program + " --help | --version\n";
}

std::string help_text(const std::string& program, const std::vector<const workflow*>& known) {
  std::string result = usage_text(program) + R"(
  run    checks the config file, then runs the workflow it names
  check  checks the config file and starts nothing
  list   the workflows and their keys: default, help, type, unit
  node   runs tasks for others, until SIGTERM or Ctrl-C; FILE is a config file, or none
  status what the nodes of a cluster do
  certs  makes an authority in DIR, and certificates of nodes, for mutual TLS

)" + options_help() + R"(
A key comes from --set, else from the environment (TROUPE_SECTION__KEY), else from the file, else
it has its default. Results go to stdout, everything else to stderr; progress is shown when stderr
is a terminal and CI is not set, without colour when NO_COLOR is.

Exit codes: 0 all is well, 1 a task failed or stdout could not be written, 2 the command line or
the config is wrong and nothing was started, 130 interrupted (Ctrl-C; once more leaves at once).

Workflows:
)";
  std::size_t width = 0;
  for (const auto* w : known) width = std::max(width, w->name().size());
  for (const auto* w : known) result += "  " + padded(w->name(), width) + "  " + w->help() + "\n";
  return result;
}

std::string list_text(const std::vector<const workflow*>& known) {
  std::string result;
  for (const auto* s : known) result += section_text(*s) + "\n";
  result += "For every workflow:\n";
  return result + section_text(common().chosen) + section_text(common().machine);
}

}  // namespace troupe::app
