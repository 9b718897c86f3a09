// SPDX-License-Identifier: MIT
// What tasks and values of another node cost: two processes over loopback, each with one worker.
// node_bench ROW... prints a line of JSON for each row, as bench/compare reads them; without rows it
// names them. MIB=256 in the environment: how big an object is pulled.
#include "raw_transport.hpp"

#include "net/certificates.hpp"

#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {
using clock_type = std::chrono::steady_clock;
double ns_since(clock_type::time_point t) {
  return std::chrono::duration<double, std::nano>(clock_type::now() - t).count();
}
}  // namespace

namespace node_bench {

void nothing() {}
using block = std::vector<char>;
std::vector<troupe::ref<block>> make(std::size_t bytes) {
  return {troupe::here().put(block(bytes, 'x'))};
}
struct page {
  std::string text;
  int number = 0;
};
using pages = std::vector<page>;
std::vector<troupe::ref<pages>> make_pages(std::size_t bytes) {
  return {troupe::here().put(pages(bytes / 1024, page{std::string(1010, 'x'), 1}))};
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

namespace {
using troupe::detail::tls_files;
using values = std::map<std::string, double>;

void print(std::string_view row, const values& all) {
  std::printf(R"({"name": "%s")", std::string(row).c_str());
  for (const auto& [name, value] : all) std::printf(R"(, "%s": %.1f)", name.c_str(), value);
  std::printf("}\n");
  std::fflush(stdout);
}

double at(std::vector<double>& sorted_here, double part) {
  std::sort(sorted_here.begin(), sorted_here.end());
  return sorted_here[static_cast<std::size_t>(static_cast<double>(sorted_here.size() - 1) * part)];
}

values flood(const troupe::scope& rt) {
  const auto far = rt.with({.labels = {"far"}});
  std::vector<double> times;
  for (int round = 0; round < 6; ++round) {
    constexpr int n = 100'000;
    std::vector<troupe::ref<void>> all;
    all.reserve(n);
    const auto t = clock_type::now();
    for (int i = 0; i < n; ++i) all.push_back(far.submit<nothing>());
    rt.get(std::move(all));
    if (round > 0) times.push_back(ns_since(t) / n);
  }
  return {{"ns/task", at(times, 0.5)}};
}

values trip(const troupe::scope& rt) {
  const auto far = rt.with({.labels = {"far"}});
  for (int i = 0; i < 1000; ++i) rt.get(far.submit<nothing>());
  std::vector<double> times;
  for (int i = 0; i < 5000; ++i) {
    const auto t = clock_type::now();
    rt.get(far.submit<nothing>());
    times.push_back(ns_since(t));
  }
  return {{"ns/task", at(times, 0.5)}, {"ns/task of 99 %", at(times, 0.99)}};
}

std::size_t object_mib() {
  const char* const text = std::getenv("MIB");
  return text ? std::stoul(text) : 1024;
}

// Beside it, one small task after the other travels, as a heartbeat does.
template <auto maker> values pull(const troupe::scope& rt) {
  const auto far = rt.with({.labels = {"far"}});
  const std::size_t mib = object_mib(), bytes = mib << 20;
  for (int i = 0; i < 100; ++i) rt.get(far.submit<nothing>());
  const auto made = far.submit<maker>(bytes);
  const auto& r = rt.get(made).at(0);
  const auto peak_here = forget_peak(), peak_there = rt.get(far.submit<forget_peak>());
  std::atomic<bool> over{false};
  double slowest = 0;
  std::thread beside{[&] {
    while (!over) {
      const auto t = clock_type::now();
      rt.get(far.submit<nothing>());
      slowest = std::max(slowest, ns_since(t));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }};
  const auto t = clock_type::now();
  if (rt.get(r).empty()) std::abort();
  const double spent = ns_since(t);
  over = true;
  beside.join();
  const auto more = [&](std::size_t now, std::size_t before) {
    return (static_cast<double>(now) - static_cast<double>(before)) / 1024;
  };
  return {{"ns/task", spent / static_cast<double>(mib)},
          {"MiB more here", more(peak(), peak_here) - static_cast<double>(mib)},
          {"MiB more there", more(rt.get(far.submit<peak>()), peak_there)},
          {"ms of the slowest task", slowest / 1e6}};
}

struct row {
  std::string_view name;
  values (*of_nodes)(const troupe::scope&);
  double (*of_transport)(const std::string& address, const tls_files&);
};
double pieces(const std::string& address, const tls_files& tls) {
  return raw_pieces(address, tls, object_mib());
}
constexpr row rows[] = {
    {"W16_remote_flood", flood, nullptr},           {"W16_remote_trip", trip, nullptr},
    {"W16_transport_trip", nullptr, raw_trip},      {"W17_pull", pull<make>, nullptr},
    {"W17_pull_structs", pull<make_pages>, nullptr}, {"W17_transport_pieces", nullptr, pieces},
};
constexpr std::string_view with_tls = "_tls";

struct two_files {
  tls_files here, there;
};
two_files make_certificates(const std::string& dir) {
  troupe::detail::make_authority(dir + "/ca", 1);
  return {troupe::detail::issue(dir + "/ca", "here", 1, {"127.0.0.1"}),
          troupe::detail::issue(dir + "/ca", "there", 1, {"127.0.0.1"})};
}

// The other process: this program with other words; it ends when `input` is closed.
class other_process {
public:
  other_process(const char* role, const std::string& address, const tls_files& tls) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::exit(1);
    input_ = in[1];
    output_ = out[0];
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl("/proc/self/exe", "node_bench", role, address.c_str(), tls.certificate.c_str(),
              tls.key.c_str(), tls.ca.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
  }
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;
  ~other_process() {
    ::close(input_);
    ::close(output_);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string line() const {
    std::string text;
    for (char c; ::read(output_, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

private:
  pid_t pid_;
  int input_, output_;
};

int be_other(std::string_view role, const std::string& address, const tls_files& tls) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (role == "--echo") {
    echo(tls, [](const std::string& where) {
      std::puts(where.c_str());
      std::fflush(stdout);
    });
    return 0;
  }
  troupe::runtime rt{{.workers = 1, .labels = {"far"}, .name = "far"}};
  const troupe::node here = rt.join(
      {.join = {address}, .certificate = tls.certificate, .key = tls.key, .authority = tls.ca});
  for (char any; ::read(0, &any, 1) > 0;) {}
  return 0;
}

bool measure(const row& r, std::string_view name, const two_files& tls) {
  if (r.of_transport) {
    const other_process other{"--echo", "", tls.there};
    print(name, {{"ns/task", r.of_transport(other.line(), tls.here)}});
    return true;
  }
  troupe::runtime rt{{.workers = 1, .name = "here"}};
  const troupe::node home = rt.join({.listen = "127.0.0.1:0",
                                     .serves = false,
                                     .certificate = tls.here.certificate,
                                     .key = tls.here.key,
                                     .authority = tls.here.ca});
  const other_process other{"--serve", home.address(), tls.there};
  if (!home.wait_for(1, std::chrono::seconds(10))) return false;
  print(name, r.of_nodes(rt));
  return true;
}
}  // namespace
}  // namespace node_bench

int main(int argc, char** argv) {
  using namespace node_bench;
  troupe::export_tasks<nothing, make, make_pages, peak, forget_peak>();
  const std::span<char*> words{argv, static_cast<std::size_t>(argc)};
  if (argc == 6 && (words[1] == std::string_view("--serve") || words[1] == std::string_view("--echo")))
    return be_other(words[1], words[2], {words[3], words[4], words[5], ""});
  if (argc == 1)
    for (const auto& r : rows)
      std::printf("%s\n%s%s\n", r.name.data(), r.name.data(), with_tls.data());
  std::string dir = std::filesystem::temp_directory_path() / "node_bench_XXXXXX";
  if (!::mkdtemp(dir.data())) return 1;
  const two_files secret = make_certificates(dir);
  bool all_well = true;
  for (const std::string_view name : words.subspan(1)) {
    const bool tls = name.ends_with(with_tls);
    const auto plain = tls ? name.substr(0, name.size() - with_tls.size()) : name;
    const auto r = std::find_if(std::begin(rows), std::end(rows),
                                [&](const row& one) { return one.name == plain; });
    all_well = r != std::end(rows) && measure(*r, name, tls ? secret : two_files{}) && all_well;
  }
  std::filesystem::remove_all(dir);
  return all_well ? 0 : 1;
}
