// SPDX-License-Identifier: MIT
#include "app/run.hpp"

#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <thread>

#include <troupe/app.hpp>

#include "app/cluster.hpp"
#include "app/interrupt.hpp"
#include "app/output.hpp"
#include "app/progress.hpp"
#include "app/terminal.hpp"

namespace troupe::app {
namespace {

progress_style style_of_stderr() {
  return choose_style(::isatty(STDERR_FILENO) == 1, std::getenv("CI"), std::getenv("NO_COLOR"),
                      std::getenv("TERM"));
}

constexpr int timeout_code = 124;  // as timeout(1) has it

// Why tasks wait, a line each.
void tell_waits(const std::string& program, const runtime& rt) {
  constexpr std::size_t most = 20;
  const auto all = rt.tasks({.most = most + 1});
  for (std::size_t i = 0; i < all.size() && i < most; ++i)
    note(program + ": task " + all[i].text());
  if (all.size() > most) note(program + ": and more tasks wait");
  if (all.empty()) note(program + ": no task waits");
}

// Tells them that often, as long as what it gives lives.
std::jthread tell_waits_every(duration time, const std::string& program, const runtime& rt) {
  if (time <= duration::zero()) return {};
  return std::jthread([&program, &rt, time](const std::stop_token& over) {
    std::mutex mutex;
    std::condition_variable_any bell;
    std::unique_lock guard{mutex};
    const auto never = [] { return false; };
    while (!bell.wait_for(guard, over, time, never) && !over.stop_requested())
      tell_waits(program, rt);
  });
}

// What runs is finished, what has not begun is not; then says what is not done.
void finish_interrupted(const std::string& program, runtime& rt) {
  tell_waits(program, rt);
  rt.stop();
  note(program + (interrupt_signal() != 0 ? ": interrupted" : ": the time is up") +
       (interrupt_signal() != 0
            ? ": waiting for the tasks that run; Ctrl-C again leaves at once"
            : ": tasks that wait are cancelled, those that run are waited for"));
  if (interrupt_signal() != 0) rt.drain();
  std::size_t submitted = 0, done = 0;
  std::string names;
  for (const auto& c : rt.counts()) {
    submitted += c.submitted;
    const std::size_t well = c.settled - c.failed;
    done += well;
    if (well < c.submitted)
      names += "\n  not done: " + c.name + " " + std::to_string(c.submitted - well) + " of " +
               std::to_string(c.submitted);
  }
  note(program + ": " + std::to_string(done) + " tasks done, " + std::to_string(submitted - done) +
       " not done" + names);
}

// Nobody may have asked for what these gave, and a failure must not pass unseen.
int tell_failures(const std::string& program, const runtime& rt) {
  int code = 0;
  for (const auto& c : rt.counts())
    if (c.failed > 0) {
      note(program + ": " + std::to_string(c.failed) + " of " + std::to_string(c.submitted) +
           " tasks '" + c.name + "' failed");
      code = 1;
    }
  return code;
}

int run_on(runtime& rt, const configuration& config, const std::string& program,
           std::ostream& out) {
  const progress shown(rt, style_of_stderr());
  const std::jthread told = tell_waits_every(config.values[common().explain], program, rt);
  context app(rt, config.values, out);
  if (const duration limit = config.values[common().timeout]; limit > duration::zero())
    app.end_by(std::chrono::steady_clock::now() + limit);
  try {
    config.chosen->run(app);
    app.finish();
    out.flush();
    return app.failures_expected() ? 0 : tell_failures(program, rt);
  } catch (const output_error&) { throw; } catch (const interrupted&) {
    finish_interrupted(program, rt);
    return interrupt_signal() != 0 ? 128 + interrupt_signal() : timeout_code;
  } catch (const std::exception& e) {
    note(program + ": " + e.what());
    return 1;
  } catch (...) {
    note(program + ": the workflow '" + config.chosen->name() +
         "' threw something that is no std::exception");
    return 1;
  }
}

}  // namespace

context::context(runtime& rt, const settings& values, std::ostream& out)
    : rt_(rt),
      values_(values),
      out_(out) {}

void context::throw_if_interrupted() const {
  if (interrupt_signal() != 0 || std::chrono::steady_clock::now() > until_) throw interrupted{};
}

void context::finish() const {
  while (rt_.stats().tasks_unended > 0) {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void context::report_makespan(std::chrono::nanoseconds critical_path) {
  using seconds = std::chrono::duration<double>;
  const double took = seconds(std::chrono::steady_clock::now() - begin_).count();
  const double path = seconds(critical_path).count();
  char text[120];
  if (path > 0)
    std::snprintf(text, sizeof text, "Makespan %.3f s, critical path %.3f s, ratio %.2f", took,
                  path, took / path);
  else std::snprintf(text, sizeof text, "Makespan %.3f s, critical path 0 s", took);
  out_ << text << '\n';
}

void note(std::string_view line) { terminal::instance().note(line); }

int run_workflow(const configuration& config, const std::string& program, std::ostream& out) {
  const interrupt_guard watch;  // outlives the runtime, whose end waits for bodies that run
  const auto& values = config.values;
  try {
    auto options = options_of_runtime(values, config.chosen->name());
    options.count_names = true;
    runtime rt{std::move(options)};
    const auto cluster = join_for_run(rt, values);
    return run_on(rt, config, program, out);
  } catch (const troupe::error& e) {
    note(program + ": " + e.what());
    return 1;
  }
}

}  // namespace troupe::app
