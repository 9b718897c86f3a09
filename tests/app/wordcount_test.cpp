// SPDX-License-Identifier: MIT
#include <random>

#include <nlohmann/json.hpp>

#include "tests/app/process.hpp"
#include "tests/app/scratch.hpp"

// wordcount against the shell pipeline that defines it.
namespace troupe::app {
namespace {

outcome count(const std::string& files, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{
      "run", from_environment("TROUPE_SOURCE_DIR") + "/config/wordcount.ini", "--set",
      "wordcount.files=" + files};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return troupe(arguments);
}

std::string shell(const std::string& files) {
  return run({"sh", "-c", "export LC_ALL=C; cat " + files + R"( | tr -cs A-Za-z '\n' | tr A-Z a-z |
    grep . | sort | uniq -c | sort -k1,1rn -k2 | head)"})
      .output;
}

void same_as_shell(const std::string& files, const std::vector<std::string>& more = {}) {
  const auto r = count(files, more);
  CHECK_MESSAGE(r.code == 0, r.messages);
  CHECK(r.output == shell(files));
}

TEST_CASE("the licences of the system are counted as the shell counts them") {
  same_as_shell("/usr/share/common-licenses/*");
}

TEST_CASE("files of no byte, of no word and of one word") {
  const scratch s;
  same_as_shell(s.write("a", ""));
  same_as_shell(s.write("b", " \n.,\n"));
  same_as_shell(s.write("c", "word"));
  same_as_shell(s.write("d", "word\n"));
  same_as_shell(s.path("*"));
}

TEST_CASE("a word may begin in one file and end in another") {
  const scratch s;
  s.write("a", "one tw");
  s.write("b", "o");
  s.write("c", "");
  s.write("d", "three f");
  s.write("e", "our");
  s.write("f", "");
  s.write("g", "ive\n");
  same_as_shell(s.path("*"));
}

TEST_CASE("bytes that are no ASCII letters are between words") {
  const scratch s;
  std::string all = "a";
  for (int c = 0; c < 256; ++c) all += std::string(1, static_cast<char>(c)) + "b";
  same_as_shell(s.write("bytes", all + all));
}

TEST_CASE("equal counts are in the order of the words, and a large count has its room") {
  const scratch s;
  same_as_shell(s.write("ties", "b a c B A d e f g h i j k l m aa ab z zz"));
  std::string many;
  for (int i = 0; i < 1'100'000; ++i) many += "a b\n";
  same_as_shell(s.write("many", many));
}

TEST_CASE("wherever chunks are cut, no word is") {
  const scratch s;
  std::mt19937 chance(7);
  for (int round = 0; round < 20; ++round) {
    std::string text;
    const auto density = 1 + chance() % 12;
    for (auto n = chance() % 3000; n > 0; --n)
      text += chance() % density == 0 ? ' ' : "abC"[chance() % 3];
    same_as_shell(s.write("text", text),
                  {"--set", "wordcount.chunk=" + std::to_string(1 + chance() % 90)});
  }
}

TEST_CASE("one huge word is one word") {
  const scratch s;
  same_as_shell(s.write("huge", "a " + std::string(1'000'000, 'X') + " a"));
  same_as_shell(s.write("bare", std::string(300'000, 'y')));
}

TEST_CASE("50 MB are counted as the shell counts them") {
  const scratch s;
  std::mt19937 chance(3);
  std::string text;
  while (text.size() < 50'000'000) {
    for (auto n = 1 + chance() % 3, word = chance() % 20'000; n > 0; --n, word /= 27)
      text += {static_cast<char>('a' + word % 26), static_cast<char>('A' + word % 7)};
    text += chance() % 9 == 0 ? "\n" : " ";
  }
  same_as_shell(s.write("large", text));
}

TEST_CASE("JSON has the same words") {
  const scratch s;
  const auto r = count(s.write("a", "b a b"), {"--set", "wordcount.output=json"});
  CHECK(r.code == 0);
  CHECK(nlohmann::json::parse(r.output) ==
        nlohmann::json::parse(R"([{"word": "b", "count": 2}, {"word": "a", "count": 1}])"));
  const auto none = count(s.write("a", ""), {"--set", "wordcount.output=json"});
  CHECK(nlohmann::json::parse(none.output) == nlohmann::json::array());
}

TEST_CASE("a file that cannot be read is a task error that names it") {
  const scratch s;
  s.write("a", "a");
  std::filesystem::create_symlink("nowhere", s.path("gone"));
  const auto r = count(s.path("*"));
  CHECK(r.code == 1);
  CHECK(r.output.empty());
  CHECK(r.messages.find(s.path("gone") + ": No such file or directory") != std::string::npos);
  std::filesystem::remove(s.path("gone"));
  std::filesystem::create_directory(s.path("folder"));
  CHECK(count(s.path("*")).messages.find(s.path("folder") + ": Is a directory") !=
        std::string::npos);
  const auto none = count(s.path("nothing*"));
  CHECK(none.code == 1);
  CHECK(none.messages == "troupe: wordcount.files: no file matches " + s.path("nothing*") + "\n");
}

}  // namespace
}  // namespace troupe::app
