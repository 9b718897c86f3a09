// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <ostream>
#include <stdexcept>
#include <streambuf>

namespace troupe::app {

struct output_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// stdout, buffered; line by line on a terminal. A write that fails throws output_error.
class output : public std::ostream {
public:
  output();

private:
  class buffer : public std::streambuf {
  public:
    buffer();

  private:
    int_type overflow(int_type c) override;
    int sync() override;
    std::streamsize xsputn(const char* data, std::streamsize n) override;

    const bool by_line_;
    std::array<char, 16 * 1024> data_;
  };

  buffer buffer_;
};

}  // namespace troupe::app
