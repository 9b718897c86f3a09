// SPDX-License-Identifier: MIT
#include "metg.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace metg {
namespace {

using clock = std::chrono::steady_clock;

constexpr int runs = 5;                    // of each point; the best counts
constexpr double seconds_of_a_run = 0.03;  // what the number of steps is chosen for
constexpr long largest = 1L << 17;         // iterations: some 300 us
constexpr long fewest_steps = 16;
constexpr long most_tasks = 200'000;  // so that a graph's records stay within some 100 MB

double seconds_since(clock::time_point begin) {
  return std::chrono::duration<double>(clock::now() - begin).count();
}

[[noreturn]] void usage(const char* program, std::string_view wrong) {
  std::fprintf(
      stderr,
      "%.*s\n"
      "usage: %s PATTERN WIDTH [--peak GFLOPS] [--workers N] [--steps N] [--iterations N]\n"
      "       %s --measure-peak [--workers N]\n"
      "PATTERN: trivial, stencil_1d, nearest, fft, all_to_all, imbalance\n",
      static_cast<int>(wrong.size()), wrong.data(), program, program);
  std::exit(2);
}

template <class Number> std::optional<Number> number(std::string_view text) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || !(n > 0)) return {};
  return n;
}

// The flops a second that the workers reach together with nothing but the kernel.
double measure_peak(unsigned workers) {
  constexpr long iterations = 1 << 21;
  double best = 0;
  for (int round = 0; round < 10; ++round) {
    std::vector<double> seconds(workers);
    std::vector<std::thread> threads;
    for (double& mine : seconds)
      threads.emplace_back([&mine] {
        const auto begin = clock::now();
        compute(iterations);
        mine = seconds_since(begin);
      });
    for (auto& t : threads) t.join();
    double together = 0;
    for (const double s : seconds) together += iterations * flops_per_iteration / s;
    best = std::max(best, together);
  }
  return best / 1e9;
}

struct point {
  double seconds_of_a_step = 0, granularity_us = 0, efficiency = 0;
};

double flops(const graph& g) {
  double iterations = 0;
  for (long t = 0; t < g.shape.steps; ++t)
    for (long x = 0; x < g.shape.width; ++x)
      iterations += static_cast<double>(g.work.iterations_at(t, x));
  return iterations * flops_per_iteration;
}

point measure(const graph& g, const options& o, system& s) {
  double best = 0;
  for (int i = 0; i < runs; ++i) {
    s.prepare(g);
    const long before = points_executed();
    const auto begin = clock::now();
    s.run(g);
    const double spent = seconds_since(begin);
    if (const long n = points_executed() - before; n != g.shape.tasks()) {
      std::fprintf(stderr, "wrong result: %ld tasks have run, of %ld\n", n, g.shape.tasks());
      std::abort();
    }
    if (i == 0 || spent < best) best = spent;
  }
  return {best / static_cast<double>(g.shape.steps),
          best * o.workers / static_cast<double>(g.shape.tasks()) * 1e6,
          flops(g) / best / (o.peak_gflops * 1e9)};
}

// Where the line through the smallest task that reaches 50 % and the next smaller one crosses it.
std::optional<double> crossing(const std::vector<point>& all) {
  for (std::size_t i = all.size(); i-- > 0;) {
    if (all[i].efficiency < 0.5) continue;
    if (i + 1 == all.size()) return all[i].granularity_us;
    const point &over = all[i], &under = all[i + 1];
    const double way = (over.efficiency - 0.5) / (over.efficiency - under.efficiency);
    return over.granularity_us + way * (under.granularity_us - over.granularity_us);
  }
  return {};
}

void print(const options& o, const std::vector<point>& all) {
  std::printf("{\"name\":\"W11_%s/%ld\",", o.pattern.c_str(), o.of.shape.width);
  if (o.of.work.iterations == 0) {
    if (const auto us = crossing(all)) std::printf("\"metg_us\":%.4g,", *us);
    else std::printf("\"metg_us\":null,");
    std::printf("\"floor_us\":%.4g,", all.back().granularity_us);
  }
  std::printf("\"peak_gflops\":%.4g,\"workers\":%u,\"points\":[", o.peak_gflops, o.workers);
  for (std::size_t i = 0; i < all.size(); ++i)
    std::printf("%s[%.4g,%.4g]", i == 0 ? "" : ",", all[i].granularity_us, all[i].efficiency);
  std::printf("]}\n");
}

// Tallies outlive their threads.
std::mutex tallies_mutex;
struct alignas(64) tally_line {
  tally count{0};
};
std::deque<tally_line> tallies;

}  // namespace

tally* new_tally() {
  const std::lock_guard guard{tallies_mutex};
  return &tallies.emplace_back().count;
}

long points_executed() {
  const std::lock_guard guard{tallies_mutex};
  long n = 0;
  for (const auto& line : tallies) n += line.count.load(std::memory_order_relaxed);
  return n;
}

void wrong_number_of_inputs(long t, long x, std::size_t got, std::size_t expected) {
  std::fprintf(stderr, "wrong result: point %ld of row %ld has %zu inputs, expected %zu\n", x, t,
               got, expected);
  std::abort();
}

void wrong_input(long t, long x, output got, long expected) {
  std::fprintf(stderr,
               "wrong result: point %ld of row %ld was given the output of point %ld of row %ld, "
               "expected that of point %ld of row %ld\n",
               x, t, got.x, got.t, expected, t - 1);
  std::abort();
}

options parse(int argc, char** argv) {
  options o;
  o.of.shape.steps = 0;
  bool only_peak = false;
  std::vector<std::string_view> words;
  if (const char* text = std::getenv("BENCH_WORKERS"))
    o.workers = number<unsigned>(text).value_or(o.workers);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto take = [&]<class Number>(Number& to) {
      const auto n = i + 1 < argc ? number<Number>(argv[i + 1]) : std::nullopt;
      if (!n) usage(argv[0], "a positive number must follow an option");
      to = *n;
      ++i;
    };
    if (word == "--measure-peak") only_peak = true;
    else if (word == "--peak") take(o.peak_gflops);
    else if (word == "--workers") take(o.workers);
    else if (word == "--steps") take(o.of.shape.steps);
    else if (word == "--iterations") take(o.of.work.iterations);
    else if (word.starts_with("-")) usage(argv[0], "unknown option");
    else words.push_back(word);
  }
  if (only_peak) {
    std::printf("{\"peak_gflops\":%.4g}\n", measure_peak(o.workers));
    std::exit(0);
  }
  if (words.size() != 2) usage(argv[0], "a pattern and a width are needed");
  const bool uneven = words[0] == "imbalance";
  const auto of = shape_named(uneven ? "nearest" : words[0]);
  const auto width = number<long>(words[1]);
  if (!of) usage(argv[0], "unknown pattern");
  if (!width) usage(argv[0], "the width must be a positive number");
  o.pattern = words[0];
  o.of.shape.of = *of;
  o.of.shape.width = *width;
  if (uneven) o.of.work.imbalance = 1;
  if (o.peak_gflops == 0) o.peak_gflops = measure_peak(o.workers);
  return o;
}

void sweep(const options& o, system& s) {
  const bool one_point = o.of.work.iterations != 0;
  long iterations = one_point ? o.of.work.iterations : largest;
  const auto width = o.of.shape.width;
  // nothing beats the peak, so the first run is at least this long
  double seconds_of_a_step =
      static_cast<double>(iterations * flops_per_iteration * width) / (o.peak_gflops * 1e9);
  std::vector<point> all;
  for (; iterations > 0; iterations /= 2) {
    graph g = o.of;
    g.work.iterations = iterations;
    if (g.shape.steps == 0)
      g.shape.steps = std::clamp(static_cast<long>(seconds_of_a_run / seconds_of_a_step),
                                 fewest_steps, std::max(fewest_steps, most_tasks / width));
    all.push_back(measure(g, o, s));
    seconds_of_a_step = all.back().seconds_of_a_step;
    if (one_point) break;
  }
  print(o, all);
}

}  // namespace metg
