// SPDX-License-Identifier: MIT
#include <glob.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <troupe/app.hpp>

//   tail a file --lines--> pool of parsers --parts--> collect --add()--+
//   tail a file --lines--> pool of parsers --parts--> collect --add()--+--> windows --report()-->
//
// Lines and parts are streams, each stage a task: a file that is read faster than it is parsed waits.
// The parsers and the windows are actors: they keep what they have seen.
//
// A line is what nginx writes with log_format '... [$time_local] "$request" $status
// $body_bytes_sent $request_time': [01/Mar/2025:10:00:00 +0000] "GET / HTTP/1.1" 200 512 0.012
namespace {

using namespace std::chrono_literals;
namespace app = troupe::app;
namespace fs = std::filesystem;

void run(app::context& app);
void check(const app::settings& values, app::complaints& wrong);

app::workflow logs{"logs", "Reports requests, errors and latencies of access logs.", run, check};
const auto files = logs.text("files", "access.log*", "as a shell writes them: * ? [a-z] {a,b} ~");
const auto generate =
    logs.text("generate", "", "a folder for sample logs that are written first; empty: none")
        .may_be_empty();
const auto width =
    logs.duration("window", 1min, "a line of the report is of so long, whole seconds")
        .at_least(1s)
        .at_most(24h * 366);
const auto follow =
    logs.duration("follow", 0s, "files may grow, and are read for so long").at_most(24h * 366);
const auto parsers =
    logs.integer("parsers", 4, "how many actors parse lines").at_least(1).at_most(1'000);
const auto block = logs.size("block", 64 * 1024, "so much of a file is read at a time")
                       .at_least(1)
                       .at_most(std::uint64_t{1} << 30);
const auto longest =
    logs.size("longest", 8 * 1024, "a longer line is malformed, and not kept in memory")
        .at_least(1)
        .at_most(std::uint64_t{1} << 30);

// ---- what goes through the pipeline

struct place {
  std::size_t file;
  std::uint64_t line;
  auto operator<=>(const place&) const = default;
};

struct lines {
  place first;
  std::string text;  // each with its end; of one that is too long, a byte more than the longest
};

struct window {
  std::size_t errors = 0;               // statuses of 500 or more
  std::vector<std::int64_t> latencies;  // of all requests, in microseconds
};

struct part {
  std::map<std::int64_t, window> windows;  // by their beginnings, in seconds since 1970
  std::uint64_t lines = 0, malformed = 0;
  std::optional<place> first_malformed;

  void add(const part& other) {
    for (const auto& [begin, more] : other.windows) {
      auto& w = windows[begin];
      w.errors += more.errors;
      w.latencies.insert(w.latencies.end(), more.latencies.begin(), more.latencies.end());
    }
    lines += other.lines;
    malformed += other.malformed;
    const auto bad = other.first_malformed;
    if (bad && (!first_malformed || *bad < *first_malformed)) first_malformed = bad;
  }
};

// ---- tail

struct reading {
  std::size_t block, longest;
  std::chrono::nanoseconds follow;
};

troupe::stream<lines> tail(std::string path, std::size_t file, reading how) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::system_error(errno, std::generic_category(), path);
  if (!fs::is_regular_file(path)) throw std::runtime_error(path + ": is not a regular file");
  const auto until = std::chrono::steady_clock::now() + how.follow;
  bool waited = false;
  std::vector<char> data(how.block);
  std::uint64_t size = 0, number = 1;  // of the bytes read; of the line that has begun
  std::string begun;
  while (true) {
    in.read(data.data(), static_cast<std::streamsize>(data.size()));
    std::string_view rest(data.data(), static_cast<std::size_t>(in.gcount()));
    if (in.bad()) throw std::runtime_error(path + ": cannot be read");
    if (rest.empty()) {
      if (fs::file_size(path) < size) throw std::runtime_error(path + ": became shorter");
      if (std::chrono::steady_clock::now() >= until) break;
      if (!std::exchange(waited, true)) app::note("following " + path);
      troupe::here().sleep_for(10ms);
      in.clear();
      continue;
    }
    size += rest.size();
    lines whole{{file, number}, {}};
    for (auto end = rest.find('\n');; end = rest.find('\n')) {
      begun += rest.substr(0, std::min(end, how.longest + 1 - begun.size()));
      if (end == rest.npos) break;
      whole.text += begun + '\n';
      ++number;
      begun.clear();
      rest.remove_prefix(end + 1);
    }
    if (!whole.text.empty()) co_yield std::move(whole);
    if (waited && std::chrono::steady_clock::now() >= until) break;  // though it still grows
  }
  if (!begun.empty()) {                        // its end was never written
    lines last{{file, number}, begun + '\n'};  // named: g++ 12 destroys a braced one's parts twice
    co_yield std::move(last);
  }
}

// ---- parse

// What stands before `end`, and takes both away from the text; all that is left if `end` is not there.
std::string_view cut(std::string_view& text, char end) {
  const auto found = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), found.size() + 1));
  return found;
}

template <class T> std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

class parser {
public:
  parser(std::int64_t width, std::size_t longest) : width_(width), longest_(longest) {}

  part parse(const lines& some) {
    part result;
    for (std::string_view rest = some.text; !rest.empty(); ++result.lines)
      if (!add(cut(rest, '\n'), result) && result.malformed++ == 0)
        result.first_malformed = {some.first.file, some.first.line + result.lines};
    return result;
  }

private:
  bool add(std::string_view line, part& to) {
    if (line.size() > longest_) return false;
    if (line.ends_with('\r')) line.remove_suffix(1);
    cut(line, '[');
    const auto date = cut(line, ']');
    if (cut(line, '"') != " ") return false;
    cut(line, '"');
    if (!cut(line, ' ').empty()) return false;
    const auto status = number<int>(cut(line, ' '));
    cut(line, ' ');
    const auto seconds = number<double>(line);
    const auto when = time_of(date);
    if (!when || !status || *status < 100 || *status > 599 || !seconds || !(*seconds >= 0) ||
        *seconds > 1e6)
      return false;
    auto& w = to.windows[*when - (*when % width_ + width_) % width_];
    w.errors += *status >= 500;
    w.latencies.push_back(std::llround(*seconds * 1e6));
    return true;
  }

  // In seconds since 1970. Lines side by side are often of the same second: that one is kept.
  std::optional<std::int64_t> time_of(std::string_view date) {
    if (!date_.empty() && date == date_) return time_;
    const std::string text(date);
    tm t{};
    const char* end = ::strptime(text.c_str(), "%d/%b/%Y:%H:%M:%S %z", &t);
    if (end != text.c_str() + text.size()) return {};
    const auto day = t.tm_mday;
    const auto zone = t.tm_gmtoff;
    const auto seconds = ::timegm(&t);
    if (t.tm_mday != day) return {};  // the 31st of February
    date_ = text;
    return time_ = seconds - zone;
  }

  std::int64_t width_;
  std::size_t longest_;
  std::string date_;
  std::int64_t time_ = 0;
};

// ---- aggregate and report

class windows {
public:
  void add(const part& p) { all_.add(p); }
  part report() const { return all_; }

private:
  part all_;
};

void collect(troupe::stream<part> parts, const troupe::actor<windows>& all) {
  while (auto p = parts.next()) troupe::here().get(all.call<&windows::add>(std::move(*p)));
}

// The smallest latency that so many percent of the sorted ones do not exceed, in milliseconds.
double percentile(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  return static_cast<double>(sorted[(sorted.size() * percent + 99) / 100 - 1]) / 1000;
}

void print(std::ostream& out, part all, const std::vector<std::string>& paths) {
  out << "window (UTC)         requests  errors     p50 ms     p95 ms\n";
  for (auto& [begin, w] : all.windows) {
    std::sort(w.latencies.begin(), w.latencies.end());
    tm t{};
    const std::time_t seconds = begin;
    char date[40], text[120];
    std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", ::gmtime_r(&seconds, &t));
    std::snprintf(text, sizeof text, "%s %9zu %7zu %10.3f %10.3f\n", date, w.latencies.size(),
                  w.errors, percentile(w.latencies, 50), percentile(w.latencies, 95));
    out << text;
  }
  out << paths.size() << " files, " << all.lines << " lines, " << all.malformed << " malformed";
  if (const auto bad = all.first_malformed)
    out << ", the first at " << paths[bad->file] << ':' << bad->line;
  out << '\n';
}

// ---- sample logs

void write_sample(const std::string& folder, unsigned number) {
  std::mt19937 engine(number);
  const auto chance = [&](unsigned below) { return static_cast<unsigned>(engine() % below); };
  std::string text;
  for (unsigned ms = 0; number != 3 && ms < 300'000; ms += chance(60)) {  // the third is empty
    const bool bad = ms / 60'000 == 3;                                    // the fourth minute
    const unsigned latency = (5 + chance(40)) * (bad ? 10 + chance(10) : 1);
    char line[120];
    std::snprintf(line, sizeof line,
                  "10.0.0.%u - - [01/Mar/2025:10:%02u:%02u +0000] \"GET /%u\" %d %u %u.%03u\n",
                  chance(250), ms / 60'000, ms / 1000 % 60, chance(1000),
                  chance(bad ? 10 : 500) == 0 ? 503 : 200, chance(5000), latency / 1000,
                  latency % 1000);
    text += chance(2000) == 0 ? "torn\n" : line;
  }
  if (number == 2)
    text += "10.0.0.1 - - [01/Mar/2025:10:04:59 +0000] \"GET /" + std::string(100'000, 'x');
  const auto path = fs::path(folder) / ("sample-" + std::to_string(number) + ".log");
  const auto unfinished = path.string() + "." + std::to_string(::getpid());
  std::ofstream out(unfinished, std::ios::binary);
  if (!(out << text << std::flush))
    throw std::system_error(errno, std::generic_category(), unfinished);
  fs::rename(unfinished, path);  // who reads it now reads it whole
}

// ---- the workflow

std::vector<std::string> matching(const std::string& pattern) {
  glob_t found{};
  const int error = ::glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv,
                                 found.gl_pathv + (error == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (paths.empty()) throw std::runtime_error("logs.files: no file matches " + pattern);
  return paths;
}

void run(app::context& app) {
  auto& rt = app.rt();
  if (const auto& folder = app[generate]; !folder.empty()) {
    fs::create_directories(folder);
    std::vector<troupe::ref<void>> written;
    for (unsigned n = 1; n <= 4; ++n)
      written.push_back(rt.with({.name = "generate"}).submit<write_sample>(folder, n));
    app.get(written);
  }
  const auto paths = matching(app[files]);
  const auto all = rt.actor<windows>();
  const auto pool = rt.actor_pool<parser>(static_cast<std::size_t>(app[parsers]), app[width] / 1s,
                                          std::size_t{app[longest]});
  const reading how{app[block], app[longest], app[follow]};
  std::vector<troupe::ref<void>> collected;
  for (std::size_t i = 0; i < paths.size(); ++i)
    collected.push_back(
        rt.submit<collect>(pool.map<&parser::parse>(rt.submit<tail>(paths[i], i, how)), all));
  try {
    app.get(collected);
  } catch (const app::interrupted&) {
    for (const auto& c : collected) rt.cancel(c);  // nobody waits for what a file has yet to say
    throw;
  }
  print(app.out(), app.get(all.call<&windows::report>()), paths);
}

void check(const app::settings& values, app::complaints& wrong) {
  if (values[width] % 1s != 0s) wrong.about(width, "is no whole number of seconds");
}

}  // namespace
