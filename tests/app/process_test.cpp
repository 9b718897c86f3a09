// SPDX-License-Identifier: MIT
#include "tests/app/process.hpp"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/app/scratch.hpp"

// The app as its users meet it: output, exit codes, signals.
namespace troupe::app {
namespace {

namespace fs = std::filesystem;

std::string config(const std::string& name) {
  return from_environment("TROUPE_SOURCE_DIR") + "/config/" + name + ".ini";
}

const std::vector<std::string> quick{"--set", "pipeline.fetch=10ms",
                                     "--set", "pipeline.process=5ms",
                                     "--set", "pipeline.aggregate=2ms"};

outcome run_pipeline(std::vector<std::string> more = {}, const process_options& options = {}) {
  std::vector<std::string> arguments{"run", config("pipeline")};
  arguments.insert(arguments.end(), quick.begin(), quick.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return troupe(arguments, options);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST_CASE("the pipeline says what it does and prints what came out") {
  const auto r = run_pipeline();
  CHECK(r.code == 0);
  CHECK(r.output.ends_with(
      "\nFinal aggregated result: {A: DATA_FROM_A, B: DATA_FROM_B, C: DATA_FROM_C}\n"));
  for (const std::string s : {"A", "B", "C"}) {
    CHECK(has(r.messages, "Fetching data from " + s + "...\n"));
    CHECK(has(r.messages, "Processing data chunk: " + s + "...\n"));
  }
  CHECK(has(r.messages, "Aggregating results...\n"));
}

TEST_CASE("the pipeline takes as long as its critical path, not as all its tasks") {
  const auto r = troupe({"run", config("pipeline"), "--workers", "2"});
  CHECK(r.code == 0);
  double makespan = 0, path = 0, ratio = 0;
  REQUIRE(std::sscanf(r.output.c_str(), "Makespan %lf s, critical path %lf s, ratio %lf", &makespan,
                      &path, &ratio) == 3);
  CHECK(path == 1.7);
  CHECK(makespan >= 1.7);
  CHECK(ratio <= 1.02);
}

TEST_CASE("the sources are a key") {
  const auto r = run_pipeline({"--set", "pipeline.sources=b, a"});
  CHECK(r.code == 0);
  CHECK(has(r.output, "Final aggregated result: {b: DATA_FROM_B, a: DATA_FROM_A}\n"));
}

TEST_CASE("what a task asks for in a config file is what it gets") {
  const auto one_by_one =
      run_pipeline({"--set", "runtime.resources=desk 1", "--set", "pipeline.fetch_resources=desk 1",
                    "--set", "pipeline.fetch=30ms"});
  CHECK(one_by_one.code == 0);
  double makespan = 0;
  REQUIRE(std::sscanf(one_by_one.output.c_str(), "Makespan %lf", &makespan) == 1);
  CHECK(makespan >= 3 * 0.030);
  const auto late =
      run_pipeline({"--set", "pipeline.fetch=1h", "--set", "pipeline.fetch_deadline=20ms"});
  CHECK(late.code == 1);
  CHECK(has(late.messages, "had not settled by its deadline of 20 ms"));
}

TEST_CASE("a task that asks for what the runtime does not have starts nothing") {
  const auto r = troupe({"check", config("wordcount"), "--set", "runtime.resources=gpu 1", "--set",
                         "wordcount.count_resources=gpus 1"});
  CHECK(r.code == 2);
  CHECK(has(r.messages,
            "--set wordcount.count_resources: 'gpus' is not in runtime.resources "
            "(did you mean gpu?)\n"));
}

TEST_CASE("a bound on unsettled tasks holds up what submits, not the result") {
  const auto r = run_pipeline(
      {"--set", "runtime.max_unsettled_tasks=1", "--set", "runtime.max_argument_bytes=1 KiB"});
  CHECK(r.code == 0);
  CHECK(r.output.ends_with("{A: DATA_FROM_A, B: DATA_FROM_B, C: DATA_FROM_C}\n"));
}

TEST_CASE("a bad config tells all its errors, starts nothing and ends with 2") {
  const scratch files;
  const auto bad =
      files.write("bad.ini", "[workflow]\nname = pipeline\n[pipeline]\nfetsh = 1\nprocess = x\n");
  for (const std::string verb : {"run", "check"}) {
    const auto r = troupe({verb, bad}, {.variables = {"TROUPE_PIPELINE__AGGREGATE=-1"}});
    CHECK(r.code == 2);
    CHECK(r.output.empty());
    CHECK(r.messages ==
          bad + ":4: pipeline.fetsh: unknown key (did you mean fetch?)\n" + bad +
              ":5: pipeline.process: 'x' is not a duration (as in 1.5 s or 200 ms)\n" +
              "TROUPE_PIPELINE__AGGREGATE: pipeline.aggregate: '-1' is negative\n" + bad +
              ": 3 errors; nothing was started\n");
  }
}

TEST_CASE("a source that is there twice is an error of the workflow's own check") {
  const auto r = run_pipeline({"--set", "pipeline.sources=A,B,A"});
  CHECK(r.code == 2);
  CHECK(r.messages.starts_with("--set pipeline.sources: has 'A' twice\n"));
}

TEST_CASE("the environment wins over the file, the command line over both") {
  const process_options options{.variables = {"TROUPE_PIPELINE__SOURCES=X"}};
  CHECK(has(run_pipeline({}, options).output, "{X: DATA_FROM_X}"));
  CHECK(has(run_pipeline({"--set", "pipeline.sources=Y"}, options).output, "{Y: DATA_FROM_Y}"));
}

TEST_CASE("a wrong command line ends with 2 and says how it is used") {
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {}, {"rnu", "x"}, {"run"}, {"run", "x", "y"}, {"run", "x", "--worker", "2"}}) {
    const auto r = troupe(wrong);
    CHECK(r.code == 2);
    CHECK(r.output.empty());
    CHECK(has(r.messages, "usage: troupe run FILE"));
  }
}

TEST_CASE("a file that cannot be read ends with 2 and its name") {
  const auto r = troupe({"run", "/nonexistent/x.ini"});
  CHECK(r.code == 2);
  CHECK(r.messages == "troupe: /nonexistent/x.ini: No such file or directory\n");
  CHECK(troupe({"check", "/"}).code == 2);
  CHECK(troupe({"check", "/dev/null"}).code == 2);
  CHECK(troupe({"check", "/dev/zero"}).code == 2);
}

TEST_CASE("help, version and list go to stdout and end with 0") {
  const auto version = troupe({"--version"});
  CHECK(version.code == 0);
  for (const auto* part : {"Troupe ", "\nCAF 0.", "\nBoost 1.", "\ncompiler "})
    CHECK(has(version.output, part));
  CHECK(!has(version.output, "unknown"));
  const auto help = troupe({"--help"});
  CHECK(help.code == 0);
  CHECK(help.output.starts_with("usage: troupe run FILE"));
  const auto list = troupe({"list"});
  CHECK(list.code == 0);
  for (const auto* part : {"[adaptive]", "[pipeline]", "[wordcount]", "[runtime]", "8 KiB"})
    CHECK(has(list.output, part));
  CHECK(version.messages + help.messages + list.messages == "");
}

// The defaults of `troupe list`: "section.key" and the text of its default.
std::vector<std::pair<std::string, std::string>> listed_defaults() {
  std::vector<std::pair<std::string, std::string>> result;
  std::istringstream lines(troupe({"list"}).output);
  std::string line, section;
  while (std::getline(lines, line)) {
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1);
    const auto equals = line.find(" = ");
    if (!line.starts_with("  ") || equals == line.npos) continue;
    const auto end = line.find("  ", equals + 3);
    const auto name = line.substr(2, line.find(' ', 2) - 2);
    result.emplace_back(section + "." + name, line.substr(equals + 3, end - equals - 3));
  }
  return result;
}

TEST_CASE("every config file says each key of its workflow, with its default") {
  for (const std::string name : {"pipeline", "wordcount", "adaptive", "sgd", "search", "logs"}) {
    std::ifstream file(config(name));
    std::string line, section, comment;
    std::map<std::string, std::string> comments;
    while (std::getline(file, line)) {
      if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1);
      if (line.starts_with('#')) comment += line + "\n";
      if (const auto equals = line.find(" = "); !line.starts_with('#') && equals != line.npos)
        comments[section + "." + line.substr(0, equals)] = std::exchange(comment, "");
    }
    for (const auto& [key, initial] : listed_defaults()) {
      if (!key.starts_with(name) && !key.starts_with("runtime.")) continue;
      const auto wanted = "Default " + (key == "runtime.stack_size" ? "0" : initial);
      CHECK_MESSAGE(has(comments[key], wanted), name << ".ini: " << key << ": " << wanted);
    }
  }
}

TEST_CASE("every config file is right and runs") {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(config("x")).parent_path())) {
    const auto path = entry.path().string();
    std::string program = from_environment("TROUPE_APP");
    if (has(path, "own_workflow"))
      program = from_environment("TROUPE_BINARY_DIR") + "/bin/examples/own_workflow";
    if (!fs::exists(program)) continue;
    const auto checked = run({program, "check", path});
    CHECK_MESSAGE(checked.code == 0, path);
    ++files;
    if (has(checked.output, "is a node's")) {
      process node({program, "node", path, "--listen", "127.0.0.1:0"});
      (void)node.wait_for_line(" listens on ");
      node.send(SIGTERM);
      CHECK(node.code() == 0);
      continue;
    }
    const auto r = run({program, "run", path});
    CHECK_MESSAGE(r.code == 0, path << ": " << r.messages);
    CHECK(!r.output.empty());
  }
  CHECK(files >= 3);
}

TEST_CASE("a stdout that cannot be written ends with 1 and says why") {
  const auto full = run_pipeline({}, {.out = "/dev/full"});
  CHECK(full.code == 1);
  CHECK(has(full.messages, "troupe: stdout cannot be written: No space left on device\n"));
  const auto closed = run_pipeline({}, {.out_closed_pipe = true});
  CHECK(closed.code == 1);
  CHECK(has(closed.messages, "troupe: stdout cannot be written: Broken pipe\n"));
  CHECK(troupe({"list"}, {.out = "/dev/full"}).code == 1);
}

TEST_CASE(
    "Ctrl-C finishes what has begun, begins nothing, says what was not done and ends with 130") {
  process p({from_environment("TROUPE_APP"), "run", config("pipeline")});
  for (const auto* source : {"A", "B", "C"})
    p.wait_for_message("Fetching data from " + std::string(source) + "...\n");
  p.send(SIGINT);
  CHECK(p.code() == 130);
  CHECK(p.output.empty());
  CHECK(has(p.messages, "troupe: 3 tasks done, 4 not done\n"));
  CHECK(has(p.messages, "  not done: process 3 of 3\n"));
  CHECK(has(p.messages, "  not done: aggregate 1 of 1\n"));
  CHECK_FALSE(has(p.messages, "Processing"));
}

TEST_CASE("a run whose time is up says what it waited for, and ends with 124") {
  const auto r = run_pipeline({"--timeout", "100ms", "--set", "pipeline.fetch=1h"});
  CHECK(r.code == 124);
  CHECK(r.output.empty());
  CHECK(has(r.messages, "troupe: task 'process' is waiting for its arguments"));
  CHECK(has(r.messages, "troupe: the time is up"));
  CHECK(has(r.messages, "  not done: aggregate 1 of 1\n"));
}

TEST_CASE("--explain says why tasks wait while they do") {
  const auto r = run_pipeline({"--explain=20ms", "--set", "pipeline.fetch=300ms"});
  CHECK(r.code == 0);
  CHECK(has(r.messages, "troupe: task 'aggregate' is waiting for its arguments"));
  CHECK(run_pipeline({"--explain"}).code == 0);
}

TEST_CASE("a run leaves a trace, a graph and a report where it is told to") {
  const scratch files;
  const auto at = [&](const std::string& name) { return files.path(name); };
  CHECK(run_pipeline({"--trace", at("t.json"), "--graph", at("g.dot"), "--report", at("r.html")})
            .code == 0);
  CHECK(fs::file_size(at("t.json")) > 1000);
  CHECK(fs::file_size(at("g.dot")) > 500);
  CHECK(fs::file_size(at("r.html")) > 10'000);
  const auto wrong = troupe({"check", config("pipeline"), "--set", "runtime.graph=x.png"});
  CHECK(wrong.code == 2);
  CHECK(has(wrong.messages,
            "runtime.graph: the graph's file 'x.png' ends in none of .dot, .svg and .json"));
}

TEST_CASE("SIGTERM is an interrupt too") {
  process p({from_environment("TROUPE_APP"), "run", config("pipeline")});
  p.wait_for_message("Fetching data from A...\n");
  p.send(SIGTERM);
  CHECK(p.code() == 143);
}

bool has_open(pid_t id, const std::string& path) {
  std::error_code none;
  for (const auto& fd : fs::directory_iterator("/proc/" + std::to_string(id) + "/fd", none))
    if (fs::read_symlink(fd.path(), none) == path) return true;
  return false;
}

TEST_CASE("a second Ctrl-C does not wait for the tasks that run") {
  const scratch files;
  const auto endless = files.write("endless", "");  // no blocks, and an hour of zeros to read
  fs::resize_file(endless, std::uintmax_t{1} << 42);
  process p({from_environment("TROUPE_APP"), "run", config("wordcount"), "--set",
             "wordcount.files=" + endless, "--set", "wordcount.chunk=1TiB"});
  const auto begin = std::chrono::steady_clock::now();
  while (!has_open(p.id(), endless))
    REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::minutes(1));
  p.send(SIGINT);
  p.wait_for_message("Ctrl-C again leaves at once\n");
  p.send(SIGINT);
  CHECK(p.code() == 130);
}

const process_options terminal_stderr{.variables = {"TERM=xterm", "CI", "NO_COLOR"},
                                      .err_terminal = true};

TEST_CASE("a terminal sees the progress of each name, redrawn in place") {
  const auto r = run_pipeline({"--set", "pipeline.fetch=300ms"}, terminal_stderr);
  CHECK(r.code == 0);
  CHECK(has(r.messages, "0/3"));
  CHECK(has(r.messages, "A\x1b[J"));
  CHECK(has(r.messages, "\x1b[32mfetch      3/3\x1b[0m"));
  CHECK(has(r.messages, "aggregate  1/1"));
}

TEST_CASE("NO_COLOR takes the colour from the progress, CI the progress") {
  auto options = terminal_stderr;
  options.variables = {"TERM=xterm", "CI", "NO_COLOR=1"};
  const auto plain = run_pipeline({}, options);
  CHECK(has(plain.messages, "fetch      3/3"));
  CHECK(!has(plain.messages, "\x1b[32m"));
  options.variables = {"TERM=xterm", "CI=true", "NO_COLOR"};
  CHECK(!has(run_pipeline({}, options).messages, "3/3"));
  CHECK(!has(run_pipeline().messages, "3/3"));
}

TEST_CASE("adaptive integration meets its tolerance") {
  struct known {
    const char* function;
    double from, to, value;
  };
  for (const auto& k :
       {known{"cubic", 0, 1, 0.25}, known{"sin", 0, 3.141592653589793, 2},
        known{"sqrt", 0, 1, 2.0 / 3}, known{"gauss", -10, 10, 1.7724538509055159},
        known{"runge", -1, 1, 0.5493603067780064}, known{"spike", 0, 1, 3136.8307621453014}}) {
    const auto r =
        troupe({"run", config("adaptive"), "--set", std::string("adaptive.function=") + k.function,
                "--set", "adaptive.from=" + std::to_string(k.from), "--set",
                "adaptive.to=" + std::to_string(k.to)});
    CHECK(r.code == 0);
    double value = 0, error = 1;
    long tasks = 0, depth = 0;
    REQUIRE(std::sscanf(r.output.c_str(), "value %lf\nerror estimate %lf\ntasks %ld\ndepth %ld",
                        &value, &error, &tasks, &depth) == 4);
    CHECK_MESSAGE(std::abs(value - k.value) <= 1e-9, k.function << ": " << r.output);
    CHECK(error <= 1e-9);
    CHECK(tasks >= 15);
    CHECK(depth >= 3);
  }
}

TEST_CASE("a tolerance that cannot be met and a function without a value are task errors") {
  const auto deep = troupe({"run", config("adaptive"), "--set", "adaptive.max_depth=5"});
  CHECK(deep.code == 1);
  CHECK(deep.output.empty());
  CHECK(has(deep.messages, "integrate"));
  CHECK(has(deep.messages, "raise adaptive.max_depth or adaptive.tolerance"));
  const auto none = troupe(
      {"run", config("adaptive"), "--set", "adaptive.function=sqrt", "--set", "adaptive.from=-1"});
  CHECK(none.code == 1);
  CHECK(has(none.messages, "no finite value at -1"));
  CHECK(troupe({"run", config("adaptive"), "--set", "adaptive.from=2"}).code == 2);
}

}  // namespace
}  // namespace troupe::app
