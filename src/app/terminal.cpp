// SPDX-License-Identifier: MIT
#include "app/terminal.hpp"

#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace troupe::app {
namespace {

bool is_set(const char* variable) { return variable != nullptr && *variable != '\0'; }

int write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto n = ::write(fd, data.data(), data.size());
    if (n >= 0) {
      data.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::string shortened(std::string text, std::size_t width) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  if (text.size() > width) text.resize(width);
  return text;
}

}  // namespace

progress_style choose_style(bool is_terminal, const char* ci, const char* no_color,
                            const char* term) {
  const bool in_ci = is_set(ci) && std::string_view(ci) != "false" && std::string_view(ci) != "0";
  const bool dumb = !is_set(term) || std::string_view(term) == "dumb";
  const bool shown = is_terminal && !in_ci && !dumb;
  return {shown, shown && !is_set(no_color)};
}

std::vector<std::string> progress_text(const std::vector<progress_line>& lines, bool colour,
                                       std::size_t columns, std::size_t rows) {
  const std::size_t most = std::max<std::size_t>(rows, 4) - 2;
  std::size_t width = 0;
  for (const auto& l : lines) width = std::max(width, l.name.size());
  width = std::min(width, std::max<std::size_t>(columns, 60) - 50);
  std::vector<std::string> result;
  for (const auto& l : lines) {
    if (result.size() == most) {
      result.push_back("  and " + std::to_string(lines.size() - most) + " more names");
      break;
    }
    auto name = shortened(l.name, width);
    name.resize(width, ' ');
    auto text = name + "  " + std::to_string(l.done) + "/" + std::to_string(l.total);
    if (l.failed > 0) text += ", " + std::to_string(l.failed) + " failed";
    const char* paint = l.failed > 0 ? "\x1b[31m" : l.done == l.total ? "\x1b[32m" : "";
    result.push_back(colour && *paint ? paint + text + "\x1b[0m" : text);
  }
  return result;
}

terminal& terminal::instance() {
  static terminal only;
  return only;
}

void terminal::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  write_all(STDERR_FILENO, erased() + std::string(line) + "\n" + drawn());
}

void terminal::draw(std::vector<std::string> lines) {
  const std::lock_guard lock(mutex_);
  const auto before = erased();
  lines_ = std::move(lines);
  write_all(STDERR_FILENO, before + drawn());
}

void terminal::leave() {
  const std::lock_guard lock(mutex_);
  lines_.clear();
}

int terminal::write_out(std::string_view data) {
  const std::lock_guard lock(mutex_);
  const bool same_screen = !lines_.empty() && ::isatty(STDOUT_FILENO);
  if (same_screen) {
    write_all(STDERR_FILENO, erased());
    if (!data.ends_with('\n')) lines_.clear();  // the rest of that line is to come
  }
  const int error = write_all(STDOUT_FILENO, data);
  if (same_screen) write_all(STDERR_FILENO, drawn());
  return error;
}

std::string terminal::erased() const {
  return lines_.empty() ? "" : "\r\x1b[" + std::to_string(lines_.size()) + "A\x1b[J";
}

std::string terminal::drawn() const {
  std::string result;
  for (const auto& line : lines_) result += line + "\n";
  return result;
}

}  // namespace troupe::app
