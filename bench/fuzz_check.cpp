// SPDX-License-Identifier: MIT
// fuzz_check [N [SEED [EVERY]]]: feeds N mutated config files (100,000) to what `troupe check` does,
// and one in EVERY (1,000) to the program itself when TROUPE_APP names it. Ends with 1 at the first crash,
// hang or exit code that is neither 0 nor 2, and leaves that file as fuzz_check.ini.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"

namespace {

namespace app = troupe::app;
using namespace std::chrono_literals;

constexpr unsigned deadline = 10;  // seconds for one input
constexpr auto culprit = "fuzz_check.ini";

// Every type of key there is, so that every parser is reached.
struct demo {
  app::workflow pipeline{
      "pipeline", "", {}, [this](const app::settings& v, app::complaints& wrong) {
        if (v[least] > v[number]) wrong.about(least, "is more");
      }};
  app::key<std::vector<std::string>> sources = pipeline.list("sources", {"A"}, "");
  app::key<std::chrono::nanoseconds> fetch = pipeline.duration("fetch", 1s, "");
  app::key<double> least = pipeline.number("least", 1, "");
  app::key<double> number = pipeline.number("number", 2, "").at_most(1e6);
  app::task_keys fetching = pipeline.task("fetch", {}, "");
  app::workflow wordcount{"wordcount", "", {}};
  app::key<std::string> files = wordcount.text("files", "/x", "");
  app::key<std::uint64_t> chunk = wordcount.size("chunk", 1, "").at_least(1);
  app::key<std::int64_t> top = wordcount.integer("top", 1, "").at_least(1);
  app::key<bool> quick = wordcount.boolean("quick", true, "");
  app::choice_key<int> output = wordcount.choice<int>("output", {{"text", 0}, {"json", 1}}, "");
};

const std::vector<std::string> seeds{
    "# a comment\n[workflow]\nname = pipeline\n[runtime]\nworkers = 2\nstack_size = 64 KiB\n"
    "resources = gpu 2\nlabels = fast\n"
    "[pipeline]\nsources = A, B, C\nfetch = 0.5 s # half\nleast = 1e-3\nnumber = 7\n"
    "fetch_retries = 2\nfetch_resources = gpu 0.5\nfetch_labels = fast\n",
    "\xef\xbb\xbf[workflow]\r\nname = wordcount\r\n[wordcount]\r\nfiles = \"/x/# y\"\r\n"
    "chunk = 8 KiB\r\ntop = 10\r\nquick = yes\r\noutput = json\r\n",
    ""};

const std::vector<std::string> words{"[",
                                     "]",
                                     "=",
                                     "#",
                                     ";",
                                     "\"",
                                     ",",
                                     "\n",
                                     "\r\n",
                                     "\r",
                                     std::string(1, '\0'),
                                     " ",
                                     "\t",
                                     "[pipeline]\n",
                                     "[workflow]\nname=",
                                     "fetch=",
                                     "1e999",
                                     "nan",
                                     "inf",
                                     "-1",
                                     "99999999999999999999",
                                     "0x",
                                     "\xff\xfe",
                                     "\xef\xbb\xbf",
                                     "\xc3\x28",
                                     "\x1b[2J",
                                     "KiB",
                                     "ms",
                                     ".",
                                     "__",
                                     "%s%n",
                                     "a=b=c",
                                     "\\",
                                     "'",
                                     "*",
                                     "\x01"};

class mutator {
public:
  explicit mutator(std::uint64_t seed) : chance_(seed) {}

  std::string next() {
    auto text = seeds[below(seeds.size())];
    for (auto n = below(5) + 1; n > 0; --n) mutate(text);
    if (below(2000) == 0) text.append(below(3u << 20), text.empty() ? 'x' : text.back());
    return text;
  }

private:
  std::size_t below(std::size_t n) { return chance_() % n; }

  void mutate(std::string& text) {
    const auto at = below(text.size() + 1);
    const auto n = std::min(text.size() - at, below(40));
    switch (below(7)) {
      case 0: text.insert(at, words[below(words.size())]); break;
      case 1: text.insert(at, 1, static_cast<char>(below(256))); break;
      case 2: text.erase(at, n); break;
      case 3: text.insert(below(text.size() + 1), text.substr(at, n)); break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 5: text.insert(at, below(20) == 0 ? 5000 : below(100), "x1, \n="[below(6)]); break;
      case 6: text.resize(at); break;
    }
  }

  std::mt19937_64 chance_;
};

void write(const std::string& text) { std::ofstream(culprit, std::ios::binary) << text; }

// The exit code that `troupe check` would have.
int check_here(const std::string& text) {
  const auto config = app::read_config({.file = culprit, .text = text}, app::workflows());
  for (const auto& e : config.errors)
    for (const unsigned char c : e.text())
      if (c < ' ' || c == 0x7f) return -1;  // a message must not steer a terminal
  return config.errors.empty() ? 0 : 2;
}

int check_in_process(const char* program, const std::string& text) {
  write(text);
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(deadline);  // outlives exec, and ends it by SIGALRM
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execl(program, program, "check", culprit, nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const std::string* current = nullptr;

void too_late(int) {  // only reads what the main thread waits in
  const int fd = ::open(culprit, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (::write(fd, current->data(), current->size()) < 0) ::_exit(2);
  ::_exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t n = argc > 1 ? std::stoul(argv[1]) : 100'000;
  const std::uint64_t seed = argc > 2 ? std::stoull(argv[2]) : 1;
  const std::size_t every = argc > 3 ? std::stoul(argv[3]) : 1000;
  const char* program = std::getenv("TROUPE_APP");
  const demo workflows;
  mutator mutations(seed);
  std::size_t good = 0, processes = 0;
  std::signal(SIGALRM, too_late);
  for (std::size_t i = 0; i < n; ++i) {
    const auto text = mutations.next();
    current = &text;
    ::alarm(deadline);
    int code = check_here(text);
    ::alarm(0);
    good += code == 0;
    if (program != nullptr && *program != '\0' && i % every == 0 && (code == 0 || code == 2)) {
      code = check_in_process(program, text);
      ++processes;
    }
    if (code != 0 && code != 2) {
      write(text);
      std::cerr << "input " << i << " of seed " << seed << " gives " << code << "; see " << culprit
                << '\n';
      return 1;
    }
  }
  std::filesystem::remove(culprit);
  std::cout << n << " files, " << good << " without errors, " << processes << " in processes\n";
}
