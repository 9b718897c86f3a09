// SPDX-License-Identifier: MIT
#include "seeing/files.hpp"

#include "seeing/graph.hpp"
#include "seeing/merged_log.hpp"
#include "seeing/record.hpp"
#include "seeing/report.hpp"
#include "seeing/trace.hpp"

#include <troupe/error.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace troupe::detail {

namespace {
// Another runtime of this process may have written to it.
std::string own_file(const std::string& file) {
  static std::mutex mutex;
  static std::map<std::string, int> used;
  std::lock_guard guard{mutex};
  const int n = ++used[file];
  if (n == 1) return file;
  const auto dot = file.rfind('.');
  const bool ends = dot != file.npos && file.find('/', dot) == file.npos;
  return file.substr(0, ends ? dot : file.npos) + "." + std::to_string(n) +
         (ends ? file.substr(dot) : "");
}

void write_file(const std::string& wanted, const char* what,
                const std::function<void(const std::string&, std::ostream&)>& write) {
  if (wanted.empty()) return;
  const std::string file = own_file(wanted);
  try {
    errno = 0;
    std::ofstream to(file, std::ios::binary | std::ios::trunc);
    if (to) write(file, to);
    to.flush();
    if (!to) throw error(errno != 0 ? std::strerror(errno) : "it cannot be written");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "troupe: the %s '%s': %s\n", what, file.c_str(), e.what());
  }
}
}  // namespace

void write_what_was_seen(log& l, const runtime_options& options) noexcept {
  try {
    recording own = l.take();
    own.name = options.name;
    merged_log all(std::move(own), l.take_others());
    write_file(options.trace, "trace",
               [&](const std::string&, std::ostream& to) { write_trace(all, options.name, to); });
    if (options.graph.empty() && options.report.empty()) return;
    const record seen = read_record(all, options.name);
    write_file(options.graph, "graph",
               [&](const std::string& file, std::ostream& to) { write_graph(seen, file, to); });
    write_file(options.report, "report",
               [&](const std::string&, std::ostream& to) { write_report(seen, to); });
  } catch (const std::exception& e) {
    std::fprintf(stderr, "troupe: what was seen cannot be written: %s\n", e.what());
  }
}

}  // namespace troupe::detail
