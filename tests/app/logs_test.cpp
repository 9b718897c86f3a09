// SPDX-License-Identifier: MIT
#include <regex.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <random>
#include <sstream>

#include "tests/app/process.hpp"
#include "tests/app/scratch.hpp"

// The report of logs against one that a loop makes, line by line.
namespace troupe::app {
namespace {

constexpr std::size_t longest = 300;

std::string config() { return from_environment("TROUPE_SOURCE_DIR") + "/config/logs.ini"; }

std::vector<std::string> command(const std::string& files,
                                 const std::vector<std::string>& settings = {}) {
  std::vector<std::string> all{"run", config()};
  for (const auto& s :
       {"files=" + files, std::string("generate="), "longest=" + std::to_string(longest)})
    all.insert(all.end(), {"--set", "logs." + s});
  for (const auto& s : settings) all.insert(all.end(), {"--set", "logs." + s});
  return all;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::string contents(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

// The smallest that `percent` of them do not exceed, by counting.
double percentile(const std::vector<double>& all, std::size_t percent) {
  double best = 1e300;
  for (const double x : all) {
    const auto n = std::count_if(all.begin(), all.end(), [&](double y) { return y <= x; });
    if (static_cast<std::size_t>(n) * 100 >= all.size() * percent) best = std::min(best, x);
  }
  return best;
}

class regex {
public:
  explicit regex(const char* text) { REQUIRE(::regcomp(&compiled_, text, REG_EXTENDED) == 0); }
  ~regex() { ::regfree(&compiled_); }
  regex(const regex&) = delete;
  regex& operator=(const regex&) = delete;

  // The whole and its groups; nothing if it does not match.
  std::vector<std::string> match(const std::string& text) const {
    regmatch_t places[13];
    std::vector<std::string> found;
    if (::regexec(&compiled_, text.c_str(), 13, places, 0) == 0)
      for (const auto& p : places)
        found.push_back(text.substr(static_cast<std::size_t>(p.rm_so),
                                    static_cast<std::size_t>(p.rm_eo - p.rm_so)));
    return found;
  }

private:
  regex_t compiled_;
};

std::string expected(const std::vector<std::string>& paths, long width = 60) {
  static const regex form(
      R"(^[^[]*\[([0-9]{2})/([A-Za-z]{3})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) )"
      R"(([-+])([0-9]{2})([0-9]{2})\] "[^"]*" ([0-9]{3}) ([0-9]+|-) ([0-9]+\.?[0-9]*)$)");
  static const std::string months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  struct seen {
    std::size_t errors = 0;
    std::vector<double> latencies;
  };
  std::map<long, seen> windows;
  std::size_t lines = 0, malformed = 0;
  std::string first;
  for (const auto& path : paths) {
    std::istringstream text(contents(path));
    std::size_t number = 0;
    for (std::string line; std::getline(text, line);) {
      ++lines, ++number;
      const auto m = form.match(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
      if (line.size() > longest || m.empty()) {
        if (malformed++ == 0) first = path + ":" + std::to_string(number);
        continue;
      }
      const auto n = [&](int i) { return std::stoi(m[static_cast<std::size_t>(i)]); };
      const auto month = static_cast<unsigned>(months.find(m[2]) / 3 + 1);
      const std::chrono::sys_days day{std::chrono::year(n(3)) / std::chrono::month(month) /
                                      std::chrono::day(static_cast<unsigned>(n(1)))};
      const long zone = (m[7] == "-" ? -1 : 1) * (n(8) * 3600 + n(9) * 60);
      const long time =
          day.time_since_epoch().count() * 86400L + n(4) * 3600 + n(5) * 60 + n(6) - zone;
      auto& w = windows[time - time % width];
      w.errors += n(10) >= 500;
      w.latencies.push_back(std::stod(m[12]) * 1000);
    }
  }
  std::string report = "window (UTC)         requests  errors     p50 ms     p95 ms\n";
  char text[120];
  for (const auto& [begin, w] : windows) {
    const auto days = begin / 86400, seconds = begin % 86400;
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
    std::snprintf(text, sizeof text, "%04d-%02u-%02u %02ld:%02ld:%02ld %9zu %7zu %10.3f %10.3f\n",
                  int{date.year()}, unsigned{date.month()}, unsigned{date.day()}, seconds / 3600,
                  seconds / 60 % 60, seconds % 60, w.latencies.size(), w.errors,
                  percentile(w.latencies, 50), percentile(w.latencies, 95));
    report += text;
  }
  report += std::to_string(paths.size()) + " files, " + std::to_string(lines) + " lines, " +
            std::to_string(malformed) + " malformed";
  return report + (first.empty() ? "" : ", the first at " + first) + "\n";
}

void same(const std::string& files, const std::vector<std::string>& paths,
          const std::vector<std::string>& settings = {}, long width = 60) {
  const auto r = troupe(command(files, settings));
  CHECK_MESSAGE(r.code == 0, r.messages);
  CHECK(r.output == expected(paths, width));
}

std::string line(const std::string& date, int status = 200, const std::string& seconds = "0.010") {
  return "10.0.0.1 - ada [" + date + "] \"GET / HTTP/1.1\" " + std::to_string(status) + " 512 " +
         seconds;
}

const std::string noon = "01/Mar/2025:12:00:00 +0000";

TEST_CASE("the sample logs are reported as a loop does") {
  const scratch s;
  const auto folder = s.path("new/folder");
  const auto r = troupe({"run", config(), "--set", "logs.generate=" + folder, "--set",
                         "logs.files=" + folder + "/*.log", "--set",
                         "logs.longest=" + std::to_string(longest)});
  CHECK_MESSAGE(r.code == 0, r.messages);
  std::vector<std::string> paths;
  for (const auto* n : {"1", "2", "3", "4"}) paths.push_back(folder + "/sample-" + n + ".log");
  CHECK(contents(paths[2]).empty());
  CHECK(r.output == expected(paths));
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 4);
}

TEST_CASE("no file, an empty one, one without a line's end") {
  const scratch s;
  const auto none = troupe(command(s.path("*")));
  CHECK(none.code == 1);
  CHECK(none.messages == "troupe: logs.files: no file matches " + s.path("*") + "\n");
  const auto a = s.write("a", "");
  same(a, {a});
  const auto b = s.write("b", line(noon));
  same(b, {b});
  same(s.path("*"), {a, b});
}

TEST_CASE("a line that is none is counted, and the first one named") {
  const scratch s;
  for (const std::string& wrong : {std::string(""),
                                   std::string("\r"),
                                   std::string("torn"),
                                   std::string("[]"),
                                   line(noon).substr(0, 60),
                                   line("01/Foo/2025:12:00:00 +0000"),
                                   line("01/Mar/2025:25:00:00 +0000"),
                                   line("31/Foo/2025:12:00:00 +0000"),
                                   line(""),
                                   line("01/Mar/2025:12:00:00"),
                                   line(noon + " "),
                                   line(noon, 99),
                                   line(noon, 2000),
                                   line(noon, 200, "-"),
                                   line(noon, 200, ""),
                                   line(noon, 200, "nan"),
                                   line(noon, 200, "-1.0"),
                                   line(noon) + " more",
                                   line(noon, 200, "0.01x"),
                                   std::string("\0\0\n\0", 4),
                                   std::string("\xff\xfe[\x80")}) {
    const auto path = s.write("a", line(noon) + "\n" + line(noon, 503, "1.5") + "\n" + wrong +
                                       "\n" + wrong + "\n" + line(noon, 500) + "\n");
    CAPTURE(wrong);
    const auto r = troupe(command(path));
    CHECK(has(r.output, "2025-03-01 12:00:00         3       2     10.000   1500.000\n"));
    CHECK(has(r.output, " malformed, the first at " + path + ":3\n"));
  }
  const auto impossible = s.write("b", line("31/Feb/2025:12:00:00 +0000") + "\n");
  CHECK(has(troupe(command(impossible)).output, "1 files, 1 lines, 1 malformed"));
}

TEST_CASE("what is odd and right") {
  const scratch s;
  std::string text;
  text += line("28/Feb/2025:23:59:59 -0130") + "\n";  // in March, in UTC
  text += line("01/Mar/2025:00:00:00 +0130") + "\r\n";
  text += "[" + noon + "] \"\" 408 - 0.000\n";  // a client that said nothing
  text += "- - - [" + noon + "] \"GET /[x]?a=b c\" 599 0 1000.000\n";
  text += line("01/Jan/1970:00:00:00 +0000") + "\n";
  text += line("29/Feb/2024:12:00:00 +0000") + "\n";
  const auto path = s.write("a", text);
  same(path, {path});
  CHECK(has(troupe(command(path)).output, " 0 malformed\n"));
}

TEST_CASE("a long line is malformed wherever blocks are cut, and the next one is not") {
  const scratch s;
  const auto good = line(noon);
  std::vector<std::string> paths;
  for (const std::size_t length : {longest - 1, longest, longest + 1, longest + 2, 5'000'000ul}) {
    auto text = good;
    text.insert(text.find("/ HTTP"), length - good.size(), 'x');
    paths.push_back(s.write(std::to_string(paths.size()), good + "\n" + text + "\n" + good + "\n"));
  }
  paths.push_back(s.write("endless", std::string(1'000'000, 'x')));
  for (const auto* block : {"block=1KiB", "block=64KiB", "block=100MiB"})
    same(s.path("*"), paths, {block});
  paths.resize(4);
  for (const auto* block : {"block=1", "block=7", "block=301"})
    same(s.path("[0-3]"), paths, {block});
}

TEST_CASE("random logs, blocks, windows and pools") {
  const scratch s;
  std::mt19937 chance(11);
  const auto below = [&](std::size_t n) { return chance() % n; };
  for (int round = 0; round < 25; ++round) {
    std::vector<std::string> paths;
    for (std::size_t f = 0, files = 1 + below(5); f < files; ++f) {
      std::string text;
      for (std::size_t n = below(300); n > 0; --n) {
        char date[40], seconds[20];
        std::snprintf(date, sizeof date, "%02d/Dec/2025:%02d:%02d:%02d %c%02d00",
                      static_cast<int>(1 + below(2)), static_cast<int>(below(24)),
                      static_cast<int>(below(60)), static_cast<int>(below(60)), "+-"[below(2)],
                      static_cast<int>(below(12)));
        std::snprintf(seconds, sizeof seconds, "%d.%03d", static_cast<int>(below(3)),
                      static_cast<int>(below(1000)));
        auto made = line(date, static_cast<int>(100 + below(500)), seconds);
        if (below(10) == 0) made.resize(below(made.size()));
        if (below(30) == 0) made += std::string(below(2 * longest), 'y');
        text += made + (below(20) == 0 ? "\r\n" : "\n");
      }
      if (below(3) == 0 && !text.empty()) text.pop_back();
      paths.push_back(s.write("log-" + std::to_string(f), text));
    }
    const long width = static_cast<long>(1 + below(90'000));
    same(s.path("log-[0-" + std::to_string(paths.size() - 1) + "]"), paths,
         {"block=" + std::to_string(1 + below(3000)), "window=" + std::to_string(width) + "s",
          "parsers=" + std::to_string(1 + below(9))},
         width);
  }
}

process run_following(const std::string& path, const std::string& time) {
  auto arguments = command(path, {"follow=" + time});
  arguments.insert(arguments.begin(), from_environment("TROUPE_APP"));
  return process(arguments);
}

TEST_CASE("a file that grows is read on for as long as follow says") {
  const scratch s;
  const auto path = s.write("a", line(noon) + "\n" + line(noon).substr(0, 20));
  auto p = run_following(path, "2s");
  p.wait_for_message("following " + path + "\n");
  std::ofstream more(path, std::ios::app);
  more << line(noon).substr(20) << "\ntorn\n" << std::flush;
  for (int i = 0; i < 500; ++i) more << line(noon, 503) << '\n' << std::flush;
  more << line(noon) << std::flush;
  CHECK(p.code() == 0);
  CHECK(p.output == expected({path}));
  CHECK(has(p.output, "1 files, 504 lines, 1 malformed, the first at " + path + ":3\n"));
}

TEST_CASE("a file that becomes shorter while it is followed is an error") {
  const scratch s;
  const auto path = s.write("a", line(noon) + "\n");
  auto p = run_following(path, "1h");
  p.wait_for_message("following " + path + "\n");
  std::filesystem::resize_file(path, 3);
  CHECK(p.code() == 1);
  CHECK(has(p.messages, path + ": became shorter"));
}

TEST_CASE("Ctrl-C ends the following at once") {
  const scratch s;
  const auto path = s.write("a", line(noon) + "\n");
  auto p = run_following(path, "1h");
  p.wait_for_message("following " + path + "\n");
  p.send(SIGINT);
  CHECK(p.code() == 130);
}

TEST_CASE("what cannot be read is a task error that names it") {
  const scratch s;
  const auto good = s.write("a", line(noon) + "\n");
  std::filesystem::create_symlink("nowhere", s.path("gone"));
  const auto gone = troupe(command(s.path("*")));
  CHECK(gone.code == 1);
  CHECK(gone.output.empty());
  CHECK(has(gone.messages, s.path("gone") + ": No such file or directory"));
  CHECK(has(troupe(command(s.path(""))).messages, s.path("") + ": is not a regular file"));
  CHECK(troupe({"run", config(), "--set", "logs.generate=" + good}).code == 1);
  CHECK(troupe({"check", config(), "--set", "logs.window=1.5s"}).code == 2);
}

}  // namespace
}  // namespace troupe::app
