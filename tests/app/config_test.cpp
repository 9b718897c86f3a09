// SPDX-License-Identifier: MIT
#include "app/config.hpp"
#include "app/resources.hpp"
#include "app/value.hpp"

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

using namespace std::chrono_literals;

// Two workflows as a user declares them; nothing is run here.
struct program {
  workflow pipeline{"pipeline", "One.", {}, [this](const settings& v, complaints& wrong) {
                      if (v[least] > v[most]) wrong.about(least, "is more than most");
                    }};
  key<std::vector<std::string>> sources = pipeline.list("sources", {"A", "B"}, "");
  key<std::chrono::nanoseconds> fetch = pipeline.duration("fetch", 1s, "");
  key<std::int64_t> least = pipeline.integer("least", 1, "");
  key<std::int64_t> most = pipeline.integer("most", 5, "");
  workflow wordcount{"wordcount", "Two.", {}};
  key<std::string> files = wordcount.text("files", "/x", "");

  configuration read(config_request request) const {
    request.file.assign(1, 'f');  // g++ 12 warns of "f" without reason (its bug 105329)
    return read_config(request, workflows());
  }
  // All errors, a line each.
  std::string told(config_request request) const {
    std::string result;
    for (const auto& e : read(std::move(request)).errors) result += e.text() + "\n";
    return result;
  }
  std::string told_of(const std::string& text) const { return told({.text = text}); }
};

const std::string head = "[workflow]\nname = pipeline\n";

TEST_CASE_FIXTURE(program, "what no one says has its default") {
  const auto config = read({.text = head});
  REQUIRE(config.errors.empty());
  CHECK(config.chosen == &pipeline);
  CHECK(config.values[sources] == std::vector<std::string>{"A", "B"});
  CHECK(config.values[fetch] == 1s);
  CHECK(config.values[common().workers] == 0);
}

TEST_CASE_FIXTURE(program, "the command line wins over the environment, that over the file") {
  config_request request{.text = head + "[pipeline]\nfetch = 2\nleast = 2\nmost = 3\n"};
  CHECK(read(request).values[fetch] == 2s);
  request.environment = {{"TROUPE_PIPELINE__FETCH", "3"}, {"TROUPE_PIPELINE__MOST", "4"}};
  CHECK(read(request).values[fetch] == 3s);
  request.sets = {"pipeline.fetch=4"};
  const auto config = read(request);
  CHECK(config.values[fetch] == 4s);
  CHECK(config.values[most] == 4);
  CHECK(config.values[least] == 2);
  CHECK(config.errors.empty());
}

TEST_CASE_FIXTURE(program, "of two --set the last wins, and --workers wins over both") {
  config_request request{.text = head, .sets = {"runtime.workers=1", "runtime.workers=2"}};
  CHECK(read(request).values[common().workers] == 2);
  request.workers = "3";
  CHECK(read(request).values[common().workers] == 3);
}

TEST_CASE_FIXTURE(program, "the library's own variable for the workers is heard, the key's wins") {
  config_request request{.text = head, .environment = {{"TROUPE_WORKERS", "4"}}};
  CHECK(read(request).values[common().workers] == 4);
  request.environment.emplace(request.environment.begin(), "TROUPE_RUNTIME__WORKERS", "5");
  CHECK(read(request).values[common().workers] == 5);
  CHECK(told({.text = head, .environment = {{"TROUPE_WORKERS", "many"}}}) ==
        "TROUPE_WORKERS: runtime.workers: 'many' is not an integer (a whole number, as in 42)\n");
}

TEST_CASE_FIXTURE(program, "a value passes Boost's parser as it stands") {
  const auto config =
      read({.text = "[workflow]\nname=wordcount\n[wordcount]\nfiles = \" a#b # [c] = d\t\"\n"});
  REQUIRE(config.errors.empty());
  CHECK(config.values[files] == " a#b # [c] = d\t");
}

TEST_CASE_FIXTURE(program, "the command line can choose another workflow of the file") {
  const auto config =
      read({.text = head + "[wordcount]\nfiles=/y\n", .sets = {"workflow.name=wordcount"}});
  REQUIRE(config.errors.empty());
  CHECK(config.chosen == &wordcount);
  CHECK(config.values[files] == "/y");
}

TEST_CASE_FIXTURE(program, "an unknown workflow lists the near ones") {
  CHECK(told_of("[workflow]\nname = pipelin\n") ==
        "f:2: workflow.name: no workflow is called 'pipelin' (did you mean pipeline?)\n");
  CHECK(told_of("[workflow]\nname = zzz\n") ==
        "f:2: workflow.name: no workflow is called 'zzz' "
        "(workflows are: pipeline, wordcount)\n");
  CHECK(told_of("") == "f:1: workflow.name: names no workflow (they are: pipeline, wordcount)\n");
  CHECK(told_of("\n[workflow]\n") ==
        "f:2: workflow.name: names no workflow (they are: pipeline, wordcount)\n");
}

TEST_CASE("a program with one workflow needs no name") {
  const workflow only{"only", "", {}};
  const auto config = read_config({"f", "", {}, {}, {}}, {&only});
  CHECK(config.errors.empty());
  CHECK(config.chosen == &only);
}

TEST_CASE_FIXTURE(program, "unknown sections and keys are told with what was meant") {
  CHECK(told_of(head + "[pipelin]\nfetch=1\n[zzz]\n[pipeline]\nfetsh=1\nworkers=2\nzz=1\n") ==
        "f:3: [pipelin]: unknown section (did you mean pipeline?)\n"
        "f:5: [zzz]: unknown section (sections are: workflow, runtime, cluster, pipeline, "
        "wordcount)\n"
        "f:7: pipeline.fetsh: unknown key (did you mean fetch?)\n"
        "f:8: pipeline.workers: unknown key (did you mean runtime.workers?)\n"
        "f:9: pipeline.zz: unknown key (keys are: sources, fetch, least, most)\n");
}

TEST_CASE_FIXTURE(program, "all errors are told at once, each with where it stands") {
  CHECK(told({.text =
                  head + "[pipeline]\nfetch = -1\nleast = x\nleast = 1\njunk\n[wordcount]\nfiles=",
              .environment = {{"TROUPE_PIPELINE__MOST", "1e3"}},
              .sets = {"pipeline.sources=A,,B", "pipeline.fetch=nan"},
              .workers = "-1"}) ==
        "f:6: pipeline.least: given twice; line 5 has it too\n"
        "f:7: 'junk' is neither 'key = value', '[section]' nor '# comment'\n"
        "f:4: pipeline.fetch: '-1' is negative\n"
        "f:5: pipeline.least: 'x' is not an integer (a whole number, as in 42)\n"
        "f:9: wordcount.files: must not be empty\n"
        "TROUPE_PIPELINE__MOST: pipeline.most: '1e3' is not an integer (a whole number, as in 42)\n"
        "--set pipeline.sources: item 2 of the list is empty\n"
        "--set pipeline.fetch: 'nan' is not a duration (as in 1.5 s or 200 ms)\n"
        "--workers: runtime.workers: '-1' is less than 0, the least\n");
}

TEST_CASE_FIXTURE(program, "a --set that is none of ours says so") {
  CHECK(told({.text = head,
              .sets = {"pipeline.fetsh=1", "pipelin.fetch=1", "x", "x=1", "=", "\x1b.k=1"}}) ==
        "--set pipeline.fetsh: unknown key (did you mean fetch?)\n"
        "--set pipelin.fetch: unknown section (did you mean pipeline?)\n"
        "--set 'x': is not section.key=value\n"
        "--set 'x=1': is not section.key=value\n"
        "--set '=': is not section.key=value\n"
        "--set '\\x1b.k=1': is not section.key=value\n");
}

TEST_CASE_FIXTURE(program,
                  "a variable that is nearly a key's is an error, another program's is not") {
  CHECK(
      told({.text = head, .environment = {{"TROUPE_PIPELINE__FETSH", "1"}}}) ==
      "TROUPE_PIPELINE__FETSH: no key has this variable (did you mean TROUPE_PIPELINE__FETCH?)\n");
  CHECK(told({.text = head, .environment = {{"TROUPE_PIPLINE__FETCH", "1"}}}) ==
        "TROUPE_PIPLINE__FETCH: no key has this variable (did you mean TROUPE_PIPELINE__FETCH?)\n");
  CHECK(told({.text = head, .environment = {{"TROUPE_CRAWLER__DEPTH", "1"}}}).empty());
}

TEST_CASE_FIXTURE(program, "keys that do not go together are told where they were set") {
  CHECK(told_of(head + "[pipeline]\nleast = 7\n") == "f:4: pipeline.least: is more than most\n");
  CHECK(told({.text = head, .sets = {"pipeline.least=7"}}) ==
        "--set pipeline.least: is more than most\n");
  CHECK(told({.text = head + "[pipeline]\n", .sets = {"pipeline.most=0"}}) ==
        "f:3: pipeline.least: is more than most\n");
  CHECK(told_of("[workflow]\nname=wordcount\n[pipeline]\nleast = 7\n").empty());
  CHECK(told_of(head + "[runtime]\nstack_size = 1 KiB\n") ==
        "f:4: runtime.stack_size: a task needs 16 KiB of stack at least (0: the default)\n");
}

TEST_CASE_FIXTURE(program, "resources are names and amounts") {
  CHECK(told_of(head + "[runtime]\nresources = gpu 2, disk 0.25\nlabels = arm, fast\n").empty());
  CHECK(parse_resources({"gpu 2", "fast disk 0.25"}) ==
        resource_map{{"gpu", 2}, {"fast disk", 0.25}});
  const auto wrong = [](const char* item) { (void)parse_resources({"gpu 2", item}); };
  CHECK_THROWS_WITH(wrong("disk"), "'disk' is not a name and an amount (gpu 2)");
  for (const auto* item : {"disk x", "disk -1", "disk 0.00001", "disk 1e3", "disk nan", "gpu 1"})
    CHECK_THROWS_AS(wrong(item), bad_value);
  CHECK(told_of(head + "[runtime]\nresources = gpu\n") ==
        "f:4: runtime.resources: 'gpu' is not a name and an amount (gpu 2)\n");
  CHECK(!told_of(head + "[runtime]\nmax_unsettled_tasks = -1\n").empty());
  CHECK(told_of(head + "[runtime]\nmax_argument_bytes = 4 MiB\n").empty());
}

TEST_CASE_FIXTURE(program, "a workflow is known while it lives, and by one name") {
  CHECK(workflows() == std::vector<const workflow*>{&pipeline, &wordcount});
  CHECK_THROWS_WITH((workflow{"pipeline", "", {}}), "two workflows are called 'pipeline'");
  CHECK_THROWS_AS((workflow{"runtime", "", {}}), std::logic_error);
  {
    const workflow third{"third", "", {}};
    CHECK(workflows().size() == 3);
  }
  CHECK(workflows().size() == 2);
}

TEST_CASE("a key of another program is a mistake of the programmer") {
  section stranger{"stranger", ""};
  const auto k = stranger.text("k", "", "");
  CHECK_THROWS_AS(settings()[k], std::logic_error);
}

}  // namespace
}  // namespace troupe::app
