// SPDX-License-Identifier: MIT
// What tasks of another node cost: two processes over loopback. node_bench [--tls] [--pull MIB]
// prints a line for each: name, number, unit.
#include "net/certificates.hpp"

#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {
using clock_type = std::chrono::steady_clock;
double since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}
}  // namespace

namespace node_bench {
void nothing() {}
using block = std::vector<char>;
std::vector<troupe::ref<block>> make(std::size_t bytes) {
  return {troupe::here().put(block(bytes, 'x'))};
}
std::size_t peak() {  // KiB, since the last forget_peak()
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  return 0;
}
std::size_t forget_peak() {  // gives what there is now
  std::ofstream("/proc/self/clear_refs") << 5;
  return peak();
}
}  // namespace node_bench

namespace {
using namespace node_bench;

struct files {
  std::string certificate, key, authority;
};

int serve(const std::string& address, const files& tls) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  troupe::runtime rt{{.workers = 1, .labels = {"far"}, .name = "far"}};
  const troupe::node here = rt.join({.join = {address},
                                     .certificate = tls.certificate,
                                     .key = tls.key,
                                     .authority = tls.authority});
  for (char any; ::read(0, &any, 1) > 0;) {}
  return 0;
}

void print(const char* name, double number, const char* unit) {
  std::printf("%-34s %12.1f %s\n", name, number, unit);
  std::fflush(stdout);
}

void pull(const troupe::scope& rt, std::size_t mib) {
  const auto far = rt.with({.labels = {"far"}});
  const std::size_t bytes = mib << 20;
  const auto peak_here = forget_peak(), peak_there = rt.get(far.submit<forget_peak>());
  const auto made = far.submit<make>(bytes);
  const auto& r = rt.get(made).at(0);
  const auto t = clock_type::now();
  if (rt.get(r).size() != bytes) std::abort();
  print("an object pulled", static_cast<double>(bytes) / since(t) / 1e6, "MB/s");
  const auto beside = [&](std::size_t now, std::size_t before) {
    return (static_cast<double>(now) - static_cast<double>(before)) / 1024 -
           static_cast<double>(mib);
  };
  print("memory beside it, here", beside(peak(), peak_here), "MiB");
  print("memory beside it, there", beside(rt.get(far.submit<peak>()), peak_there), "MiB");
}

void no_ops(const troupe::scope& rt) {
  const auto far = rt.with({.labels = {"far"}});
  for (int i = 0; i < 1000; ++i) rt.get(far.submit<nothing>());
  std::vector<double> rates;
  for (int round = 0; round < 5; ++round) {
    constexpr int n = 100'000;
    std::vector<troupe::ref<void>> all;
    all.reserve(n);
    const auto t = clock_type::now();
    for (int i = 0; i < n; ++i) all.push_back(far.submit<nothing>());
    rt.get(std::move(all));
    rates.push_back(n / since(t));
  }
  std::sort(rates.begin(), rates.end());
  print("no-op tasks, many at a time", rates[2], "tasks/s (median of 5)");
  std::vector<double> times;
  for (int i = 0; i < 5000; ++i) {
    const auto t = clock_type::now();
    rt.get(far.submit<nothing>());
    times.push_back(since(t) * 1e6);
  }
  std::sort(times.begin(), times.end());
  print("no-op tasks, one at a time", times[2500], "us (median)");
  print("no-op tasks, one at a time", times[4950], "us (99 of 100 are quicker)");
}
}  // namespace

int main(int argc, char** argv) {
  troupe::export_tasks<nothing, make, peak, forget_peak>();
  if (argc == 6 && std::string(argv[1]) == "--serve")
    return serve(argv[2], {argv[3], argv[4], argv[5]});
  bool tls = false;
  std::size_t pull_mib = 256;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--tls") tls = true;
    if (std::string(argv[i]) == "--pull" && i + 1 < argc) pull_mib = std::stoul(argv[++i]);
  }
  std::string dir = std::filesystem::temp_directory_path() / "node_bench_XXXXXX";
  if (!::mkdtemp(dir.data())) return 1;
  files here, there;
  if (tls) {
    troupe::detail::make_authority(dir + "/ca", 1);
    const auto a = troupe::detail::issue(dir + "/ca", "here", 1, {"127.0.0.1"});
    const auto b = troupe::detail::issue(dir + "/ca", "there", 1, {"127.0.0.1"});
    here = {a.certificate, a.key, a.ca};
    there = {b.certificate, b.key, b.ca};
  }
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return 1;
  pid_t worker = -1;
  {
    troupe::runtime rt{{.workers = 1, .name = "here"}};
    const troupe::node home = rt.join({.listen = "127.0.0.1:0",
                                       .serves = false,
                                       .certificate = here.certificate,
                                       .key = here.key,
                                       .authority = here.authority});
    const std::string address = home.address();
    worker = ::fork();
    if (worker == 0) {
      ::dup2(pipe_ends[0], STDIN_FILENO);
      ::execl("/proc/self/exe", "node_bench", "--serve", address.c_str(), there.certificate.c_str(),
              there.key.c_str(), there.authority.c_str(), nullptr);
      ::_exit(127);
    }
    if (!home.wait_for(1, std::chrono::seconds(10))) return 1;
    std::printf("%s\n", tls ? "with mutual TLS" : "plain");
    if (pull_mib > 0) pull(rt, pull_mib);
    no_ops(rt);
  }
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  std::filesystem::remove_all(dir);
}
