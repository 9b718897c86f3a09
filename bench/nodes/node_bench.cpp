// SPDX-License-Identifier: MIT
// What tasks and values of another node cost: two processes, each with one worker.
#include "raw_transport.hpp"
#include "two_processes.hpp"

#include <troupe/export.hpp>
#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <thread>

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

// ---- resident memory in KiB: the most since forget_peak(), which gives what there is now
std::size_t peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  return 0;
}
std::size_t forget_peak() {
  std::ofstream("/proc/self/clear_refs") << 5;
  return peak();
}

namespace {

// This process, and what is submitted to the other one.
struct two_nodes {
  const troupe::scope& here;
  troupe::scope::with_options far;
};

values flood(const two_nodes& nodes) {
  std::vector<double> times;
  for (int round = 0; round < 6; ++round) {
    constexpr int n = 100'000;
    std::vector<troupe::ref<void>> all;
    all.reserve(n);
    const auto t = clock_type::now();
    for (int i = 0; i < n; ++i) all.push_back(nodes.far.submit<nothing>());
    nodes.here.get(std::move(all));
    if (round > 0) times.push_back(ns_since(t) / n);
  }
  return {{"ns/task", at(times, 0.5)}};
}

values trip(const two_nodes& nodes) {
  std::vector<double> times;
  for (int i = 0; i < 6000; ++i) {
    const auto t = clock_type::now();
    nodes.here.get(nodes.far.submit<nothing>());
    if (i >= 1000) times.push_back(ns_since(t));
  }
  return {{"ns/task", at(times, 0.5)}, {"ns/task of 99 %", at(times, 0.99)}};
}

// One small task after the other, as a heartbeat comes: how long the slowest took.
class small_tasks {
public:
  explicit small_tasks(const two_nodes& nodes)
      : thread_([this, &nodes] {
          while (!over_) {
            const auto t = clock_type::now();
            nodes.here.get(nodes.far.submit<nothing>());
            slowest_ = std::max(slowest_, ns_since(t));
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
          }
        }) {}
  double end() {
    over_ = true;
    thread_.join();
    return slowest_;
  }

private:
  std::atomic<bool> over_{false};
  double slowest_ = 0;
  std::thread thread_;
};

// A virtual machine gets its memory from the host when it is first written, and gives it back when it
// is free for seconds: that would be measured, and raw CAF keeps nothing. So it has this much.
void have_memory_at_hand(std::size_t bytes) {
  void* const p =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) std::abort();
  (void)::madvise(p, bytes, MADV_HUGEPAGE);
  std::memset(p, 1, bytes);
  ::munmap(p, bytes);
}

// Of the first pull, which finds neither buffers nor memory, is how much more of that is needed; of
// those after it are the times.
template <auto maker> values pull(const two_nodes& nodes, std::size_t mib, int times) {
  const auto more = [&](std::size_t now, std::size_t before) {
    return (static_cast<double>(now) - static_cast<double>(before)) / 1024;
  };
  values all;
  std::vector<double> spent;
  double slowest = 0;
  for (int i = 0; i <= times; ++i) {
    const auto made = nodes.far.submit<maker>(mib << 20);
    const auto& r = nodes.here.get(made).at(0);
    if (i > 0) have_memory_at_hand(mib << 20);
    const auto here = forget_peak(), there = nodes.here.get(nodes.far.submit<forget_peak>());
    small_tasks beside{nodes};
    const auto t = clock_type::now();
    if (nodes.here.get(r).empty()) std::abort();
    const double took = ns_since(t), late = beside.end();
    if (i == 0) {
      all["ns/task of the first"] = took / static_cast<double>(mib);
      all["MiB more here"] = more(peak(), here) - static_cast<double>(mib);
      all["MiB more there"] = more(nodes.here.get(nodes.far.submit<peak>()), there);
    } else {
      spent.push_back(took / static_cast<double>(mib));
      slowest = std::max(slowest, late);
    }
  }
  all["ns/task"] = at(spent, 0.5);
  all["ms of the slowest task"] = slowest / 1e6;
  return all;
}

// `measure` with the tasks of the other node.
auto with_far(std::function<values(const two_nodes&)> measure) {
  return [measure](const two_files& tls) {
    troupe::runtime rt{{.workers = 1, .name = "here"}};
    const troupe::node home = rt.join({.listen = "127.0.0.1:0",
                                       .serves = false,
                                       .certificate = tls.here.certificate,
                                       .key = tls.here.key,
                                       .authority = tls.here.ca});
    const other_process other{"--serve", home.address(), tls.there};
    if (!home.wait_for(1, std::chrono::seconds(10)))
      throw std::runtime_error("the other node has not come");
    return measure({rt, rt.with({.labels = {"far"}})});
  };
}
auto with_transport(double (*measure)(const std::string& address, const tls_files&)) {
  return [measure](const two_files& tls) {
    const other_process other{"--echo", "", tls.there};
    return values{{"ns/task", measure(other.line(), tls.here)}};
  };
}

void be_other(std::string_view role, const std::string& address, const tls_files& tls) {
  if (role == "--echo") return echo(tls);
  troupe::runtime rt{{.workers = 1, .labels = {"far"}, .name = "far"}};
  const troupe::node here = rt.join(
      {.join = {address}, .certificate = tls.certificate, .key = tls.key, .authority = tls.ca});
  wait_for_end_of_input();
}
}  // namespace
}  // namespace node_bench

int main(int argc, char** argv) {
  using namespace node_bench;
  troupe::export_tasks<nothing, make, make_pages, peak, forget_peak>();
  return run(argc, argv,
             {{"W16_remote_flood", with_far(flood)},
              {"W16_remote_trip", with_far(trip)},
              {"W16_transport_trip", with_transport(raw_trip)},
              {"W17_pull_256m", with_far([](const two_nodes& n) { return pull<make>(n, 256, 5); })},
              {"W17_pull_1g", with_far([](const two_nodes& n) { return pull<make>(n, 1024, 3); })},
              {"W17_pull_structs",
               with_far([](const two_nodes& n) { return pull<make_pages>(n, 256, 3); })},
              {"W17_transport_pieces", with_transport(raw_pieces)}},
             be_other);
}
