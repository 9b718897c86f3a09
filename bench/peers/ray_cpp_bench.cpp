// SPDX-License-Identifier: MIT
// Ray's C++ API: one node with BENCH_WORKERS (2) CPUs. Built twice, as a program and as the library
// that Ray's worker processes load, by bench/compare (C++17 and the old ABI of std::string, as Ray's
// own library wants):
//   ray_cpp_bench --ray_code_search_path=LIBRARY ROW...      (no row: lists them)
#include <ray/api.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

long same(long x) { return x; }
long add_one(long x) { return x + 1; }
long fib(long n) {
  if (n < 2) return n;
  auto a = ray::Task(fib).Remote(n - 1), b = ray::Task(fib).Remote(n - 2);
  return *ray::Get(a) + *ray::Get(b);
}
RAY_REMOTE(same, add_one, fib);

class adder {
public:
  static adder* make() { return new adder; }
  long add(long x) { return n_ += x; }

private:
  long n_ = 0;
};
RAY_REMOTE(adder::make, &adder::add);

namespace {

using clock = std::chrono::steady_clock;
const auto started = clock::now();

double since(clock::time_point begin) {
  return std::chrono::duration<double, std::nano>(clock::now() - begin).count();
}

void expect(long got, long wanted) {
  if (got == wanted) return;
  std::fprintf(stderr, "wrong result: got %ld, expected %ld\n", got, wanted);
  std::abort();
}

void report(const std::string& row, std::vector<double> spent, long tasks) {
  std::sort(spent.begin(), spent.end());
  const double ns = spent[spent.size() / 2];
  std::printf("{\"name\":\"%s\",\"ns/task\":%.1f,\"ms\":%.4f}\n", row.c_str(),
              ns / static_cast<double>(tasks), ns / 1e6);
  std::fflush(stdout);
}

void measure(const std::string& row, long tasks, const std::function<void()>& round) {
  round();
  std::vector<double> spent;
  for (int i = 0; i < 3; ++i) {
    const auto begin = clock::now();
    round();
    spent.push_back(since(begin));
  }
  report(row, spent, tasks);
}

using numbers = std::vector<ray::ObjectRef<long>>;

long sum(const numbers& refs) {
  long total = 0;
  for (const auto& x : ray::Get(refs)) total += *x;
  return total;
}

void trip(long i) { expect(*ray::Get(ray::Task(same).Remote(i)), i); }

const std::map<std::string, std::function<void(const std::string&)>> rows{
    {"W1_flood",
     [](const std::string& row) {
       constexpr long n = 5000;
       measure(row, n, [] {
         numbers all;
         for (long i = 0; i < n; ++i) all.push_back(ray::Task(same).Remote(i));
         expect(sum(all), n * (n - 1) / 2);
       });
     }},
    {"W3_chain",
     [](const std::string& row) {
       constexpr long n = 500;
       measure(row, n, [] {
         auto last = ray::Task(add_one).Remote(0L);
         for (long i = 1; i < n; ++i) last = ray::Task(add_one).Remote(last);
         expect(*ray::Get(last), n);
       });
     }},
    {"W4_round_trip",
     [](const std::string& row) {
       measure(row, 200, [] {
         for (long i = 0; i < 200; ++i) trip(i);
       });
     }},
    {"W4_round_trip_asleep",
     [](const std::string& row) {
       std::vector<double> spent;
       trip(7);
       for (int i = 0; i < 30; ++i) {
         std::this_thread::sleep_for(std::chrono::milliseconds(5));
         const auto begin = clock::now();
         trip(7);
         spent.push_back(since(begin));
       }
       report(row, spent, 1);
     }},
    // fib(8) is 67 calls; each that waits gives its CPU to a new worker process
    {"W5_nested_fib",
     [](const std::string& row) {
       measure(row, 67, [] { expect(*ray::Get(ray::Task(fib).Remote(8L)), 21); });
     }},
    {"W15_calls_1_1",
     [](const std::string& row) {
       constexpr long n = 5000;
       auto a = ray::Actor(adder::make).Remote();
       measure(row, n, [&] {
         numbers all;
         for (long i = 0; i < n; ++i) all.push_back(a.Task(&adder::add).Remote(1L));
         (void)sum(all);
       });
     }},
    {"W15_call_trip",
     [](const std::string& row) {
       auto a = ray::Actor(adder::make).Remote();
       measure(row, 200, [&] {
         for (int i = 0; i < 200; ++i) (void)*ray::Get(a.Task(&adder::add).Remote(1L));
       });
     }},
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i)
    if (argv[i][0] == 'W') wanted.emplace_back(argv[i]);
  if (wanted.empty()) {
    std::puts("W13_start");
    for (const auto& [name, run] : rows) std::puts(name.c_str());
    return 0;
  }
  const char* cpus = std::getenv("BENCH_WORKERS");
  ray::RayConfig config;
  config.head_args = {"--num-cpus", cpus ? cpus : "2", "--include-dashboard", "false"};
  ray::Init(config, argc, argv);
  trip(1);
  const double first = since(started);
  for (const auto& name : wanted)
    if (name == "W13_start") report(name, {first}, 1);
    else rows.at(name)(name);
  ray::Shutdown();
}
