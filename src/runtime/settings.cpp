// SPDX-License-Identifier: MIT
#include "runtime/settings.hpp"

#include "actors/strand.hpp"

#include <troupe/error.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::detail {

namespace {
constexpr unsigned most_workers = 200;
struct setting {
  std::string_view flag;  // after --troupe-
  const char* environment;
};
constexpr setting workers{"workers", "TROUPE_WORKERS"},
    stack_size{"stack-size", "TROUPE_STACK_SIZE"};
constexpr setting all[] = {workers, stack_size};

std::size_t number(std::string_view text, const std::string& where) {
  std::size_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc{} || end != text.data() + text.size())
    throw error(where + ": '" + std::string(text) + "' is no whole number");
  return n;
}

void check_workers(std::size_t n, const std::string& where) {
  if (n > most_workers)
    throw error(where + ": " + std::to_string(n) + " workers; at most " +
                std::to_string(most_workers) + " (0: one for each core)");
}

// The setting that was meant by a word that begins with a dash, whatever its dashes and case; null:
// the word is the program's own.
const setting* nearly(std::string_view word) {
  word = word.substr(0, word.find('='));
  if (!word.starts_with('-')) return nullptr;
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  std::string plain;
  for (char c : word)
    plain += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto& s : all)
    if (letters_to_change(plain, "troupe-" + std::string(s.flag)) <= 2) return &s;
  return nullptr;
}

struct words {  // what the command line says, where it is given
  std::optional<std::size_t> workers, stack_size;
};

words take_words(int& argc, char** argv) {
  constexpr std::string_view prefix = "--troupe-";
  words w;
  int kept = std::min(argc, 1);
  bool ours = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") ours = false;
    const bool is_ours = ours && word.starts_with(prefix);
    if (!is_ours) {
      if (const setting* meant = ours ? nearly(word) : nullptr)
        throw error(std::string(word) + ": did you mean --troupe-" + std::string(meant->flag) +
                    "=N? (What is the program's own comes after --.)");
      argv[kept++] = argv[i];
      continue;
    }
    const auto equals = word.find('=');
    const auto flag =
        word.substr(prefix.size(), equals == word.npos ? word.npos : equals - prefix.size());
    const auto known = std::find_if(std::begin(all), std::end(all),
                                    [&](const setting& s) { return s.flag == flag; });
    if (known == std::end(all)) {
      const setting* meant = nearly(word);
      throw error(std::string(word) + ": no such option; " +
                  (meant ? "did you mean --troupe-" + std::string(meant->flag) + "=N?"
                         : "there are --troupe-workers=N and --troupe-stack-size=BYTES"));
    }
    if (equals == word.npos)
      throw error(std::string(word) + ": wants a value, as in --troupe-" + std::string(flag) +
                  "=N");
    const std::size_t n = number(word.substr(equals + 1), std::string(word.substr(0, equals)));
    (known->flag == workers.flag ? w.workers : w.stack_size) = n;
  }
  argc = kept;
  argv[kept] = nullptr;
  return w;
}
}  // namespace

std::size_t letters_to_change(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

void check_stack_size(std::size_t bytes, const char* where) {
  if (bytes < smallest_stack_size || bytes > largest_stack_size)
    throw error(std::string(where) + ": " + std::to_string(bytes) + " bytes; between " +
                std::to_string(smallest_stack_size) + " and " + std::to_string(largest_stack_size));
}

void check_file_kind(const std::string& file, bool graph) {
  const auto is = [&](const char* end) { return file.ends_with(end); };
  if (graph && !is(".dot") && !is(".svg") && !is(".json"))
    throw error("the graph's file '" + file + "' ends in none of .dot, .svg and .json");
  if (!graph && !is(".html") && !is(".htm"))
    throw error("the report's file '" + file + "' does not end in .html");
}

runtime_options settle_options(runtime_options options, int* argc, char** argv) {
  words w;
  if (argc) w = take_words(*argc, argv);
  auto settle = [](std::size_t given, std::optional<std::size_t> word, const setting& s,
                   auto check) {
    const std::string flag = "--troupe-" + std::string(s.flag);
    if (word) return check(*word, flag), *word;
    if (given != 0) return check(given, "runtime_options"), given;
    const char* text = std::getenv(s.environment);
    if (!text || !*text) return std::size_t{0};
    const std::size_t n = number(text, s.environment);
    return check(n, s.environment), n;
  };
  options.workers =
      static_cast<unsigned>(settle(options.workers, w.workers, workers, check_workers));
  options.stack_size = settle(options.stack_size, w.stack_size, stack_size,
                              [](std::size_t n, const std::string& where) {
                                if (n != 0) check_stack_size(n, where.c_str());
                              });
  if (options.workers == 0)
    options.workers = std::clamp(std::thread::hardware_concurrency(), 1u, most_workers);
  if (options.stack_size == 0) options.stack_size = default_stack_size;
  if (options.name.empty()) options.name = "troupe";
  const auto file = [](std::string& given, const char* environment) {
    const char* text = std::getenv(environment);
    if (given.empty() && text) given = text;
  };
  file(options.trace, "TROUPE_TRACE");
  file(options.graph, "TROUPE_GRAPH");
  file(options.report, "TROUPE_REPORT");
  for (const auto* f : {&options.graph, &options.report})
    if (!f->empty()) check_file_kind(*f, f == &options.graph);
  return options;
}

}  // namespace troupe::detail
