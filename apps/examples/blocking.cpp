// SPDX-License-Identifier: MIT
// Bodies that block in the operating system say so, and take no worker from the others.
// expect-output: ^5 lines came through the pipe, on 1 worker$
#include <troupe/troupe.hpp>

#include <unistd.h>
#include <cstdio>
#include <iostream>
#include <vector>

int count_lines(int from) {  // blocks in read()
  int lines = 0;
  for (char c; ::read(from, &c, 1) == 1;) lines += c == '\n';
  return lines;
}

void write_line(int to, int number) { ::dprintf(to, "line %d\n", number); }

int main() {
  int ends[2];
  if (::pipe(ends) != 0) return 1;
  troupe::runtime rt{{.workers = 1}};
  auto lines = rt.with({.blocking = true}).submit<count_lines>(ends[0]);
  std::vector<troupe::ref<void>> written;  // these need the only worker
  for (int i = 0; i < 5; ++i) written.push_back(rt.submit<write_line>(ends[1], i));
  rt.get(written);
  ::close(ends[1]);
  std::cout << rt.get(lines) << " lines came through the pipe, on 1 worker\n";
}
