// SPDX-License-Identifier: MIT
#include "actors/kin.hpp"

#include <doctest/doctest.h>

#include <random>
#include <thread>
#include <vector>

using troupe::detail::gone_children;
using troupe::detail::kin;
using troupe::detail::roster;

namespace {
std::atomic<int> freed{0};
void free_kin(kin* k) {
  k->forget();
  ++freed;
  delete k;
}
kin* spawn(kin* parent) {
  auto k = new kin;
  if (parent) {
    ++parent->spawned;
    k->word.store(reinterpret_cast<std::uintptr_t>(parent));
  }
  return k;
}
}  // namespace

TEST_CASE("a task's kin stays until it is over and its last child has gone") {
  freed = 0;
  gone_children book;
  kin* root = spawn(nullptr);
  kin* a = spawn(root);
  kin* b = spawn(root);
  kin* leaf = spawn(a);
  book.over(root, free_kin);
  book.over(a, free_kin);
  CHECK(freed == 0);
  book.over(leaf, free_kin);  // and a with it, once the book tells
  book.over(b, free_kin);
  book.tell(free_kin);
  CHECK(freed == 4);
}

TEST_CASE("children that are gone before their parent is over cost nothing but a count") {
  freed = 0;
  gone_children book;
  kin* root = spawn(nullptr);
  for (int i = 0; i < 100; ++i) book.over(spawn(root), free_kin);
  CHECK(freed == 100);
  CHECK(root->children == kin::own);
  book.over(root, free_kin);
  CHECK(freed == 101);
}

TEST_CASE("a descendant sees that an ancestor was asked, until it has settled") {
  freed = 0;
  gone_children book;
  kin* root = spawn(nullptr);
  kin* child = spawn(root);
  kin* leaf = spawn(child);
  CHECK(leaf->asked_in_all() == kin::no);
  CHECK_FALSE(kin::any_standing());
  CHECK(root->ask(kin::deadline));
  CHECK_FALSE(root->ask(kin::cancel));
  CHECK(root->asked_in_all() == kin::deadline);
  CHECK(leaf->asked_in_all() == kin::ancestor);
  CHECK(kin::any_standing());
  child->settled = true;
  CHECK_FALSE(child->ask(kin::cancel));
  leaf->pass_by_settled(book, free_kin);
  CHECK(leaf->up() == root);
  CHECK(leaf->asked_in_all() == kin::ancestor);
  root->settled = true;
  leaf->pass_by_settled(book, free_kin);
  CHECK(leaf->up() == root);  // it was asked: not to be passed
  for (auto k : {leaf, child, root}) book.over(k, free_kin);
  book.tell(free_kin);
  CHECK(freed == 3);
  CHECK_FALSE(kin::any_standing());
}

TEST_CASE("a chain of tasks that spawn the next one and end does not grow") {
  freed = 0;
  gone_children book;
  kin* last = spawn(nullptr);
  for (int i = 0; i < 1000; ++i) {
    last->pass_by_settled(book, free_kin);
    kin* next = spawn(last);
    last->settled = true;
    book.over(last, free_kin);
    last = next;
    CHECK(freed >= i - 2);
  }
  book.over(last, free_kin);
  book.tell(free_kin);
  CHECK(freed == 1001);
}

TEST_CASE("trees that end on several threads, some of them asked, are freed to the last") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    freed = 0;
    std::atomic<int> made{0};
    roster waiting;
    std::atomic<bool> over{false};
    std::thread sweeper{[&] {
      kin* some[8];
      while (!over) {
        waiting.gather(
            some, 8, [](kin& k) { return k.asked_in_all() == kin::ancestor; },
            [](kin& k) { k.ask(kin::ancestor); });
      }
    }};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        std::mt19937 random{seed * 3 + t};
        gone_children book;
        auto grow = [&](auto& self, kin* me, int depth) -> void {
          ++made;
          waiting.enter(*me, t);
          if (random() % 16 == 0) me->ask(kin::cancel);
          (void)me->asked_in_all();
          waiting.leave(*me);
          std::vector<kin*> kids;
          for (unsigned n = random() % 4; depth > 0 && n > 0; --n) {
            if (me->spawned == 0) me->pass_by_settled(book, free_kin);
            kids.push_back(spawn(me));
          }
          const bool early = random() % 2;
          auto end = [&] {
            if (me->spawned) me->pass_by_settled(book, free_kin);
            me->settled = true;
            book.over(me, free_kin);
          };
          if (early) end();
          for (auto k : kids) self(self, k, depth - 1);
          if (!early) end();
        };
        for (int i = 0; i < 30; ++i) grow(grow, spawn(nullptr), 5);
        book.tell(free_kin);
      });
    for (auto& t : threads) t.join();
    over = true;
    sweeper.join();
    CHECK(freed == made);
    CHECK_FALSE(kin::any_standing());
  }
}
