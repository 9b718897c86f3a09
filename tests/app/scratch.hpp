// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace troupe::app {

// A folder for a test's files, gone when the test is.
class scratch {
public:
  scratch() {
    auto name = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~scratch() { std::filesystem::remove_all(folder_); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return path(name);
  }

private:
  std::filesystem::path folder_;
};

}  // namespace troupe::app
