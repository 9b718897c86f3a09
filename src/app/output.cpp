// SPDX-License-Identifier: MIT
#include "app/output.hpp"

#include <unistd.h>
#include <string>
#include <system_error>

#include "app/terminal.hpp"

namespace troupe::app {

output::output() : std::ostream(nullptr) {
  rdbuf(&buffer_);
  exceptions(std::ios::badbit);  // lets output_error through
}

output::buffer::buffer() : by_line_(::isatty(STDOUT_FILENO) == 1) {
  setp(data_.data(), data_.data() + data_.size());
}

output::buffer::int_type output::buffer::overflow(int_type c) {
  sync();
  if (c != traits_type::eof()) sputc(static_cast<char>(c));
  return traits_type::not_eof(c);
}

std::streamsize output::buffer::xsputn(const char* data, std::streamsize n) {
  const auto written = std::streambuf::xsputn(data, n);
  if (by_line_ && std::string_view(data, static_cast<std::size_t>(n)).ends_with('\n')) sync();
  return written;
}

int output::buffer::sync() {
  const std::string_view data(pbase(), static_cast<std::size_t>(pptr() - pbase()));
  const int error = terminal::instance().write_out(data);
  setp(data_.data(), data_.data() + data_.size());
  if (error != 0)
    throw output_error("stdout cannot be written: " + std::generic_category().message(error));
  return 0;
}

}  // namespace troupe::app
