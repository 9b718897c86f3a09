// SPDX-License-Identifier: MIT
#include "two_processes.hpp"

#include "net/certificates.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

namespace node_bench {

namespace {
constexpr std::string_view with_tls = "_tls";

void print(std::string_view row, const values& all) {
  std::printf(R"({"name": "%s")", std::string(row).c_str());
  for (const auto& [name, value] : all) std::printf(R"(, "%s": %.1f)", name.c_str(), value);
  std::printf("}\n");
  std::fflush(stdout);
}

two_files make_certificates(const std::string& dir) {
  troupe::detail::make_authority(dir + "/ca", 1);
  return {troupe::detail::issue(dir + "/ca", "here", 1, {"127.0.0.1"}),
          troupe::detail::issue(dir + "/ca", "there", 1, {"127.0.0.1"})};
}

bool measure(std::string_view name, const std::vector<row>& rows, const two_files& secret) {
  const bool tls = name.ends_with(with_tls);
  const auto plain = tls ? name.substr(0, name.size() - with_tls.size()) : name;
  const auto r =
      std::find_if(rows.begin(), rows.end(), [&](const row& one) { return one.name == plain; });
  if (r == rows.end()) return false;
  print(name, r->measure(tls ? secret : two_files{}));
  return true;
}
}  // namespace

double at(std::vector<double> all, double part) {
  std::sort(all.begin(), all.end());
  return all.at(static_cast<std::size_t>(static_cast<double>(all.size() - 1) * part));
}

void wait_for_end_of_input() {
  for (char any; ::read(0, &any, 1) > 0;) {}
}

other_process::other_process(const char* role, const std::string& address, const tls_files& tls) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::exit(1);
  input_ = in[1];
  output_ = out[0];
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execl("/proc/self/exe", "other_process", role, address.c_str(), tls.certificate.c_str(),
            tls.key.c_str(), tls.ca.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
}

other_process::~other_process() {
  ::close(input_);
  ::close(output_);
  ::waitpid(pid_, nullptr, 0);
}

std::string other_process::line() const {
  std::string text;
  for (char c; ::read(output_, &c, 1) == 1 && c != '\n';) text += c;
  return text;
}

int run(int argc, char** argv, const std::vector<row>& rows, const role& other) {
  const std::span<char*> words{argv, static_cast<std::size_t>(argc)};
  if (argc == 6 && std::string_view(words[1]).starts_with("--")) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    other(words[1], words[2], {words[3], words[4], words[5], ""});
    return 0;
  }
  if (argc == 1) {
    for (const auto& r : rows)
      std::printf("%s\n%s%s\n", r.name.data(), r.name.data(), with_tls.data());
    return 0;
  }
  std::string dir = std::filesystem::temp_directory_path() / "node_bench_XXXXXX";
  if (!::mkdtemp(dir.data())) return 1;
  const two_files secret = make_certificates(dir);
  bool all_well = true;
  for (const std::string_view name : words.subspan(1))
    all_well = measure(name, rows, secret) && all_well;
  std::filesystem::remove_all(dir);
  return all_well ? 0 : 1;
}

}  // namespace node_bench
