// SPDX-License-Identifier: MIT
// What the programs here share: each is two processes, itself twice, over loopback, with mutual TLS
// or without. PROGRAM ROW... prints a line of JSON for each row, as bench/compare reads them; without
// rows it names them.
#pragma once
#include "net/tls_files.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace node_bench {

using clock_type = std::chrono::steady_clock;
using tls_files = troupe::detail::tls_files;
using values = std::map<std::string, double>;

inline double ns_since(clock_type::time_point t) {
  return std::chrono::duration<double, std::nano>(clock_type::now() - t).count();
}
double at(std::vector<double> all, double part);  // 0.5: the median
void wait_for_end_of_input();

// The certificates of the two processes; with empty names there is no TLS.
struct two_files {
  tls_files here, there;
};

// The other process: it ends when its input is closed.
class other_process {
public:
  other_process(const char* role, const std::string& address, const tls_files& tls);
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;
  ~other_process();
  std::string line() const;  // that it prints

private:
  pid_t pid_;
  int input_, output_;
};

// Each row is there twice: NAME, and NAME_tls.
struct row {
  std::string_view name;
  std::function<values(const two_files&)> measure;
};
using role =
    std::function<void(std::string_view name, const std::string& address, const tls_files&)>;

// main(). `other` is the other process, and returns when its input ends.
int run(int argc, char** argv, const std::vector<row>& rows, const role& other);

}  // namespace node_bench
