// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

// A program in a process of its own. Whoever waits for it waits a minute at most.
namespace troupe::app {

inline std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  REQUIRE_MESSAGE(value != nullptr, name << " is not set");
  return value;
}

struct process_options {
  std::vector<std::string> variables = {};  // NAME=value, or NAME to take it away
  const char* out = nullptr;                // a file for stdout; else it is read
  bool out_closed_pipe = false;             // stdout is a pipe that nobody reads
  bool err_terminal = false;                // stderr is a terminal
};

class process {
public:
  explicit process(const std::vector<std::string>& command, const process_options& options = {}) {
    int out[2], err[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    if (options.err_terminal) {
      winsize size{24, 80, 0, 0};
      REQUIRE(::openpty(&err[0], &err[1], nullptr, nullptr, &size) == 0);
    } else {
      REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
    }
    if (options.out != nullptr) {
      ::close(out[1]);
      out[1] = ::open(options.out, O_WRONLY | O_CLOEXEC);
    }
    if (options.out_closed_pipe) ::close(std::exchange(out[0], -1));
    id_ = ::fork();
    if (id_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      for (auto v : options.variables)
        v.find('=') == v.npos ? ::unsetenv(v.c_str()) : ::putenv(::strdup(v.c_str()));
      std::vector<char*> arguments;
      for (const auto& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~process() {
    if (id_ > 0) ::kill(id_, SIGKILL), ::waitpid(id_, nullptr, 0);
    if (out_ != -1) ::close(out_);
    if (err_ != -1) ::close(err_);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  pid_t id() const { return id_; }
  void send(int signal) const { ::kill(id_, signal); }

  void wait_for_message(const std::string& text) {
    while (messages.find(text) == messages.npos && read_some()) {}
    REQUIRE_MESSAGE(messages.find(text) != messages.npos, "no '" << text << "' in " << messages);
  }

  // Until stdout has a whole line with this text: what follows the text there.
  std::string wait_for_line(const std::string& text) {
    const auto has_line = [&] {
      const auto at = output.find(text);
      return at != output.npos && output.find('\n', at) != output.npos;
    };
    while (!has_line() && read_some()) {}
    REQUIRE_MESSAGE(has_line(), "no '" << text << "' in " << output << messages);
    const auto at = output.find(text) + text.size();
    return output.substr(at, output.find('\n', at) - at);
  }

  // The exit code; 1000 + the signal that ended it.
  int code() {
    while (read_some()) {}
    int status = 0;
    ::waitpid(std::exchange(id_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  std::string output, messages;  // what came on stdout and stderr so far

private:
  bool read_some() {
    pollfd both[]{{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    if (out_ == -1 && err_ == -1) return false;
    const int ready = ::poll(both, 2, 60'000);
    if (ready == 0) ::kill(id_, SIGKILL);
    REQUIRE_MESSAGE(ready > 0, "nothing for a minute; stderr: " << messages);
    if (both[0].revents != 0) take(out_, output);
    if (both[1].revents != 0) take(err_, messages);
    return true;
  }
  static void take(int& fd, std::string& to) {
    char data[65536];
    const auto n = ::read(fd, data, sizeof data);
    if (n > 0) to.append(data, static_cast<std::size_t>(n));
    else ::close(std::exchange(fd, -1));  // the end; EIO for a terminal
  }

  pid_t id_;
  int out_, err_;
};

struct outcome {
  int code;
  std::string output, messages;
};

inline outcome run(const std::vector<std::string>& command, const process_options& options = {}) {
  process p(command, options);
  const int code = p.code();
  return {code, p.output, p.messages};
}

inline outcome troupe(std::vector<std::string> arguments, const process_options& options = {}) {
  arguments.insert(arguments.begin(), from_environment("TROUPE_APP"));
  return run(arguments, options);
}

}  // namespace troupe::app
