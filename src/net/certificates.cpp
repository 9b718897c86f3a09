// SPDX-License-Identifier: MIT
#include "net/certificates.hpp"

#include "net/transport.hpp"

#include <troupe/error.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

extern char** environ;

namespace troupe::detail {

namespace {
namespace fs = std::filesystem;
using words = std::vector<std::string>;

// Files of a half-made certificate go when it could not be made.
class unfinished {
public:
  explicit unfinished(std::vector<fs::path> files) : files_(std::move(files)) {
    for (const auto& f : files_)
      if (fs::exists(f))
        throw error(
            f.string() +
            ": there is such a file already, and it is not overwritten: choose another name or "
            "directory, or remove it");
  }
  unfinished(const unfinished&) = delete;
  unfinished& operator=(const unfinished&) = delete;
  ~unfinished() {
    std::error_code ignored;
    for (const auto& f : files_) fs::remove(f, ignored);
  }
  void done() { files_.clear(); }

private:
  std::vector<fs::path> files_;
};

std::string text_of(int fd) {
  std::string text;
  char part[512];
  for (ssize_t n; (n = ::read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR);)
    if (n > 0) text.append(part, static_cast<std::size_t>(n));
  return text;
}

void run_openssl(words arguments) {
  arguments.insert(arguments.begin(), "openssl");
  std::vector<char*> argv;
  for (auto& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  int said[2];
  if (::pipe2(said, O_CLOEXEC) != 0)
    throw error(std::string("cannot run openssl: ") + std::strerror(errno));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, said[1], 2);
  pid_t child = 0;
  const int problem = ::posix_spawnp(&child, "openssl", &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  ::close(said[1]);
  const std::string text = problem == 0 ? text_of(said[0]) : "";
  ::close(said[0]);
  if (problem != 0)
    throw error(std::string("cannot run openssl (") + std::strerror(problem) +
                "): on Debian and Ubuntu, apt-get install openssl");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (status != 0) throw error("openssl " + arguments[1] + " failed: " + text);
}

// Empty, and nobody else's to read before the key is written to it.
void create_private(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) throw error(file.string() + ": cannot be written: " + std::strerror(errno));
  ::close(fd);
}

std::string alternative_names(const words& hosts) {
  std::string all;
  for (const auto& h : hosts) {
    if (h.empty() || h.find_first_of(", \n\t=") != std::string::npos)
      throw error("'" + h + "' is no name or address of a host");
    unsigned char any[sizeof(in6_addr)];
    const bool number =
        ::inet_pton(AF_INET, h.c_str(), any) == 1 || ::inet_pton(AF_INET6, h.c_str(), any) == 1;
    all += (all.empty() ? "" : ",") + std::string(number ? "IP:" : "DNS:") + h;
  }
  return all;
}

void need_days(int days) {
  if (days < 1)
    throw error("a certificate is valid for 1 day at least, not " + std::to_string(days));
}
}  // namespace

void make_authority(const std::string& dir, int days) {
  need_days(days);
  std::error_code problem;
  fs::create_directories(dir, problem);
  if (problem) throw error(dir + ": cannot be made: " + problem.message());
  const fs::path certificate = fs::path(dir) / "ca.pem", key = fs::path(dir) / "ca-key.pem";
  unfinished made({certificate, key});
  create_private(key);
  run_openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key});
  run_openssl({"req", "-x509", "-new", "-sha256", "-key", key, "-out", certificate, "-days",
               std::to_string(days), "-subj", "/CN=Troupe authority", "-addext",
               "keyUsage=critical,keyCertSign,cRLSign"});
  made.done();
}

tls_files issue(const std::string& dir, const std::string& name, int days,
                const std::vector<std::string>& hosts) {
  need_days(days);
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), plain) ||
      name == "ca" || name == "ca-key")
    throw error("'" + name +
                "' is no name for a certificate: use letters, digits, '-', '_' and '.'");
  const fs::path in = dir, ca = in / "ca.pem", ca_key = in / "ca-key.pem";
  if (!fs::exists(ca) || !fs::exists(ca_key))
    throw error(
        dir +
        ": there is no authority here (ca.pem and ca-key.pem): make one with `troupe certs init " +
        dir + "`");
  const fs::path certificate = in / (name + ".pem"), key = in / (name + "-key.pem");
  const fs::path request = in / (name + ".csr"), extensions = in / (name + ".ext");
  unfinished made({certificate, key}), scratch({request, extensions});
  create_private(key);
  run_openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key});
  run_openssl({"req", "-new", "-sha256", "-key", key, "-out", request, "-subj", "/CN=" + name});
  std::ofstream(extensions) << "basicConstraints=critical,CA:FALSE\n"
                            << "keyUsage=critical,digitalSignature\n"
                            << "extendedKeyUsage=serverAuth,clientAuth\n"
                            << (hosts.empty()
                                    ? ""
                                    : "subjectAltName=" + alternative_names(hosts) + "\n");
  run_openssl({"x509", "-req", "-sha256", "-in", request, "-CA", ca, "-CAkey", ca_key,
               "-set_serial", "0x" + to_text(random_node_id()), "-days", std::to_string(days),
               "-extfile", extensions, "-out", certificate});
  made.done();
  return {certificate, key, ca, ""};
}

}  // namespace troupe::detail
