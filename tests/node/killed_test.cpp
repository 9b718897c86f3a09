// SPDX-License-Identifier: MIT
// Processes that are killed with -9 while graphs run on them. TROUPE_KILLS and TROUPE_SEED choose more
// and others.
#include <troupe/node.hpp>

#include "tests/node/random_graph.hpp"
#include "tests/runtime/says.hpp"
#include "tests/runtime/support.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace graph_tasks;
using namespace std::chrono_literals;

namespace {

class worker_process {
public:
  explicit worker_process(const std::vector<std::string>& arguments) {
    const char* program = std::getenv("TROUPE_WORKER_NODE");
    REQUIRE_MESSAGE(program, "TROUPE_WORKER_NODE is not set");
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      std::vector<char*> all{const_cast<char*>(program)};
      for (const auto& a : arguments) all.push_back(const_cast<char*>(a.c_str()));
      all.push_back(nullptr);
      ::execv(program, all.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    for (char c = 0; ::read(out[0], &c, 1) > 0 && c != '\n';) address += c;
    ::close(out[0]);
    REQUIRE(!address.empty());
  }
  worker_process(const worker_process&) = delete;
  worker_process& operator=(const worker_process&) = delete;
  ~worker_process() { kill(); }
  void kill() {
    if (pid_ == -1) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    ::close(stdin_);
  }
  std::string address;

private:
  pid_t pid_ = -1;
  int stdin_ = -1;
};
using worker = std::unique_ptr<worker_process>;

struct cluster {
  explicit cluster(std::size_t n) {
    export_all();
    for (std::size_t i = 0; i < n; ++i) add();
    REQUIRE(home.wait_for(n, 20s));
  }
  void add() { workers.push_back(std::make_unique<worker_process>(std::vector{home.address()})); }
  runtime rt{{.workers = 1, .name = "driver"}};
  node home = rt.join({.listen = "127.0.0.1:0", .serves = false, .silence = 2000ms});
  std::vector<worker> workers;
};

void compare(const cluster& c, const std::vector<planned>& plan,
             const std::vector<ref<number>>& all) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    CAPTURE(i);
    const expected& e = plan[i].gives;
    try {
      const number value = c.rt.get(all[i], 20s);
      CHECK(e.failed < 0);
      CHECK(value == e.value);
    } catch (const task_error& error) {
      CHECK_MESSAGE(error.text() == "node " + std::to_string(e.failed), std::string(error.what()));
    } catch (const timed_out&) {
      std::fprintf(stderr, "task %zu of kind %d has not settled: %s\n%s\n", i, plan[i].what,
                   c.rt.explain(all[i]).text().c_str(), c.home.status().c_str());
      for (const auto& n : c.home.nodes()) try {
          std::fprintf(stderr, "%s\n", c.home.status_of(n.id, 2s).c_str());
        } catch (const error& gone) { std::fprintf(stderr, "%s\n", gone.what()); }
      std::abort();
    } catch (const error& other) { FAIL_CHECK(std::string(other.what())); }
  }
}

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

}  // namespace

TEST_CASE("a node that is killed loses nothing") {
  test::deadline over;
  cluster c(2);
  const auto far = c.rt.with({.labels = {"far"}});
  std::vector<ref<number>> all;
  for (number i = 0; i < 300; ++i) all.push_back(far.submit<plain>(i, std::vector<number>{i}));
  c.rt.get(all[20]);
  c.workers[0]->kill();
  for (number i = 0; i < 300; ++i) CHECK(c.rt.get(all[i]) == fold(i, {i}));
}

TEST_CASE("graphs come out right with all nodes but one killed, and with all") {
  test::deadline over;
  cluster c(3);
  const auto plan = plan_of(7);
  auto all = submit(c.rt, plan);
  c.workers[0]->kill();
  c.workers[2]->kill();
  compare(c, plan, all);
  all = {};
  std::vector<ref<number>> at_home;
  for (number i = 0; i < 500; ++i) at_home.push_back(c.rt.submit<plain>(i, std::vector<number>{}));
  c.workers[1]->kill();
  for (number i = 0; i < 500; ++i) CHECK(c.rt.get(at_home[i]) == i);
}

TEST_CASE("random graphs come out right while nodes are killed at random, and nothing is left") {
  const unsigned kills = from_environment("TROUPE_KILLS", test::size(40, 15));
  unsigned seed = from_environment("TROUPE_SEED", 1);
  test::deadline over{std::chrono::seconds(60 + kills)};
  cluster c(3);
  std::atomic<unsigned> killed{0};
  std::mutex mutex;
  std::condition_variable bell;
  bool over_now = false;
  std::thread killer([&] {
    std::mt19937 random{seed};
    while (killed < kills) {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(30 + random() % 70));  // the test's own pace
      auto& one = c.workers[random() % c.workers.size()];
      one->kill();
      one = std::make_unique<worker_process>(std::vector{c.home.address()});
      ++killed;
    }
    std::unique_lock guard{mutex};  // the workers would end with the thread that has started them
    bell.wait(guard, [&] { return over_now; });
  });
  unsigned graphs = 0;
  while (killed < kills) {
    CAPTURE(seed);
    std::vector<std::vector<planned>> plans;
    std::vector<std::vector<ref<number>>> results;
    for (int i = 0; i < 4; ++i) {
      plans.push_back(plan_of(seed++));
      results.push_back(submit(c.rt, plans.back()));
    }
    for (std::size_t i = 0; i < plans.size(); ++i) compare(c, plans[i], results[i]);
    graphs += 4;
  }
  MESSAGE(graphs, " graphs, ", kills, " kills");
  CHECK(test::soon([&] { return is_clean(c.rt.stats(), c.home.status()); }));
  if (!is_clean(c.rt.stats(), c.home.status())) MESSAGE(c.home.status());
  {
    std::lock_guard guard{mutex};
    over_now = true;
    bell.notify_one();
  }
  killer.join();
}

TEST_CASE(
    "an actor with snapshots outlives all its nodes, and each call that gave a value counts") {
  const unsigned kills = from_environment("TROUPE_ACTOR_KILLS", test::size(10, 4));
  test::deadline over{std::chrono::seconds(60 + kills)};
  cluster c(2);
  const auto far = c.rt.with({.backoff = {.first = 1ms}, .labels = {"far"}, .restarts = 1000});
  {
    auto once = far.actor<tally>(number{0});
    auto again = c.rt.with({.backoff = {.first = 1ms},
                            .labels = {"far"},
                            .restarts = 1000,
                            .retry_calls = 1000})
                     .actor<tally>(number{20'000});
    number sum_once = 0, sum_again = 0;
    for (unsigned i = 0; i < kills; ++i) {
      std::vector<ref<number>> one, other;
      for (number n = 1; n <= 60; ++n) {
        one.push_back(once.call<&tally::pauses>(n));
        other.push_back(again.call<&tally::pauses>(n));
      }
      c.rt.get(other[i % 50]);
      auto& victim = c.workers[i % 2];
      victim->kill();
      victim = std::make_unique<worker_process>(std::vector{c.home.address()});
      for (number n = 1; n <= 60; ++n) {
        CHECK(c.rt.get(other[n - 1]) == (sum_again += n));
        try {
          const number value = c.rt.get(one[n - 1]);
          CHECK(value == (sum_once += n));
        } catch (const task_error& e) { CHECK(test::says(e, "is gone")); }
      }
    }
    MESSAGE(sum_once, " of ", sum_again, " with ", kills, " kills");
  }
  CHECK(test::soon([&] { return is_clean(c.rt.stats(), c.home.status()); }));
}

TEST_CASE("a task that three nodes die of is poisoned, and those that were with it are not") {
  test::deadline over;
  cluster c(2);
  const auto far = c.rt.with({.labels = {"far"}});
  const auto bad = far.submit<kills_its_node>();
  std::vector<ref<number>> all;
  for (number i = 0; i < 100; ++i) all.push_back(far.submit<plain>(i, std::vector<number>{}));
  int more = 0;
  for (std::size_t alive = 2; !bad.settled(); alive = c.home.nodes().size()) {
    if (alive >= 2) continue;
    REQUIRE(++more < 20);
    c.add();
    (void)test::soon([&] { return c.home.nodes().size() > alive || bad.settled(); }, 500ms);
  }
  CHECK_SAYS(c.rt.get(bad), poisoned, "each node that ran it died (worker-");
  c.add();  // perhaps none is left for the others
  for (number i = 0; i < 100; ++i) CHECK(c.rt.get(all[i]) == i);
}

TEST_CASE("the death of who has submitted ends its work on the others") {
  test::deadline over;
  export_all();
  runtime rt{{.workers = 1, .labels = {"elsewhere"}, .name = "other"}};
  node home = rt.join({.listen = "127.0.0.1:0", .slots = 20, .silence = 2000ms});
  worker_process driver({home.address(), "endless"});
  REQUIRE(test::soon([&] { return rt.stats().tasks_unsettled == 20; }));
  driver.kill();
  CHECK(test::soon(
      [&] { return rt.stats().tasks_unsettled == 0 && is_clean(rt.stats(), home.status()); }));
}
