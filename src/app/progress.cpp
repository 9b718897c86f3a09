// SPDX-License-Identifier: MIT
#include "app/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <chrono>

namespace troupe::app {

progress::progress(const runtime& rt, progress_style style) : rt_(rt), style_(style) {
  if (!style_.shown) return;
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!end_.wait_for(lock, std::chrono::milliseconds(100), [&] { return ending_; })) draw();
  });
}

progress::~progress() {
  if (!style_.shown) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  end_.notify_one();
  thread_.join();
  draw();
  terminal::instance().leave();
}

void progress::draw() const {
  std::vector<progress_line> lines;
  for (const auto& c : rt_.counts()) lines.push_back({c.name, c.settled, c.submitted, c.failed});
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size = {24, 80, 0, 0};
  terminal::instance().draw(progress_text(lines, style_.colour, size.ws_col, size.ws_row));
}

}  // namespace troupe::app
