// SPDX-License-Identifier: MIT
// The program as nodes of a cluster: processes, over loopback, with mutual TLS.
#include "tests/app/process.hpp"
#include "tests/app/scratch.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace troupe::app {
namespace {

struct authority {
  scratch dir;
  authority() { REQUIRE(troupe({"certs", "init", path()}).code == 0); }
  std::string path() const { return dir.path("ca"); }
  std::vector<std::string> issue(const std::string& name) const {
    REQUIRE(troupe({"certs", "issue", path(), name}).code == 0);
    const std::string file = path() + "/" + name;
    return {"--certificate", file + ".pem", "--key", file + "-key.pem", "--ca", path() + "/ca.pem"};
  }
};

struct node_process {
  node_process(const std::vector<std::string>& certificate, std::vector<std::string> more = {}) {
    std::vector<std::string> all{from_environment("TROUPE_APP"), "node", "--listen", "127.0.0.1:0"};
    all.insert(all.end(), certificate.begin(), certificate.end());
    all.insert(all.end(), more.begin(), more.end());
    p = std::make_unique<process>(all);
    address = p->wait_for_line(" listens on ");
  }
  std::unique_ptr<process> p;
  std::string address;
};

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_CASE("a run on a cluster gives what it gives alone") {
  const authority ca;
  node_process first(ca.issue("n1"), {"--name", "n1", "--workers", "2"});
  node_process second(ca.issue("n2"), {"--name", "n2", "--workers", "2", "--join", first.address});
  const auto user = ca.issue("user");
  const std::string file = ca.dir.path("text");
  {
    std::ofstream text(file);
    for (int i = 0; i < 200'000; ++i) text << "word" << i % 997 << (i % 10 == 0 ? '\n' : ' ');
  }
  const std::vector<std::string> run{
      "run", "config/wordcount.ini", "--set", "wordcount.files=" + file, "--workers", "1"};
  const auto alone = troupe(run);
  REQUIRE(alone.code == 0);
  const auto together = troupe(run + std::vector<std::string>{"--on", first.address} + user);
  CHECK(together.code == 0);
  CHECK(together.output == alone.output);
  const auto pipeline =
      troupe(std::vector<std::string>{"run", "config/pipeline.ini", "--set", "pipeline.fetch=1 ms",
                                      "--set", "pipeline.process=1 ms", "--set",
                                      "pipeline.aggregate=1 ms", "--on", second.address} +
             user);
  CHECK(pipeline.code == 0);
  CHECK(pipeline.output.find("{A: DATA_FROM_A, B: DATA_FROM_B, C: DATA_FROM_C}") !=
        std::string::npos);
  const auto status = troupe(std::vector<std::string>{"status", first.address} + user);
  CHECK(status.code == 0);
  for (const auto* name : {"n1", "n2", "SLOTS"})
    CHECK(status.output.find(name) != std::string::npos);
}

TEST_CASE("a node that is told to end leaves when what it runs has ended, and exits with 0") {
  const authority ca;
  node_process n(ca.issue("n"));
  n.p->send(SIGTERM);
  CHECK(n.p->code() == 0);
}

TEST_CASE("a node without certificates listens on this machine only, and says the fix") {
  const auto open = troupe({"node", "--listen", "0.0.0.0:0"});
  CHECK(open.code == 2);
  CHECK(open.messages.find("troupe certs init DIR") != std::string::npos);
  const auto half = troupe({"node", "--listen", "127.0.0.1:0", "--key", "k.pem"});
  CHECK(half.code == 2);
  CHECK(half.messages.find("certificate, key and ca are given together") != std::string::npos);
  const auto nowhere = troupe({"node"});
  CHECK(nowhere.code == 2);
  CHECK(nowhere.messages.find("--listen HOST:PORT") != std::string::npos);
  const auto missing = troupe({"node", "--listen", "127.0.0.1:0", "--certificate", "no.pem",
                               "--key", "no-key.pem", "--ca", "no-ca.pem"});
  CHECK(missing.code == 2);
  CHECK(missing.messages.find("no.pem") != std::string::npos);
}

TEST_CASE("a run on a cluster that is not there says so") {
  const auto none = troupe(
      {"run", "config/pipeline.ini", "--on", "127.0.0.1:1", "--set", "cluster.patience=200 ms"});
  CHECK(none.code == 1);
  CHECK(none.messages.find("no node answers at 127.0.0.1:1") != std::string::npos);
  CHECK(troupe({"node", "--listen", "127.0.0.1"}).code == 2);
}

TEST_CASE("files that are there already are never overwritten") {
  const authority ca;
  CHECK(troupe({"certs", "init", ca.path()}).code == 1);
  (void)ca.issue("n");
  CHECK(troupe({"certs", "issue", ca.path(), "n"}).code == 1);
}

}  // namespace
}  // namespace troupe::app
