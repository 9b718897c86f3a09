// SPDX-License-Identifier: MIT
// Every sequence of events that two well-behaved sides can make, against what a reader would expect.
#include "store/stream_buffer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using troupe::detail::stream_buffer;

namespace {
constexpr auto producer = stream_buffer::producer, consumer = stream_buffer::consumer;

// What the two sides know of themselves: they act only while they do not wait.
struct sides {
  std::uint64_t given = 0, taken = 0;
  bool waits[2] = {false, false};
  bool finished = false, left = false;
};

struct walk {
  std::size_t capacity;
  std::size_t states = 0;

  void take_in(sides& s, const stream_buffer& b, stream_buffer::effects e) {
    b.check();
    for (auto who : {producer, consumer}) {
      if (e.answer[who]) CHECK(s.waits[who]);  // exactly one answer for each wait
      s.waits[who] = s.waits[who] && !e.answer[who];
      CHECK(b.waits(who) == s.waits[who]);
    }
    // nobody waits for what is there
    if (s.waits[consumer]) CHECK((s.given == s.taken && !s.finished));
    if (s.waits[producer]) CHECK((!s.left && s.given > s.taken));
    CHECK_FALSE((s.waits[consumer] && s.waits[producer]));
  }

  void from(const sides& s, const stream_buffer& b, int depth) {
    ++states;
    if (depth == 0) return;
    auto go = [&](auto event) {
      sides next = s;
      stream_buffer after = b;
      const auto e = event(next, after);
      take_in(next, after, e);
      from(next, after, depth - 1);
    };
    if (!s.waits[producer] && !s.finished) {
      if (s.given - s.taken < capacity)
        go([](sides& n, stream_buffer& a) { return ++n.given, a.given(); });
      else
        go([](sides& n, stream_buffer& a) {
          return n.waits[producer] = true, a.wait(producer, 1);
        });
      go([](sides& n, stream_buffer& a) { return n.finished = true, a.finish(); });
    }
    if (!s.waits[consumer] && !s.left) {
      if (s.given > s.taken) go([](sides& n, stream_buffer& a) { return a.taken(++n.taken); });
      else
        go([](sides& n, stream_buffer& a) {
          return n.waits[consumer] = true, a.wait(consumer, 2);
        });
      go([](sides& n, stream_buffer& a) { return n.left = true, a.leave(); });
    }
    for (auto who : {producer, consumer}) {
      go([who](sides& n, stream_buffer& a) {
        CHECK(a.withdraw(who) == n.waits[who]);
        n.waits[who] = false;
        return stream_buffer::effects{};
      });
      go([who](sides& n, stream_buffer& a) {
        const auto e = a.close(who == producer ? 1 : 2);
        CHECK(e.answer[who] == n.waits[who]);
        return e;
      });
    }
  }
};
}  // namespace

TEST_CASE("a stream's two sides are answered exactly once for each wait, in every sequence") {
  for (std::size_t capacity : {1, 2, 3}) {
    walk w{capacity};
    w.from({}, stream_buffer{capacity}, 6);
    CHECK(w.states > 1000);
  }
}

TEST_CASE("a producer that waits goes on when half of the buffer is free, not at each value") {
  stream_buffer b{8};
  for (int i = 0; i < 8; ++i) (void)b.given();
  (void)b.wait(producer, 1);
  for (std::uint64_t total = 1; total < 4; ++total) CHECK_FALSE(b.taken(total).answer[producer]);
  CHECK(b.taken(4).answer[producer]);
}
