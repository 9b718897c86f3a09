// SPDX-License-Identifier: MIT
#include "app/interrupt.hpp"

#include <unistd.h>
#include <atomic>

namespace troupe::app {
namespace {

std::atomic<int> pending{0};
static_assert(std::atomic<int>::is_always_lock_free);  // or a handler could not touch it

void remember(int signal) {
  if (pending.exchange(signal) != 0) ::_exit(128 + signal);
}

}  // namespace

interrupt_guard::interrupt_guard() {
  pending = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &before_int_);
  ::sigaction(SIGTERM, &action, &before_term_);
}

interrupt_guard::~interrupt_guard() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
}

int interrupt_signal() { return pending.load(); }

}  // namespace troupe::app
