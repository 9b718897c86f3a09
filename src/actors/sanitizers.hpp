// SPDX-License-Identifier: MIT
// What the sanitizers want to be told of a switch of stacks; nothing without them.
#pragma once
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace troupe::detail {

// One per strand. entering -> (the switch) -> entered | left; leaving -> (the switch) -> left or
// entered on the other side.
class stack_switch {
public:
  stack_switch(const void* low, std::size_t size) : low_(low), size_(size) {
#if defined(__SANITIZE_THREAD__)
    fiber_ = __tsan_create_fiber(0);
#endif
  }
  stack_switch(const stack_switch&) = delete;
  stack_switch& operator=(const stack_switch&) = delete;
  ~stack_switch() {
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(fiber_);
#endif
  }

  // The stack's memory goes back to the system: its last frames never return, and what is poisoned
  // would stay so.
  void forget() {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(low_, size_);
#endif
  }

  // On the thread's stack, around the switch to the strand.
  void entering([[maybe_unused]] void*& mine) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&mine, low_, size_);
#endif
#if defined(__SANITIZE_THREAD__)
    outer_fiber_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber_, 0);
#endif
  }
  void back([[maybe_unused]] void* mine) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(mine, nullptr, nullptr);
#endif
  }

  // On the strand: first, around each switch back, and last. The outer stack may be another
  // thread's each time.
  void begun() { arrived(nullptr); }
  void leaving() { departing(&inner_); }
  void resumed() { arrived(inner_); }
  void ending() { departing(nullptr); }

private:
  void arrived([[maybe_unused]] void* inner) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(inner, &outer_, &outer_size_);
#endif
  }
  void departing([[maybe_unused]] void** inner) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(inner, outer_, outer_size_);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(outer_fiber_, 0);
#endif
  }

  [[maybe_unused]] const void* low_;
  [[maybe_unused]] std::size_t size_;
  void* inner_ = nullptr;
  [[maybe_unused]] const void* outer_ = nullptr;
  [[maybe_unused]] std::size_t outer_size_ = 0;
  [[maybe_unused]] void* fiber_ = nullptr;
  [[maybe_unused]] void* outer_fiber_ = nullptr;
};

}  // namespace troupe::detail
