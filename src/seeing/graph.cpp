// SPDX-License-Identifier: MIT
#include "seeing/graph.hpp"

#include "actors/clock.hpp"

#include <troupe/error.hpp>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <ostream>
#include <set>
#include <tuple>
#include <utility>

extern char** environ;  // POSIX

namespace troupe::detail {

namespace {
enum class link : std::uint8_t { data, awaited, spawned };

std::string quoted(std::string text, std::size_t most = 60) {
  if (text.size() > most)
    text = text.substr(0, most / 2) + " ... " + text.substr(text.size() - most / 3);
  std::string s = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') s += '\\';
    s += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return s + "\"";
}
std::string time_of(std::int64_t ns) { return in_words(std::chrono::nanoseconds(ns)); }
const char* style_of(link l) {
  return l == link::data ? "solid" : l == link::awaited ? "dashed" : "dotted";
}

struct drawn_edge {
  std::size_t count = 0;
  bool critical = false;
};
// Nodes are tasks, or names.
struct drawing {
  bool by_name = false;
  std::map<std::tuple<std::uint32_t, std::uint32_t, link>, drawn_edge> edges;
  std::set<std::uint32_t> critical;
};

drawing draw(const record& r) {
  drawing d;
  d.by_name = r.tasks.size() > most_nodes_drawn || r.edges.size() > most_edges_drawn;
  const auto node = [&](std::uint32_t task) { return d.by_name ? r.tasks[task].name : task; };
  std::set<std::pair<std::uint32_t, std::uint32_t>> on_path;
  std::uint32_t before = record::nobody;
  for (auto& s : r.path) {
    if (s.is == record::step::program) continue;
    d.critical.insert(node(s.task));
    if (before != record::nobody && before != s.task) on_path.insert({node(before), node(s.task)});
    before = s.task;
  }
  const auto add = [&](std::uint32_t from, std::uint32_t to, link l) {
    auto& e = d.edges[{node(from), node(to), l}];
    ++e.count;
    e.critical |= on_path.contains({node(from), node(to)});
  };
  std::set<std::pair<std::uint32_t, std::uint32_t>> linked;
  for (auto& e : r.edges) {
    add(e.from, e.what, e.at == record::never ? link::data : link::awaited);
    if (!d.by_name) linked.insert({e.from, e.what});
  }
  for (std::uint32_t i = 0; i < r.tasks.size(); ++i)
    if (const auto p = r.tasks[i].parent; p != record::nobody && !linked.contains({p, i}))
      add(p, i, link::spawned);
  return d;
}

// What the program says on its stdout, given that on its stdin.
std::string filter(const char* program, char* const arguments[], const std::string& input) {
  int in[2], out[2];
  // a socket: a write to a program that is gone raises no signal
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0)
    throw error("no pipe can be made");
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    throw error("no pipe can be made");
  }
  posix_spawn_file_actions_t what;
  ::posix_spawn_file_actions_init(&what);
  ::posix_spawn_file_actions_adddup2(&what, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&what, out[1], STDOUT_FILENO);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, program, &what, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&what);
  ::close(in[0]);
  ::close(out[1]);
  std::string said;
  bool late = false;
  if (failed == 0) {
    ::fcntl(in[1], F_SETFL, O_NONBLOCK);
    std::size_t sent = 0;
    bool open = true;
    std::array<char, 1 << 16> bytes{};
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
      pollfd both[] = {{out[0], POLLIN, 0}, {open ? in[1] : -1, POLLOUT, 0}};
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= std::chrono::milliseconds(0)) {
        ::kill(child, SIGKILL);
        late = true;
        break;
      }
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
      if (::poll(both, 2, static_cast<int>(ms) + 1) < 0 && errno != EINTR) break;
      if (open && both[1].revents != 0) {
        const ssize_t n = ::send(in[1], input.data() + sent, input.size() - sent, MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
        if ((n < 0 && errno != EAGAIN && errno != EINTR) || sent == input.size()) {
          ::close(in[1]);
          open = false;
        }
      }
      if (both[0].revents != 0) {
        const ssize_t n = ::read(out[0], bytes.data(), bytes.size());
        if (n == 0 || (n < 0 && errno != EINTR)) break;
        if (n > 0) said.append(bytes.data(), static_cast<std::size_t>(n));
      }
    }
    if (open) ::close(in[1]);
  } else ::close(in[1]);
  ::close(out[0]);
  int code = 0;
  if (failed == 0)
    while (::waitpid(child, &code, 0) < 0 && errno == EINTR) {}
  if (failed != 0 || (WIFEXITED(code) && WEXITSTATUS(code) == 127))
    throw error(
        std::string("the program '") + program +
        "' is not there: install graphviz (apt-get install graphviz), or give a file that ends in "
        ".dot");
  if (late)
    throw error(std::string("the program '") + program +
                "' took more than a minute: give a file that ends in .dot");
  if (code != 0) throw error(std::string("the program '") + program + "' has failed");
  return said;
}

nlohmann::json json_of(const record& r) {
  nlohmann::json j{{"program", r.program}, {"tasks_left_out", r.left_out}};
  auto& tasks = j["tasks"] = nlohmann::json::array();
  for (std::uint32_t i = 0; i < r.tasks.size(); ++i) {
    const auto& t = r.tasks[i];
    nlohmann::json one{{"id", t.id},
                       {"name", r.name(i)},
                       {"submitted_ns", t.submitted},
                       {"busy_ns", t.busy},
                       {"parked_ns", t.parked},
                       {"outcome", t.outcome == 0 ? "value" : "error"}};
    if (t.begun != record::never) one["begun_ns"] = t.begun;
    if (t.settled != record::never) one["settled_ns"] = t.settled;
    else one["outcome"] = "none";
    if (t.parent != record::nobody) one["parent"] = r.tasks[t.parent].id;
    tasks.push_back(std::move(one));
  }
  auto& edges = j["edges"] = nlohmann::json::array();
  for (auto& e : r.edges)
    edges.push_back({{"from", r.tasks[e.from].id},
                     {"to", r.tasks[e.what].id},
                     {"kind", e.at == record::never ? "argument" : "get"}});
  auto& path = j["critical_path"] = nlohmann::json::array();
  constexpr const char* kinds[] = {"works", "queued", "waits for resources",
                                   "the program, before it", "on another node"};
  for (auto& s : r.path)
    path.push_back({{"task", r.tasks[s.task].id},
                    {"name", r.name(s.task)},
                    {"what", kinds[s.is]},
                    {"begin_ns", s.begin},
                    {"end_ns", s.end}});
  return j;
}
}  // namespace

std::string dot_of(const record& r) {
  const drawing d = draw(r);
  std::string s =
      "digraph " + quoted(r.program) +
      " {\n rankdir=TB; bgcolor=transparent; nslimit=4; nslimit1=4; mclimit=0.3;\n node "
      "[shape=box, style=\"rounded,filled\", "
      "fillcolor=\"#e8eef7\", color=\"#5b7aa8\", fontname=\"sans-serif\", fontsize=11];\n edge "
      "[color=\"#7a869a\", fontname=\"sans-serif\", fontsize=9, arrowsize=0.7];\n";
  struct sum {
    std::size_t n = 0, failed = 0;
    std::int64_t busy = 0;
  };
  std::map<std::uint32_t, sum> nodes;
  for (std::uint32_t i = 0; i < r.tasks.size(); ++i) {
    auto& n = nodes[d.by_name ? r.tasks[i].name : i];
    ++n.n;
    n.failed += r.tasks[i].outcome != 0 ? 1 : 0;
    n.busy += r.tasks[i].busy;
  }
  for (auto& [number, n] : nodes) {
    std::string label = quoted(d.by_name ? r.names[number] : r.name(number));
    label.pop_back();
    if (d.by_name) label += "\\n" + std::to_string(n.n) + (n.n == 1 ? " task, " : " tasks, ");
    else label += "\\n";
    label += time_of(n.busy);
    if (n.failed > 0)
      label += d.by_name ? "\\n" + std::to_string(n.failed) + " failed" : "\\nfailed";
    s += " n" + std::to_string(number) + " [label=" + label + "\"";
    if (n.failed > 0) s += ", fillcolor=\"#f7dfdf\"";
    if (d.critical.contains(number)) s += ", color=\"#c0392b\", penwidth=2.2";
    s += "];\n";
  }
  for (auto& [key, e] : d.edges) {
    const auto& [from, to, kind] = key;
    s += " n" + std::to_string(from) + " -> n" + std::to_string(to) + " [style=" + style_of(kind);
    if (d.by_name && e.count > 1) s += ", label=\"" + std::to_string(e.count) + "\"";
    if (e.critical) s += ", color=\"#c0392b\", penwidth=2";
    s += "];\n";
  }
  return s + "}\n";
}

std::string svg_of(const std::string& dot) {
  std::string program = "dot", format = "-Tsvg";
  char* const arguments[] = {program.data(), format.data(), nullptr};
  return filter("dot", arguments, dot);
}

void write_graph(const record& r, const std::string& file, std::ostream& to) {
  if (file.ends_with(".json"))
    to << json_of(r).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  else if (file.ends_with(".svg")) to << svg_of(dot_of(r));
  else to << dot_of(r);
}

}  // namespace troupe::detail
