// SPDX-License-Identifier: MIT
// State that lives between tasks: objects of plain classes as actors.
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <troupe/troupe.hpp>
#include <vector>

using namespace std::chrono_literals;

class account {
public:
  explicit account(long balance) : balance_(balance) {}
  long deposit(long amount) { return balance_ += amount; }
  long withdraw(long amount) {
    if (amount > balance_) throw std::runtime_error("only " + std::to_string(balance_) + " there");
    return balance_ -= amount;
  }
  long balance() const { return balance_; }

private:
  long balance_;
};

long wages() {
  troupe::here().sleep_for(10ms);
  return 250;
}

// A handle travels as an argument; a method of one actor may wait for another's.
long transfer(troupe::actor<account> from, troupe::actor<account> to, long amount) {
  auto& rt = troupe::here();
  rt.get(from.call<&account::withdraw>(amount));
  return rt.get(to.call<&account::deposit>(amount));
}

void accounts(troupe::runtime& rt) {
  auto ada = rt.actor<account>(100);
  auto grace = rt.actor<account>(0);

  // a ref is an argument: the call waits for it, and this caller's later calls come after it
  auto paid = ada.call<&account::deposit>(rt.submit<wages>());
  auto rent = ada.call<&account::withdraw>(300);
  std::cout << "paid " << rt.get(paid) << ", after the rent " << rt.get(rent) << '\n';

  // an exception fails its call, not the actor
  try {
    rt.get(ada.call<&account::withdraw>(1000));
  } catch (const troupe::task_error& e) { std::cout << e.text() << '\n'; }

  rt.get(rt.submit<transfer>(ada, grace, 20));
  std::cout << "Ada has " << rt.get(ada.call<&account::balance>()) << ", Grace has "
            << rt.get(grace.call<&account::balance>()) << '\n';
}

class directory {
public:
  void add(std::string name, int number) { numbers_[std::move(name)] = number; }
  int look_up(const std::string& name) const {
    troupe::here().sleep_for(20ms);  // parks: others that only read run meanwhile
    return numbers_.at(name);
  }

private:
  std::map<std::string, int> numbers_;
};

void many_readers(troupe::runtime& rt) {
  auto d = rt.with({.name = "directory", .concurrency = 8}).actor<directory>();
  d.call<&directory::add>("Ada", 1815);
  auto same = rt.find_actor<directory>("directory");
  std::vector<troupe::ref<int>> found;
  for (int i = 0; i < 8; ++i) found.push_back(same.call<&directory::look_up>("Ada"));
  const auto begin = std::chrono::steady_clock::now();
  int sum = 0;
  for (int n : rt.get(found)) sum += n;
  const bool together = std::chrono::steady_clock::now() - begin < 120ms;
  std::cout << sum << (together ? ", all at a time" : ", slowly") << '\n';
  try {
    rt.find_actor<directory>("direktory");
  } catch (const troupe::error& e) { std::cout << e.what() << '\n'; }
}

// Says that it is broken, and is made again: from its last snapshot.
class importer {
public:
  int read(int line) {
    if (line == 3 && !warned) {
      warned = true;
      throw troupe::actor_broken("the connection is lost");
    }
    return lines_ += 1;
  }
  int snapshot() const { return lines_; }
  void restore(int lines) { lines_ = lines; }

private:
  int lines_ = 0;
  static inline bool warned = false;
};

void restarts(troupe::runtime& rt) {
  auto in = rt.with({.backoff = {.first = 1ms}, .restarts = 2, .retry_calls = 1}).actor<importer>();
  std::vector<troupe::ref<int>> all;
  for (int line = 1; line <= 5; ++line) all.push_back(in.call<&importer::read>(line));
  std::cout << "lines read:";
  for (int n : rt.get(all)) std::cout << ' ' << n;
  std::cout << '\n';
}

class parser {
public:
  std::size_t words(const std::string& line) {
    std::size_t n = 0;
    bool inside = false;
    for (char c : line) {
      n += c != ' ' && !inside ? 1 : 0;
      inside = c != ' ';
    }
    return n;
  }
};

troupe::stream<std::string> verses() {
  co_yield "so much depends";
  co_yield "upon";
  co_yield "a red wheel";
  co_yield "barrow";
}

void pools(troupe::runtime& rt) {
  auto parsers = rt.actor_pool<parser>(3);
  auto counts = rt.get(parsers.map<&parser::words>(std::vector<std::string>{"one two", "three"}));
  std::cout << counts[0] << " and " << counts[1] << " words; verses of";
  for (auto n : parsers.map<&parser::words>(rt.submit<verses>())) std::cout << ' ' << n;
  std::cout << '\n';
}

int main() {
  troupe::runtime rt;
  accounts(rt);
  many_readers(rt);
  restarts(rt);
  pools(rt);
}
