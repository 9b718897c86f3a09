// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include <troupe/runtime.hpp>

#include "app/terminal.hpp"

namespace troupe::app {

// One line for each name of a task, redrawn ten times a second while this lives. Must not outlive
// the runtime.
class progress {
public:
  progress(const runtime& rt, progress_style style);
  ~progress();

private:
  void draw() const;

  const runtime& rt_;
  const progress_style style_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace troupe::app
