// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace troupe::app {

// While one of these lives, the first SIGINT or SIGTERM is remembered for whoever asks, and the
// second ends the process at once.
class interrupt_guard {
public:
  interrupt_guard();
  ~interrupt_guard();
  interrupt_guard(const interrupt_guard&) = delete;
  interrupt_guard& operator=(const interrupt_guard&) = delete;

private:
  struct sigaction before_int_, before_term_;
};

int interrupt_signal();  // 0 when there was none

}  // namespace troupe::app
