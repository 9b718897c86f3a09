// SPDX-License-Identifier: MIT
// What a task may ask for: to be tried again after errors that deserve it, and to have settled by a
// deadline.
// expect-output: ^answered at try 3$
// expect-output: had not settled by its deadline of 50 ms$
#include <troupe/troupe.hpp>

#include <chrono>
#include <iostream>
#include <system_error>

using namespace std::chrono_literals;

int ask_a_server() {
  if (troupe::here().attempt() < 3)
    throw std::system_error(std::make_error_code(std::errc::connection_refused));
  return static_cast<int>(troupe::here().attempt());
}

int wait_for_ever() {
  troupe::here().sleep_for(1h);
  return 0;
}

int main() {
  troupe::runtime rt;
  auto answer = rt.with({.name = "ask",
                         .retries = 5,
                         .backoff = {.first = 1ms, .factor = 2, .most = 1s},
                         .retry_on = troupe::errors<std::system_error>()})
                    .submit<ask_a_server>();
  std::cout << "answered at try " << rt.get(answer) << '\n';

  auto late = rt.with({.name = "wait", .deadline = 50ms}).submit<wait_for_ever>();
  try {
    std::cout << rt.get(late) << '\n';
  } catch (const troupe::deadline_exceeded& e) { std::cout << e.what() << '\n'; }
}
