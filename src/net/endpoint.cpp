// SPDX-License-Identifier: MIT
#include "net/endpoint.hpp"

#include <troupe/error.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

namespace troupe::detail {

namespace {
using clock = std::chrono::steady_clock;

struct descriptor {
  int fd;
  explicit descriptor(int number) : fd(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// 0, or why not.
int try_address(const addrinfo& a, clock::time_point until, int cancel) {
  descriptor s{::socket(a.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (s.fd < 0) return errno;
  if (::connect(s.fd, a.ai_addr, a.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    if (left <= 0) return ETIMEDOUT;
    pollfd fds[] = {{s.fd, POLLOUT, 0}, {cancel, POLLIN, 0}};
    if (::poll(fds, 2, static_cast<int>(left)) < 0 && errno != EINTR) return errno;
    if (fds[1].revents != 0) return ECANCELED;
    if (fds[0].revents != 0) break;
  }
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  return problem;
}

std::string numeric_host(const addrinfo& a) {
  char host[NI_MAXHOST] = {};
  ::getnameinfo(a.ai_addr, a.ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return host;
}
}  // namespace

endpoint parse_endpoint(std::string_view text) {
  const auto wrong = [&](const char* what) {
    return error("'" + std::string(text) + "' is no address: " + what +
                 ". Write host:port, as in 127.0.0.1:4500 or [::1]:4500");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) throw wrong("it has no port");
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos) throw wrong("an IPv6 host stands in [ ]");
  if (host.empty()) throw wrong("it has no host");
  endpoint e{std::string(host), 0};
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), e.port);
  if (problem != std::errc{} || end != port.data() + port.size())
    throw wrong("the port is no number from 0 to 65535");
  return e;
}

std::string to_text(const endpoint& e) {
  const bool v6 = e.host.find(':') != std::string::npos;
  return (v6 ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::string text(host);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

probed probe(const endpoint& where, std::chrono::milliseconds limit, int cancel) {
  const auto until = clock::now() + limit;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int no =
          ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &list))
    return {"", "the host " + where.host + " is not known (" + ::gai_strerror(no) + ")"};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{list, &::freeaddrinfo};
  int problem = 0;
  for (auto a = list; a; a = a->ai_next)
    if ((problem = try_address(*a, until, cancel)) == 0) return {numeric_host(*a), ""};
  if (problem == ETIMEDOUT)
    return {"", "nobody answers there within " + std::to_string(limit.count()) + " ms"};
  return {"", std::strerror(problem)};
}

void close_left_open(std::uint16_t port) {
  std::vector<int> open;
  std::error_code failed;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
    const int fd = std::atoi(file.path().filename().c_str());
    sockaddr_storage at{}, other{};
    socklen_t size = sizeof other;  // it is no connection
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&other), &size) == 0 || errno != ENOTCONN)
      continue;
    size = sizeof at;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) continue;
    const in_port_t there = at.ss_family == AF_INET6
                                ? reinterpret_cast<const sockaddr_in6&>(at).sin6_port
                                : reinterpret_cast<const sockaddr_in&>(at).sin_port;
    if (ntohs(there) == port) open.push_back(fd);
  }
  for (const int fd : open) ::close(fd);
}

}  // namespace troupe::detail
