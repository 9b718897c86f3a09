// SPDX-License-Identifier: MIT
#include "tests/net/dated_certificate.hpp"
#include "tests/net/node.hpp"

#include <troupe/error.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

using namespace troupe::detail;

namespace {
std::string error_of(auto f) {
  try {
    f();
  } catch (const troupe::error& e) { return e.what(); }
  return "";
}
std::string check_says(const tls_files& f) {
  return error_of([&] { check(f); });
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
unsigned mode(const std::string& file) {
  struct stat s {};
  REQUIRE(::stat(file.c_str(), &s) == 0);
  return s.st_mode & 0777;
}
}  // namespace

TEST_CASE("an authority issues certificates that pass, with keys for this user only") {
  authority ours;
  const auto files = ours.certificate("node-1");
  CHECK(check_says(files) == "");
  CHECK(mode(files.key) == 0600);
  CHECK(mode(ours.dir() + "/ca-key.pem") == 0600);
  std::size_t left = 0;
  for (const auto& f : std::filesystem::directory_iterator(ours.dir())) left += f.is_regular_file();
  CHECK(left == 4);
}

TEST_CASE("nothing is overwritten, and what is wrong is named") {
  authority ours;
  ours.certificate("a");
  CHECK(has(error_of([&] { ours.certificate("a"); }), "/a.pem: there is such a file already"));
  CHECK(has(error_of([&] { make_authority(ours.dir(), 1); }),
            "/ca.pem: there is such a file already"));
  CHECK(has(error_of([&] { ours.certificate("../a"); }), "is no name for a certificate"));
  CHECK(has(error_of([&] { ours.certificate("ca"); }), "is no name for a certificate"));
  CHECK(has(error_of([&] { issue(ours.dir(), "b", 1, {"a,b"}); }), "'a,b' is no name or address"));
  CHECK(has(error_of([&] { issue(ours.dir(), "b", 0, {}); }), "1 day at least"));
  CHECK_FALSE(std::filesystem::exists(ours.dir() + "/b.pem"));
  CHECK_FALSE(std::filesystem::exists(ours.dir() + "/b-key.pem"));
  scratch_dir empty;
  CHECK(
      has(error_of([&] { issue(empty.path, "a", 1, {}); }),
          "there is no authority here (ca.pem and ca-key.pem): make one with `troupe certs init"));
}

TEST_CASE("the check names the file and what to do") {
  authority ours, theirs;
  const auto good = ours.certificate("a"), other = ours.certificate("b");
  auto f = good;

  f.certificate = "";
  CHECK(check_says(f) == "TLS needs a certificate: give --certificate FILE");
  f.certificate = "/nowhere.pem";
  CHECK(has(check_says(f), "/nowhere.pem: cannot read a certificate (No such file or directory)"));
  f.certificate = ours.dir();
  CHECK(has(check_says(f), ours.dir() + ": cannot read a certificate"));
  f.certificate = good.key;
  CHECK(has(check_says(f), good.key + ": it has no certificate in PEM format"));

  f = good;
  f.key = good.certificate;
  CHECK(has(check_says(f), good.certificate + ": everybody can read this private key") !=
        has(check_says(f), good.certificate + ": it has no private key in PEM format"));
  f.key = other.key;
  CHECK(has(check_says(f), other.key + ": this key does not belong to the certificate"));
  ::chmod(good.key.c_str(), 0644);
  CHECK(has(check_says(good), "chmod 600 " + good.key));
  ::chmod(good.key.c_str(), 0600);

  f = good;
  f.ca = theirs.dir() + "/ca.pem";
  CHECK(has(check_says(f), good.certificate + ": it is not signed by the authority in " + f.ca));
}

TEST_CASE("the check says when a certificate was or will be valid") {
  authority ours;
  const auto expired = dated_certificate(ours.dir(), "old", -10, -3);
  CHECK(has(check_says(expired), "old.pem: this certificate expired on 20"));
  const auto early = dated_certificate(ours.dir(), "early", 3, 10);
  CHECK(has(check_says(early), "early.pem: this certificate is not valid before 20"));
  CHECK(check_says(dated_certificate(ours.dir(), "today", -1, 1)) == "");
}

TEST_CASE("a key with a passphrase needs it") {
  authority ours;
  auto f = ours.certificate("a");
  encrypt_key(f.key, "open sesame");
  CHECK(has(check_says(f), f.key + ": it has no private key in PEM format, or the passphrase"));
  f.passphrase = "open sesame";
  CHECK(check_says(f) == "");
  net_node a("a", &f), b("b", &f);
  join(a, b);
}

TEST_CASE("a network is not configured with bad files") {
  authority ours;
  auto f = ours.certificate("a");
  f.ca = "/nowhere.pem";
  caf::actor_system_config config;
  CHECK(has(error_of([&] { configure_network(config, &f); }), "/nowhere.pem: cannot read"));
}
