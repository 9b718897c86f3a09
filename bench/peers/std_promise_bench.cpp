// SPDX-License-Identifier: MIT
// What one writes by hand with the standard library: threads that take jobs from a queue under a
// mutex, and hand the results over in std::promises.
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;

class pool {
public:
  pool() {
    for (unsigned i = 0; i < workers(); ++i) threads_.emplace_back([this] { serve(); });
  }
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool() {
    {
      const std::lock_guard hold(mutex_);
      ended_ = true;
    }
    bell_.notify_all();
    for (auto& t : threads_) t.join();
  }

  std::future<long> start(long i) {
    auto promise = std::make_shared<std::promise<long>>();
    auto result = promise->get_future();
    post([i, promise] { promise->set_value(i); });
    return result;
  }
  void post(std::function<void()> job) {
    {
      const std::lock_guard hold(mutex_);
      jobs_.push_back(std::move(job));
    }
    bell_.notify_one();
  }

private:
  void serve() {
    for (std::unique_lock hold(mutex_);;) {
      bell_.wait(hold, [this] { return ended_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      hold.unlock();
      job();
      hold.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable bell_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_
  bool ended_ = false;                      // guarded by mutex_
  std::vector<std::thread> threads_;
};

void flood(benchmark::State& state, long n) {
  pool p;
  measure(state, n, [&] {
    std::vector<std::future<long>> all;
    all.reserve(static_cast<std::size_t>(n));
    for (long i = 0; i < n; ++i) all.push_back(p.start(i));
    long sum = 0;
    for (auto& f : all) sum += f.get();
    expect(sum, flood_sum(n));
  });
}
void W1_flood(benchmark::State& state) { flood(state, slow_flood_tasks); }
BENCHMARK(W1_flood)->UseRealTime();

// a job posts the next one
void W3_chain(benchmark::State& state) {
  pool p;
  measure(state, chain_tasks, [&] {
    std::promise<long> last;
    std::function<void(long)> link = [&](long x) {
      if (x == chain_tasks) last.set_value(x);
      else p.post([&link, x] { link(x + 1); });
    };
    p.post([&link] { link(0); });
    expect(last.get_future().get(), chain_tasks);
  });
}
BENCHMARK(W3_chain)->UseRealTime();

void W4_round_trip(benchmark::State& state) {
  pool p;
  measure(state, slow_round_trips, [&] {
    for (long i = 0; i < slow_round_trips; ++i) expect(p.start(i).get(), i);
  });
}
BENCHMARK(W4_round_trip)->UseRealTime();
void W4_round_trip_asleep(benchmark::State& state) {
  pool p;
  measure_from_sleep(state, [&] { expect(p.start(7).get(), 7); });
}
BENCHMARK(W4_round_trip_asleep)->Iterations(trips_from_sleep)->UseManualTime();

void W13_start(benchmark::State& state) {
  measure_starts(state, [] {
    const auto begin = clock::now();
    pool p;
    expect(p.start(7).get(), 7);
    return since(begin);
  });
}
BENCHMARK(W13_start)->Iterations(starts)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
