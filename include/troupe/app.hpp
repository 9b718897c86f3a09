// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/app/key.hpp>
#include <troupe/troupe.hpp>

// A whole program around a workflow: config file, checks, help, progress and exit codes.
//
//   void greet(troupe::app::context& app);
//   troupe::app::workflow hello{"hello", "Greets everyone.", greet};
//   const auto names = hello.list("names", {"Ada", "Grace"}, "whom to greet");
//   const auto greeting = hello.task("greet", {.retries = 2}, "greeting someone");
//
//   void greet(troupe::app::context& app) {  // line(name) is a task of its own
//     for (const auto& name : app[names])
//       app.out() << app.get(app.rt().with(app[greeting]).submit<line>(name)) << '\n';
//   }
//   int main(int argc, char** argv) { return troupe::app::main(argc, argv); }
//
// Linked with troupe::app it takes `run FILE`, `check FILE`, `list`, --help and --version.
namespace troupe::app {

// Thrown by context::get when the user interrupts, or the run's time is up (runtime.timeout); no
// std::exception, so that a workflow's own handlers let it pass.
struct interrupted {};

// What a workflow's function is given. For the thread that runs the function only.
class context {
public:
  context(runtime& rt, const settings& values, std::ostream& out);

  // The value of a key; of task_keys, the task_options for rt().with().
  template <class Key> decltype(auto) operator[](const Key& k) const { return values_[k]; }

  runtime& rt() { return rt_; }

  // stdout. A write that fails throws, and the program ends with 1.
  std::ostream& out() { return out_; }

  // Waits like runtime::get, and throws `interrupted` on Ctrl-C. Its task errors end the program
  // with 1 and their whole story.
  template <class T> decltype(auto) get(const ref<T>& r) {
    await(std::vector{r});
    return rt_.get(r);
  }
  template <class T> T get(ref<T>&& r) {
    await(std::vector{r});
    return rt_.get(std::move(r));
  }
  template <class T> auto get(const std::vector<ref<T>>& refs) {
    await(refs);
    return rt_.get(refs);
  }

  // Waits until every task has ended, those that nobody asked for too; throws `interrupted` on
  // Ctrl-C. Called after the workflow's function.
  void finish() const;

  // Tasks may fail and the run be well: without this, any that failed ends the program with 1.
  void expect_failures() { failures_expected_ = true; }
  bool failures_expected() const { return failures_expected_; }

  // For a loop that submits for long: throws `interrupted` on Ctrl-C.
  void throw_if_interrupted() const;

  // For the program: from then on it is as if the user had interrupted.
  void end_by(std::chrono::steady_clock::time_point then) { until_ = then; }

  // Prints the time since the function was called beside the nominal critical path: what the
  // longest way through the graph takes on as many workers as it likes.
  void report_makespan(std::chrono::nanoseconds critical_path);

private:
  template <class T> void await(const std::vector<ref<T>>& refs) const {
    for (auto pending = refs; !pending.empty();) {
      throw_if_interrupted();
      pending = rt_.wait(pending, pending.size(), std::chrono::milliseconds(50)).pending;
    }
  }

  runtime& rt_;
  const settings& values_;
  std::ostream& out_;
  bool failures_expected_ = false;
  std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::time_point::max();
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// A line on stderr, beside the progress. From any thread, and from tasks.
void note(std::string_view line);

// The program. Returns its exit code: 0 all is well, 1 a task failed, 2 the command line or the
// config is wrong and nothing was started, 124 its time was up, 130 interrupted.
int main(int argc, char** argv);

}  // namespace troupe::app
