// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

// stdout and stderr as the app writes them: whole lines, and a block of progress that stays below.
namespace troupe::app {

struct progress_style {
  bool shown = false;
  bool colour = false;

  bool operator==(const progress_style&) const = default;
};

// By the conventions of $CI, $NO_COLOR and $TERM; null stands for a variable that is not set.
progress_style choose_style(bool is_terminal, const char* ci, const char* no_color,
                            const char* term);

struct progress_line {
  std::string name;
  std::size_t done, total, failed;
};

// The lines to draw, each shorter than `columns`, `rows` at most.
std::vector<std::string> progress_text(const std::vector<progress_line>& lines, bool colour,
                                       std::size_t columns, std::size_t rows);

// Thread-safe. There is one of it, as there is one stderr.
class terminal {
public:
  static terminal& instance();

  void note(std::string_view line);  // to stderr, with its line break
  void draw(std::vector<std::string> lines);
  void leave();                          // what is drawn stays; the next lines go below it
  int write_out(std::string_view data);  // to stdout; 0, or the errno

private:
  std::string erased() const;
  std::string drawn() const;

  std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace troupe::app
