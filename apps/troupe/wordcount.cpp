// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

#include <troupe/app.hpp>
#include <troupe/export.hpp>

//   file --> split --> count --+
//                 \--> count --+--> merge --+
//   file --> split --> count --+            +--> merge --> top
//                 \--> split --> count ...--+
// How many tasks there are is known only when the files have been seen.
namespace {

namespace app = troupe::app;
using troupe::ref;

void run(app::context& app);

enum class format { text, json };

app::workflow wordcount{"wordcount", "Counts the words of files and prints the most frequent.",
                        run};
const auto files = wordcount.text("files", "/usr/share/common-licenses/*",
                                  "the files, as a shell writes them: * ? [a-z] {a,b} ~");
const auto chunk =
    wordcount
        .size("chunk", 8 * 1024, "a longer file is split at a word's end, a task for each part")
        .at_least(1)
        .at_most(std::uint64_t{1} << 40);
const auto top = wordcount.integer("top", 10, "how many words to print").at_least(1);
const auto output = wordcount.choice<format>(
    "output", {{"text", format::text}, {"json", format::json}}, "text is the format of uniq -c");
// Of the tasks that wait for no others: so none holds what another one needs to go on.
const auto counting = wordcount.task("count", {}, "counting a part");

constexpr std::size_t fan = 16;   // parts of a split, inputs of a merge
constexpr std::size_t ahead = 2;  // of the parts that split again, so many at a time
constexpr std::size_t block = 64 * 1024;

// ---- what a stretch of text holds; stretches side by side can be merged, wherever they were cut

using word_counts = std::unordered_map<std::string, std::uint64_t>;

struct word_count {
  std::string word;
  std::uint64_t count;
};

struct tally {
  bool broken = false;     // has anything but letters
  std::string head, tail;  // letters before the first break, and after the last
  word_counts inside;      // the words between
};

class counter {
public:
  void add(std::string_view text) {
    for (const char c : text) {
      const char small = static_cast<char>(c | 0x20);
      if (small >= 'a' && small <= 'z') open_ += small;
      else end_word();
    }
  }
  void add(const tally& next) {
    open_ += next.head;
    if (!next.broken) return;
    end_word();
    for (const auto& [word, count] : next.inside) counts_[word] += count;
    open_ = next.tail;
  }
  tally finish() {
    if (!broken_) return {false, std::move(open_), {}, {}};
    return {true, std::move(head_), std::move(open_), std::move(counts_)};
  }

private:
  void end_word() {
    if (!broken_) {
      broken_ = true;
      head_ = std::move(open_);
    } else if (!open_.empty()) {
      ++counts_[open_];
    }
    open_.clear();
  }

  bool broken_ = false;
  std::string head_, open_;  // the first letters, and those since the last break
  word_counts counts_;
};

// ---- files

class file {
public:
  explicit file(const std::string& path) : path_(path), fd_(::open(path.c_str(), flags)) {
    if (fd_ == -1) fail(errno);
  }
  ~file() { ::close(fd_); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;

  std::uint64_t size() const {
    struct stat s {};
    if (::fstat(fd_, &s) == -1) fail(errno);
    if (S_ISDIR(s.st_mode)) fail(EISDIR);
    if (!S_ISREG(s.st_mode)) throw std::runtime_error(path_ + ": is not a regular file");
    return static_cast<std::uint64_t>(s.st_size);
  }

  // What there is from `at` on, `most` bytes at most; nothing at the end of the file.
  std::string_view read(std::uint64_t at, std::uint64_t most) {
    ssize_t n;
    do {
      n = ::pread(fd_, block_.data(), std::min<std::uint64_t>(most, block), static_cast<off_t>(at));
    } while (n == -1 && errno == EINTR);
    if (n == -1) fail(errno);
    return {block_.data(), static_cast<std::size_t>(n)};
  }

private:
  static constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // no waiting for a pipe
  [[noreturn]] void fail(int error) const {
    throw std::system_error(error, std::generic_category(), path_);
  }

  std::string path_;
  int fd_;
  std::vector<char> block_ = std::vector<char>(block);
};

struct range {
  std::uint64_t begin, end;
};
constexpr auto until_its_end = ~std::uint64_t{0};  // of a file whose size the system does not know

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The first place from `at` on that is no letter; `at` itself if a word goes on for too long.
std::uint64_t word_end(file& f, std::uint64_t at, std::uint64_t patience) {
  const auto text = f.read(at, patience);
  const auto end = std::find_if_not(text.begin(), text.end(), is_letter);
  return end == text.end() ? at : at + static_cast<std::uint64_t>(end - text.begin());
}

std::vector<range> split_at_words(const std::string& path, range whole, std::uint64_t parts,
                                  std::uint64_t patience) {
  file f(path);
  std::vector<range> result;
  const auto length = whole.end - whole.begin;
  const auto step = length / parts + (length % parts != 0);
  auto begin = whole.begin;
  for (auto at = whole.begin + step; at < whole.end; at += step) {
    const auto end = std::min(word_end(f, at, patience), whole.end);
    if (end <= begin) continue;
    result.push_back({begin, end});
    begin = end;
  }
  if (begin < whole.end) result.push_back({begin, whole.end});
  return result;
}

// ---- tasks

tally count_part(const std::string& path, range part) {
  file f(path);
  counter result;
  while (part.begin < part.end) {
    const auto text = f.read(part.begin, part.end - part.begin);
    if (text.empty() && part.end == until_its_end) break;
    if (text.empty()) throw std::runtime_error(path + ": became shorter while it was read");
    result.add(text);
    part.begin += text.size();
  }
  return result.finish();
}

tally merge(troupe::values<tally> parts) {
  counter result;
  for (const auto& p : parts) result.add(p);
  return result.finish();
}

// Those of a node's own; what splits stays where the run is.
[[maybe_unused]] const bool exported = (troupe::export_tasks<count_part, merge>(), true);

ref<tally> merge_tree(const troupe::scope& rt, std::vector<ref<tally>> parts) {
  while (parts.size() > 1) {
    std::vector<ref<tally>> merged;
    for (std::size_t i = 0; i < parts.size(); i += fan) {
      const auto first = parts.begin() + static_cast<std::ptrdiff_t>(i);
      const auto n = std::min(fan, parts.size() - i);
      const std::vector some(first, first + static_cast<std::ptrdiff_t>(n));
      merged.push_back(n == 1 ? some[0] : rt.with({.name = "merge"}).submit<merge>(some));
    }
    parts = std::move(merged);
  }
  return parts.at(0);
}

struct plan {
  std::uint64_t chunk;
  troupe::task_options counting;
};

// A part of some chunks is split into as many; a longer one into parts that split again, not all at
// once: what is counted and not yet merged stays small, however long the file is.
ref<tally> split(const std::string& path, range part, const plan& p) {
  auto& rt = troupe::here();
  const auto to_count = rt.with(p.counting);
  const auto length = part.end - part.begin;
  const auto chunks = length / p.chunk + (length % p.chunk != 0);
  const auto parts = split_at_words(path, part, std::min<std::uint64_t>(chunks, fan), p.chunk);
  std::vector<ref<tally>> counted;
  for (const auto& some : parts) {
    if (chunks <= fan) {
      counted.push_back(to_count.submit<count_part>(path, some));
    } else {
      if (counted.size() >= ahead) rt.get(counted[counted.size() - ahead]);
      counted.push_back(rt.with({.name = "split"}).submit<split>(path, some, p));
    }
  }
  return merge_tree(rt, std::move(counted));
}

ref<tally> count_file(const std::string& path, const plan& p) {
  const auto size = file(path).size();
  if (size > p.chunk) return split(path, {0, size}, p);
  const range whole{0, size == 0 ? until_its_end : size};
  return troupe::here().with(p.counting).submit<count_part>(path, whole);
}

std::vector<word_count> most_frequent(const tally& all, std::int64_t n) {
  counter whole;
  whole.add("\n");  // now the text begins and ends with a break, and every word is inside
  whole.add(all);
  whole.add("\n");
  std::vector<word_count> words;
  const tally end = whole.finish();
  for (const auto& [word, count] : end.inside) words.push_back({word, count});
  const auto kept = std::min<std::size_t>(words.size(), static_cast<std::size_t>(n));
  const auto before = [](const word_count& a, const word_count& b) {
    return a.count != b.count ? a.count > b.count : a.word < b.word;
  };
  const auto end_of_top = words.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(words.begin(), end_of_top, words.end(), before);
  words.resize(kept);
  return words;
}

// ---- the workflow

std::vector<std::string> matching(const std::string& pattern) {
  glob_t found{};
  const int error = ::glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv,
                                 found.gl_pathv + (error == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (paths.empty()) throw std::runtime_error("wordcount.files: no file matches " + pattern);
  return paths;
}

void print(std::ostream& out, const std::vector<word_count>& words, format as) {
  const bool json = as == format::json;
  if (json) out << '[';
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& [word, count] = words[i];
    if (json) {
      out << (i > 0 ? ",\n " : "") << R"({"word": ")" << word << R"(", "count": )" << count << '}';
    } else {
      const auto digits = std::to_string(count);
      out << std::string(7 - std::min<std::size_t>(7, digits.size()), ' ') << digits << ' ' << word
          << '\n';
    }
  }
  if (json) out << "]\n";
}

void run(app::context& app) {
  const auto how = app.rt().put(plan{app[chunk], app[counting]});
  std::vector<ref<tally>> counted;
  for (const auto& path : matching(app[files])) {
    app.throw_if_interrupted();
    counted.push_back(app.rt().with({.name = "file"}).submit<count_file>(path, how));
  }
  const auto all = merge_tree(app.rt(), std::move(counted));
  const auto words = app.rt().with({.name = "top"}).submit<most_frequent>(all, app[top]);
  print(app.out(), app.get(words), app[output]);
}

}  // namespace
