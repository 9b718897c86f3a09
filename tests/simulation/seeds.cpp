// SPDX-License-Identifier: MIT
#include "tests/simulation/seeds.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace {
using std::uint64_t;
constexpr unsigned longest = 30;  // seconds for a seed
using simulated::simulator;

struct request {
  uint64_t first = 1, seeds = 0, histories = 0,
           jobs = std::max(1u, std::thread::hardware_concurrency());
  bool one = false;
};

[[noreturn]] void usage(const char* name) {
  std::fprintf(stderr,
               "usage: %s --seeds N [--first S] [--jobs J]\n"
               "       %s --seed S\n"
               "       %s --histories N [--first S]\n",
               name, name, name);
  std::exit(2);
}

request parse(const simulator& sim, int argc, char** argv) {
  request r;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view word = argv[i], text = i + 1 < argc ? argv[i + 1] : "";
    uint64_t n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (failed != std::errc{} || end != text.data() + text.size()) usage(sim.name);
    if (word == "--seeds") r.seeds = n;
    else if (word == "--first") r.first = n;
    else if (word == "--jobs" && n > 0) r.jobs = n;
    else if (word == "--histories") r.histories = n;
    else if (word == "--seed") r.first = n, r.one = true;
    else usage(sim.name);
  }
  if (!r.one && r.seeds == 0 && r.histories == 0) usage(sim.name);
  return r;
}

// What a process tells the one that started it, which reads it when that has ended.
struct report {
  uint64_t seed, done, steps, fewest;
  char wrong[1000];
};

void work(const simulator& sim, const request& r, uint64_t job, report& out) {
  out.fewest = UINT64_MAX;
  for (uint64_t i = job; i < r.seeds; i += r.jobs) {
    out.seed = r.first + i;
    alarm(longest);  // its signal ends a process that hangs
    const auto o = sim.play(out.seed, false);
    out.steps += o.steps;
    out.fewest = std::min<uint64_t>(out.fewest, o.steps);
    if (!o.wrong.empty()) {
      std::snprintf(out.wrong, sizeof out.wrong, "%s", o.wrong.c_str());
      _exit(1);  // the rest of it is broken
    }
    ++out.done;
  }
#ifdef __SANITIZE_ADDRESS__
  if (__lsan_do_recoverable_leak_check() != 0) {
    std::snprintf(out.wrong, sizeof out.wrong, "the seeds up to this one have leaked memory");
    _exit(1);
  }
#endif
  _exit(0);
}

int many(const simulator& sim, const request& r) {
  auto reports = static_cast<report*>(mmap(nullptr, r.jobs * sizeof(report), PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (reports == MAP_FAILED) return std::perror("mmap"), 2;
  const auto begin = std::chrono::steady_clock::now();
  std::map<pid_t, uint64_t> running;
  for (uint64_t j = 0; j < r.jobs; ++j) {
    const pid_t pid = fork();
    if (pid < 0) return std::perror("fork"), 2;
    if (pid == 0) work(sim, r, j, reports[j]);
    running[pid] = j;
  }
  bool failed = false;
  while (!running.empty()) {
    int status = 0;
    const pid_t pid = wait(&status);
    if (pid < 0) break;
    const report& mine = reports[running[pid]];
    running.erase(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    std::string why = mine.wrong;
    if (WIFSIGNALED(status))
      why = WTERMSIG(status) == SIGALRM
                ? "did not end within " + std::to_string(longest) + " s"
                : std::string{"ended by signal: "} + strsignal(WTERMSIG(status));
    const auto seed = static_cast<unsigned long long>(mine.seed);
    if (!failed)
      std::printf("seed %llu: %s\nreplay: %s --seed %llu\n", seed, why.c_str(), sim.name, seed);
    if (!failed)
      for (auto [other, j] : running) kill(other, SIGTERM);
    failed = true;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  uint64_t done = 0, steps = 0, fewest = UINT64_MAX;
  for (uint64_t j = 0; j < r.jobs; ++j) {
    done += reports[j].done;
    steps += reports[j].steps;
    if (reports[j].done > 0) fewest = std::min(fewest, reports[j].fewest);
  }
  std::printf(
      "%llu seeds, %llu steps (the fewest: %llu), in %.1f s with %llu processes: %.0f seeds/s\n",
      static_cast<unsigned long long>(done), static_cast<unsigned long long>(steps),
      static_cast<unsigned long long>(done ? fewest : 0), seconds,
      static_cast<unsigned long long>(r.jobs), static_cast<double>(done) / seconds);
  if (!failed && done && fewest < sim.fewest_steps) return std::puts("a seed had too few steps"), 1;
  return failed ? 1 : 0;
}

int one(const simulator& sim, uint64_t seed) {
  const auto o = sim.play(seed, true);
  std::fputs(o.trace.c_str(), stdout);
  std::printf("seed %llu, %zu steps: %s\n", static_cast<unsigned long long>(seed), o.steps,
              o.wrong.empty() ? "as planned" : o.wrong.c_str());
  std::fflush(stdout);
  _exit(o.wrong.empty() ? 0 : 1);  // what is broken may not end
}

int histories(const simulator& sim, const request& r) {
  for (uint64_t seed = r.first; seed < r.first + r.histories; ++seed) {
    const auto o = sim.play(seed, true);
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : o.trace) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    std::printf("%llu %zu %016llx\n", static_cast<unsigned long long>(seed), o.steps,
                static_cast<unsigned long long>(hash));
  }
  return 0;
}
}  // namespace

int simulated::play_seeds(const simulator& sim, int argc, char** argv) {
  const request r = parse(sim, argc, argv);
  if (r.one) return one(sim, r.first);
  return r.histories ? histories(sim, r) : many(sim, r);
}
