// SPDX-License-Identifier: MIT
#include "app/command_line.hpp"

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

std::string why_not(const std::vector<std::string>& arguments) {
  try {
    parse_command_line(arguments);
    return "accepted";
  } catch (const usage_error& e) { return e.what(); }
}

TEST_CASE("run and check take a file and any number of --set") {
  const auto c =
      parse_command_line({"run", "--set", "a.b=1", "f.ini", "--set=c.d=x y", "--workers", "3"});
  CHECK(c.what == verb::run);
  CHECK(c.file == "f.ini");
  CHECK(c.sets == std::vector<std::string>{"a.b=1", "c.d=x y"});
  CHECK(c.workers == "3");
  CHECK(parse_command_line({"check", "f.ini"}).what == verb::check);
}

TEST_CASE("help and version go before everything else") {
  CHECK(parse_command_line({"--help"}).what == verb::help);
  CHECK(parse_command_line({"run", "-h"}).what == verb::help);
  CHECK(parse_command_line({"--version"}).what == verb::version);
  CHECK(parse_command_line({"list"}).what == verb::list);
}

TEST_CASE("a node's options are short for keys, and a run's for where it runs") {
  const auto n = parse_command_line({"node", "--listen", "127.0.0.1:0", "--join=a:1,b:2", "--slots",
                                     "3", "--labels", "gpu", "--load", "./x.so"});
  CHECK(n.what == verb::node);
  CHECK(n.file.empty());
  CHECK(n.sets == std::vector<std::string>{"cluster.listen=127.0.0.1:0", "cluster.join=a:1,b:2",
                                           "cluster.slots=3", "runtime.labels=gpu",
                                           "cluster.load=./x.so"});
  CHECK(parse_command_line({"node", "f.ini"}).file == "f.ini");
  CHECK(parse_command_line({"run", "f.ini", "--on", "h:1"}).sets ==
        std::vector<std::string>{"cluster.join=h:1"});
  CHECK(why_not({"run", "f.ini", "--listen", "h:1"}) == "run takes no --listen");
  const auto s = parse_command_line({"status", "h:1", "--ca", "ca.pem", "--json"});
  CHECK(s.what == verb::status);
  CHECK(s.words == std::vector<std::string>{"h:1"});
  CHECK(s.json);
  CHECK(why_not({"status"}) == "status needs the HOST:PORT of a node");
}

TEST_CASE("certs makes an authority, or a certificate") {
  const auto c = parse_command_line({"certs", "issue", "d", "n", "--host", "h", "--days", "2"});
  CHECK(c.what == verb::certs);
  CHECK(c.words == std::vector<std::string>{"issue", "d", "n"});
  CHECK(c.hosts == std::vector<std::string>{"h"});
  CHECK(c.days == 2);
  CHECK(why_not({"certs"}) == "certs needs `init DIR`, or `issue DIR NAME`");
  CHECK(why_not({"certs", "isue", "d"}) == "certs has no command 'isue' (did you mean issue?)");
  CHECK(why_not({"certs", "init", "d", "n"}) == "certs does not take 'n' as well");
  CHECK(why_not({"certs", "init", "d", "--days", "0"}) == "--days is 1 or more");
  CHECK(why_not({"run", "f", "--days", "1"}) == "--days is for certs");
}

TEST_CASE("a wrong command line says what is wrong and what was meant") {
  CHECK(why_not({}) == "say what to do: run, check, list, node, status or certs");
  CHECK(why_not({"rnu", "f"}) == "there is no command 'rnu' (did you mean run?)");
  CHECK(why_not({"zzzzz"}) ==
        "there is no command 'zzzzz' (commands are: certs, check, list, node, run, status)");
  CHECK(why_not({"run"}) == "run needs a config file");
  CHECK(why_not({"run", "f", "g"}) == "run does not take 'g' as well");
  CHECK(why_not({"list", "f"}) == "list does not take 'f' as well");
  CHECK(why_not({"list", "--workers", "1"}) == "list takes no --set and no --workers");
  CHECK(why_not({"run", "f", "--worker", "2"}) ==
        "there is no option '--worker' (did you mean --workers?)");
  CHECK(why_not({"run", "f", "--set"}) == "--set needs a value");
  CHECK(why_not({"run", "f", "--workers", "1", "--workers", "2"}) == "--workers is given twice");
}

}  // namespace
}  // namespace troupe::app
