// SPDX-License-Identifier: MIT
#include "actors/slab_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

using namespace troupe::detail;

namespace {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int scale = 1;
#else
constexpr int scale = 8;
#endif

struct piece {
  unsigned char* at;
  std::size_t size;
  unsigned char pattern;
};
thread_local block_cache blocks;

piece take(std::size_t size, unsigned char pattern) {
  auto at = static_cast<unsigned char*>(blocks.take(size));
  std::memset(at, pattern, size);
  return {at, size, pattern};
}
// Gives it back; false: somebody else has written to it.
bool give(const piece& p) {
  bool whole = reinterpret_cast<std::uintptr_t>(p.at) % block_unit == 0;
  for (std::size_t i = 0; i < p.size; ++i) whole = whole && p.at[i] == p.pattern;
  blocks.give(p.at, p.size);
  return whole;
}
}  // namespace

TEST_CASE("blocks of all sizes are aligned and do not overlap") {
  std::mt19937 random{7};
  std::vector<piece> held;
  for (int i = 0; i < 5000 * scale; ++i) {
    if (held.size() < 500 || random() % 2)
      held.push_back(take(1 + random() % 1300, static_cast<unsigned char>(random())));
    else {
      const std::size_t k = random() % held.size();
      std::swap(held[k], held.back());
      REQUIRE(give(held.back()));
      held.pop_back();
    }
  }
  for (auto& p : held) REQUIRE(give(p));
}

TEST_CASE("blocks that one thread has made and another has freed are whole, and are used again") {
  struct {
    std::mutex mutex;
    std::vector<piece> pieces;
  } market;
  std::atomic<int> broken{0};
  std::mutex seen_mutex;
  std::set<std::uintptr_t> seen;  // slabs of the one size that is counted
  auto trade = [&](unsigned seed) {
    std::mt19937 random{seed};
    std::set<std::uintptr_t> mine;
    std::vector<piece> got;
    for (int i = 0; i < 300 * scale; ++i) {
      for (int k = 0; k < 40; ++k) {
        const std::size_t size = random() % 4 ? 192 : 1 + random() % 1024;
        got.push_back(take(size, static_cast<unsigned char>(random())));
        if (size == 192) mine.insert(reinterpret_cast<std::uintptr_t>(got.back().at) >> 16);
      }
      {
        std::lock_guard guard{market.mutex};
        got.swap(market.pieces);  // what others have made
      }
      while (got.size() > 200 || (!got.empty() && random() % 50)) {
        if (!give(got.back())) ++broken;
        got.pop_back();
      }
    }
    for (auto& p : got)
      if (!give(p)) ++broken;
    blocks.release();
    std::lock_guard guard{seen_mutex};
    seen.insert(mine.begin(), mine.end());
  };
  for (int generation = 0; generation < 3; ++generation) {
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t)
      threads.emplace_back(trade, static_cast<unsigned>(generation) * 10 + t);
    for (auto& t : threads) t.join();
  }
  for (auto& p : market.pieces) CHECK(give(p));
  CHECK(broken == 0);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(seen.size() < 60);  // some 100,000 blocks have been made, and 341 fit into a slab
#endif
}

TEST_CASE("a thread that makes what another frees finds the memory again") {
  std::mutex mutex;
  std::vector<piece> way;
  std::atomic<bool> done{false};
  std::atomic<int> broken{0};
  std::set<std::uintptr_t> slabs;
  std::thread other{[&] {
    for (std::vector<piece> got;;) {
      const bool last = done;
      {
        std::lock_guard guard{mutex};
        got.swap(way);
      }
      for (auto& p : got)
        if (!give(p)) ++broken;
      if (got.empty() && last) break;
      got.clear();
      std::this_thread::yield();
    }
    blocks.release();
  }};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int i = 0; i < 20'000 * scale; ++i) {
    auto p = take(64, static_cast<unsigned char>(i));
    slabs.insert(reinterpret_cast<std::uintptr_t>(p.at) >> 16);
    for (;;) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::lock_guard guard{mutex};
      if (way.size() > 2000) continue;
      way.push_back(p);
      break;
    }
  }
  done = true;
  other.join();
  CHECK(broken == 0);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(slabs.size() < 32);
#endif
}

TEST_CASE("memory of which nothing is used any more goes back to the system, and is used again") {
  constexpr int many = 80'000;  // 20 MB
  constexpr std::size_t most_of_it = 14 * 1024 * 1024;
  auto round = [] {
    std::vector<piece> held;
    for (int k = 0; k < many; ++k) held.push_back(take(256, static_cast<unsigned char>(k)));
    bool whole = true;
    for (auto& p : held) whole = give(p) && whole;
    return whole;
  };
  std::thread{[&] {
    for (int i = 0; i < 3; ++i) {
      CHECK(round());
      const std::size_t bytes = return_free_memory();
      if (pooled) CHECK(bytes >= most_of_it);  // the thread keeps a slab at hand
      CHECK(return_free_memory() == 0);
    }
    std::vector<piece> held;
    for (int k = 0; k < many; ++k) held.push_back(take(256, static_cast<unsigned char>(k)));
    const piece kept = held[many / 2];
    held.erase(held.begin() + many / 2);
    for (auto& p : held) CHECK(give(p));
    const std::size_t bytes = return_free_memory();
    if (pooled)
      CHECK(bytes >= most_of_it - 2 * 1024 * 1024);  // all but the chunk of the one that is kept
    CHECK(give(kept));
    blocks.release();
  }}.join();
}

// A chunk once went back, and on to another size, while a thread was about to count its last blocks:
// they were handed out twice. And a slab was lost when all of it came back while it was taken.
TEST_CASE("memory goes back to the system while other threads make and free blocks") {
  std::atomic<bool> done{false};
  std::atomic<int> broken{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random{t};
      for (int i = 0; i < 8 * scale; ++i) {
        std::vector<piece> held;
        const std::size_t n = 10'000 + random() % 10'000;
        const std::size_t size =
            (static_cast<unsigned>(i) + t) % 2 ? 1024 : 64;  // both take chunks
        for (std::size_t k = 0; k < n; ++k)
          held.push_back(take(size, static_cast<unsigned char>(k)));
        for (auto& p : held)
          if (!give(p)) ++broken;
      }
      blocks.release();
    });
  std::thread trimmer{[&] {
    while (!done) {
      (void)return_free_memory();
      std::this_thread::yield();
    }
  }};
  for (auto& t : threads) t.join();
  done = true;
  trimmer.join();
  CHECK(broken == 0);
}

TEST_CASE("what a thread gave back all at once is used by the next thread") {
  std::set<std::uintptr_t> slabs;
  for (int i = 0; i < 50; ++i)
    std::thread{[&] {
      std::vector<piece> held;
      for (int k = 0; k < 600; ++k) held.push_back(take(320, static_cast<unsigned char>(k)));
      for (auto& p : held) {
        slabs.insert(reinterpret_cast<std::uintptr_t>(p.at) >> 16);
        if (!give(p)) FAIL_CHECK("a block was written to by another");
      }
      blocks.release();
    }}.join();
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(slabs.size() < 16);  // 600 blocks of 320 bytes are 3 slabs
#endif
}
