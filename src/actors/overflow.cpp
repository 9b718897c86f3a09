// SPDX-License-Identifier: MIT
#include "actors/overflow.hpp"

#include "actors/seat.hpp"
#include "actors/strand.hpp"
#include "actors/task.hpp"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace troupe::detail {

namespace {
struct sigaction before_segv, before_bus;

[[noreturn]] void report(const seat& s) {
  char text[600];
  const auto name = s.running ? s.running->name_of_task() : std::string_view{"?"};
  const std::size_t promised = s.on->promised();
  const int n = std::snprintf(text, sizeof text,
                              "troupe: task '%.*s' overflowed its stack of %zu KiB. Give this task "
                              "more with with({.stack_size = BYTES}), or all with "
                              "runtime_options{.stack_size = BYTES}, --troupe-stack-size=BYTES or "
                              "TROUPE_STACK_SIZE=BYTES.\n",
                              static_cast<int>(std::min<std::size_t>(name.size(), 200)),
                              name.data(), promised / 1024);
  for (int done = 0; done < n;) {
    const auto wrote = ::write(2, text + done, static_cast<std::size_t>(n - done));
    if (wrote <= 0) break;
    done += static_cast<int>(wrote);
  }
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

const char* stack_pointer([[maybe_unused]] void* context) {
#if defined(__x86_64__)
  return reinterpret_cast<const char*>(
      static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const char*>(static_cast<ucontext_t*>(context)->uc_mcontext.sp);
#else
  return nullptr;
#endif
}

void on_fault(int signal, siginfo_t* info, void* context) {
  if (const seat* s = seat::peek(); s && s->on) {
    const auto& m = s->on->memory();
    const char* at = static_cast<const char*>(info->si_addr);
    if (at >= m.low - m.guard && at < m.low) report(*s);
    const char* top = stack_pointer(context);  // without a guard it may have run on for a while
    if (m.guard == 0 && top && top < m.low) report(*s);
  }
  const auto& before = signal == SIGSEGV ? before_segv : before_bus;
  if (before.sa_flags & SA_SIGINFO) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    return before.sa_handler(signal);
  sigaction(signal, &before, nullptr);  // returns to the faulting instruction, which faults again
}

struct alternate_stack {
  static constexpr std::size_t size = 64 * 1024;
  void* memory = nullptr;
  alternate_stack() {
    stack_t old{};
    if (sigaltstack(nullptr, &old) == 0 && !(old.ss_flags & SS_DISABLE))
      return;  // the program's own, or a sanitizer's
    memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      memory = nullptr;
      return;
    }
    stack_t mine{};
    mine.ss_sp = memory;
    mine.ss_size = size;
    sigaltstack(&mine, nullptr);
  }
  ~alternate_stack() {
    if (!memory) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(memory, size);
  }
};
}  // namespace

void report_overflows() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction mine {};
    mine.sa_sigaction = on_fault;
    mine.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &mine, &before_segv);
    sigaction(SIGBUS, &mine, &before_bus);
  });
  thread_local alternate_stack mine;
  (void)mine;
}

void overflowed() { report(seat::mine()); }

}  // namespace troupe::detail
