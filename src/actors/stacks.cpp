// SPDX-License-Identifier: MIT
#include "actors/stacks.hpp"

#include <troupe/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::detail {

namespace {
constexpr std::size_t guard_size = 64 * 1024;  // wide enough for a big frame's first touch
constexpr std::uint64_t canary = 0x7472'6f75'7065'2121;
constexpr std::size_t canary_words = 8;

// A guarded stack costs two kernel mappings; half of what the kernel allows is left to the program.
std::size_t most_guarded() {
  static const std::size_t most = [] {
    std::ifstream file{"/proc/sys/vm/max_map_count"};
    std::size_t maps = 65'530;
    file >> maps;
    return maps / 4;
  }();
  return most;
}
std::atomic<std::size_t> guarded{0}, in_use{0};

[[noreturn]] void refused(std::size_t size, const char* what, int code) {
  throw error(std::string("no stack of ") + std::to_string(size / 1024) +
              " KiB for another task body: " + what + " says '" + std::strerror(code) + "' with " +
              std::to_string(in_use.load()) +
              " stacks in use, each for a body that has begun and waits. Raise the limit that was "
              "met (ulimit -v, vm.max_map_count, vm.overcommit_memory, "
              "or the memory itself), make stacks smaller (runtime_options.stack_size, "
              "--troupe-stack-size), or let fewer tasks wait at once.");
}
char* map(std::size_t size) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (p == MAP_FAILED) refused(size, "mmap", errno);
  return static_cast<char*>(p);
}

// Unguarded stacks of one size, out of slabs that are one mapping each. Given back to the kernel
// page by page, not as mappings.
struct slabs {
  struct of_size {
    std::size_t size;
    std::vector<char*> free;
  };
  static constexpr std::size_t at_once = 64;
  std::mutex mutex;
  std::vector<of_size> sizes;
  of_size& of(std::size_t size) {
    for (auto& s : sizes)
      if (s.size == size) return s;
    return sizes.emplace_back(of_size{size, {}});
  }
  char* take(std::size_t size) {
    std::lock_guard guard{mutex};
    auto& s = of(size);
    if (s.free.empty()) {
      char* slab = map(size * at_once);
      for (std::size_t i = at_once; i-- > 0;) s.free.push_back(slab + i * size);
    }
    char* low = s.free.back();
    s.free.pop_back();
    return low;
  }
  void give_back(char* low, std::size_t size) {
    madvise(low, size, MADV_DONTNEED);
    std::lock_guard guard{mutex};
    of(size).free.push_back(low);
  }
};
slabs& all_slabs() {
  static auto* s = new slabs;
  return *s;
}
}  // namespace

stack_memory allocate_stack(std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  size = (size + page - 1) / page * page;
  stack_memory s{.size = size};
  if (guarded.fetch_add(1) < most_guarded()) {
    try {
      char* all = map(size + guard_size);
      s.low = all + guard_size;
      s.guard = guard_size;
      if (mprotect(all, guard_size, PROT_NONE) != 0) {
        const int code = errno;
        munmap(all, size + guard_size);
        refused(size, "mprotect", code);
      }
    } catch (...) {
      guarded.fetch_sub(1);
      throw;
    }
  } else {
    guarded.fetch_sub(1);
    s.low = all_slabs().take(size);
    for (std::size_t i = 0; i < canary_words; ++i)
      reinterpret_cast<std::uint64_t*>(s.low)[i] = canary;
  }
  in_use.fetch_add(1);
  return s;
}

void free_stack(const stack_memory& s) noexcept {
  in_use.fetch_sub(1);
  if (s.guard == 0) return all_slabs().give_back(s.low, s.size);
  munmap(s.low - s.guard, s.size + s.guard);
  guarded.fetch_sub(1);
}

bool canary_alive(const stack_memory& s) noexcept {
  for (std::size_t i = 0; s.guard == 0 && i < canary_words; ++i)
    if (reinterpret_cast<const std::uint64_t*>(s.low)[i] != canary) return false;
  return true;
}

}  // namespace troupe::detail
