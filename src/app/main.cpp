// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

#include <boost/version.hpp>

#include <troupe/app.hpp>

#include "app/cluster.hpp"
#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/ini.hpp"
#include "app/listing.hpp"
#include "app/output.hpp"
#include "app/run.hpp"
#include "app/text.hpp"

#ifndef TROUPE_VERSION
#define TROUPE_VERSION "unknown"
#endif

namespace troupe::app {
namespace {

constexpr int usage_code = 2;
constexpr std::size_t most_errors_shown = 100;

// A descriptor that the caller closed would otherwise be given to the next file that is opened.
void hold_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) == -1) ::open("/dev/null", O_RDONLY);
}

std::string version_text() {
#ifdef __clang__
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  return std::string("Troupe " TROUPE_VERSION "\nCAF ") + caf_version() + "\nBoost " +
         std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) +
         "." + std::to_string(BOOST_VERSION % 100) + "\ncompiler " + compiler + "\n";
}

// The file's text, a byte more than the most there may be at most. Throws std::system_error.
std::string read_text(const std::string& file) {
  const auto fail = [] { throw std::system_error(errno, std::generic_category()); };
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd == -1) fail();
  std::string text(max_config_size + 1, '\0');
  std::size_t size = 0;
  ssize_t n = 1;
  while (size < text.size() && n > 0) {
    n = ::read(fd, text.data() + size, text.size() - size);
    if (n > 0) size += static_cast<std::size_t>(n);
    if (n == -1 && errno == EINTR) n = 1;
  }
  const int error = errno;
  ::close(fd);
  errno = error;
  if (n == -1) fail();
  text.resize(size);
  return text;
}

void tell(const problems& errors, const std::string& file) {
  for (std::size_t i = 0; i < errors.size() && i < most_errors_shown; ++i) note(errors[i].text());
  if (errors.size() > most_errors_shown)
    note("and " + std::to_string(errors.size() - most_errors_shown) + " more");
  note((file.empty() ? "" : file + ": ") + std::to_string(errors.size()) +
       (errors.size() == 1 ? " error" : " errors") + "; nothing was started");
}

int run_or_check(const command& what, const std::string& program, output& out) {
  config_request request{what.file, "", read_environment(), what.sets, what.workers};
  if (what.what == verb::check) request.purpose = config_request::either;
  else if (what.what != verb::run) request.purpose = config_request::a_node;
  try {
    if (!what.file.empty()) request.text = read_text(what.file);
  } catch (const std::system_error& e) {
    note(program + ": " + what.file + ": " + e.code().message());
    return usage_code;
  }
  const auto config = read_config(request, workflows());
  if (!config.errors.empty()) {
    tell(config.errors, what.file);
    return usage_code;
  }
  if (what.what == verb::run) return run_workflow(config, program, out);
  if (what.what == verb::node) return run_node(config, program, out);
  if (what.what == verb::status) return tell_status(what, config.values, program, out);
  out << what.file << ": no errors; it "
      << (config.chosen ? "runs the workflow " + config.chosen->name() : "is a node's") << '\n';
  return 0;
}

int act(const std::vector<std::string>& arguments, const std::string& program) {
  output out;
  command what;
  try {
    what = parse_command_line(arguments);
  } catch (const usage_error& e) {
    note(program + ": " + e.what());
    note(trim(usage_text(program)));
    return usage_code;
  }
  int code = 0;
  switch (what.what) {
    case verb::help: out << help_text(program, workflows()); break;
    case verb::version: out << version_text(); break;
    case verb::list: out << list_text(workflows()); break;
    case verb::certs: code = make_certificates(what, program, out); break;
    case verb::run:
    case verb::check:
    case verb::node:
    case verb::status: code = run_or_check(what, program, out);
  }
  out.flush();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error to report
  const std::string program =
      argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "troupe";
  try {
    return act({argv + std::min(argc, 1), argv + argc}, program);
  } catch (const output_error& e) {
    note(program + ": " + e.what());
    return 1;
  }
}

}  // namespace troupe::app
