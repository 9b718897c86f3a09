// SPDX-License-Identifier: MIT
#include "app/cluster.hpp"

#include <dlfcn.h>
#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include <troupe/app.hpp>
#include <troupe/export.hpp>

#include "app/interrupt.hpp"
#include "app/resources.hpp"
#include "app/text.hpp"
#include "net/certificates.hpp"

namespace troupe::app {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t default_stack_size = 256 * 1024;  // the library's own
constexpr int usage_code = 2;
constexpr auto look_every = 50ms;  // for a signal

// The operator's own file: its tasks export themselves when it is loaded.
void load_library(const std::string& file) {
  const auto before = exported_tasks().size();
  // a name without a slash would be sought in the system's folders only
  const std::string path = file.find('/') == file.npos ? "./" + file : file;
  if (!::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL))
    throw error("--load " + file + ": " + ::dlerror());
  if (exported_tasks().size() == before)
    throw error("--load " + file +
                ": it exports no task. In one of its files: static const bool done = "
                "(troupe::export_tasks<f, g>(), true);");
}

std::string row(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i)
    text += (i > 0 ? "  " : "") + cells[i] +
            std::string(i + 1 < cells.size() ? widths[i] - std::min(widths[i], cells[i].size()) : 0,
                        ' ');
  return text + "\n";
}

std::string number(const nlohmann::json& j, const char* group, const char* name) {
  return std::to_string(j.at(group).at(name).get<std::uint64_t>());
}

std::string table(const std::vector<nlohmann::json>& nodes) {
  std::vector<std::vector<std::string>> rows{
      {"NODE", "ADDRESS", "SLOTS", "SERVES", "UNSETTLED", "AWAY", "OBJECTS", "LABELS"}};
  for (const auto& n : nodes)
    rows.push_back({n.at("name").get<std::string>() + (n.at("draining") ? " (leaving)" : ""),
                    n.at("address"), std::to_string(n.at("slots").get<unsigned>()),
                    number(n, "tasks", "served"), number(n, "tasks", "unsettled"),
                    number(n, "tasks", "away"), number(n, "objects", "here"),
                    join(n.at("labels").get<std::vector<std::string>>(), ", ")});
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& r : rows)
    for (std::size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  std::string text;
  for (const auto& r : rows) text += row(r, widths);
  return text;
}

}  // namespace

runtime_options options_of_runtime(const settings& values, const std::string& name) {
  const auto workers = static_cast<unsigned>(values[common().workers]);
  const std::size_t stack_size = values[common().stack_size];
  return {.workers = workers > 0 ? workers : std::max(1u, std::thread::hardware_concurrency()),
          .resources = parse_resources(values[common().resources]),
          .labels = values[common().labels],
          .max_unsettled_tasks = static_cast<std::size_t>(values[common().max_unsettled_tasks]),
          .max_argument_bytes = values[common().max_argument_bytes],
          .stack_size = stack_size > 0 ? stack_size : default_stack_size,
          .name = name,
          .trace = values[common().trace],
          .graph = values[common().graph],
          .report = values[common().report]};
}

node_options options_of_node(const settings& values) {
  return {
      .listen = values[common().listen],
      .advertise = values[common().advertise],
      .join = values[common().join],
      .name = values[common().node_name],
      .slots = static_cast<unsigned>(values[common().slots]),
      .certificate = values[common().certificate],
      .key = values[common().key_file],
      .authority = values[common().authority],
      .silence = std::chrono::duration_cast<std::chrono::milliseconds>(values[common().silence])};
}

std::optional<node> join_for_run(runtime& rt, const settings& values) {
  auto options = options_of_node(values);
  if (options.join.empty()) return std::nullopt;
  options.serves = false;
  options.listen.clear();  // nobody needs to call a run
  node n = rt.join(options);
  if (!n.wait_for(1, values[common().patience]))
    throw error(
        "no node answers at " + join(options.join, ", ") +
        ": is it there (troupe node --listen HOST:PORT), and does it run with a certificate "
        "of the same authority, or without as this one?");
  return n;
}

int run_node(const configuration& config, const std::string& program, std::ostream& out) {
  const interrupt_guard watch;
  const auto& values = config.values;
  try {
    for (const auto& file : values[common().load]) load_library(file);
    auto options = options_of_node(values);
    if (options.listen.empty() && options.join.empty())
      throw error("a node listens (--listen HOST:PORT), or joins another (--join HOST:PORT)");
    runtime rt{options_of_runtime(values, "node")};
    node n = rt.join(options);
    if (n.address().empty()) out << "node " << n.id() << '\n';
    else out << "node " << n.id() << " listens on " << n.address() << '\n';
    out.flush();
    while (interrupt_signal() == 0) (void)n.wait_for(SIZE_MAX, look_every);
    note(program + ": leaving: waiting for what runs here; Ctrl-C again leaves at once");
    if (!n.drain(values[common().drain]))
      note(program + ": left before all was done; it runs elsewhere");
    return 0;
  } catch (const error& e) {
    note(program + ": " + e.what());
    return usage_code;
  }
}

int tell_status(const command& what, const settings& values, const std::string& program,
                std::ostream& out) {
  try {
    const std::string& address = what.words.at(0);
    runtime rt{{.workers = 1, .name = "status"}};
    auto options = options_of_node(values);
    options.join = {address};
    options.serves = false;
    const node n = rt.join(options);
    if (!n.wait_for(1, values[common().patience])) throw error("no node answers at " + address);
    const auto first = nlohmann::json::parse(n.status_of(n.nodes().at(0).id, 5s));
    std::size_t reachable = 1;
    for (const auto& other : first.at("nodes"))
      reachable += other.at("address").get<std::string>().empty() ? 0 : 1;
    (void)n.wait_for(reachable, 2s);
    std::vector<nlohmann::json> all;
    for (const auto& other : n.nodes())
      if (!other.address.empty()) all.push_back(nlohmann::json::parse(n.status_of(other.id, 5s)));
    if (all.empty()) all.push_back(first);
    if (what.json) out << nlohmann::json(all).dump(1) << '\n';
    else out << table(all);
    return 0;
  } catch (const error& e) {
    note(program + ": " + e.what());
    return 1;
  }
}

int make_certificates(const command& what, const std::string& program, std::ostream& out) {
  try {
    const std::string& dir = what.words.at(1);
    if (what.words.at(0) == "init") {
      detail::make_authority(dir, what.days);
      out << "made the authority " << dir << "/ca.pem; keep " << dir << "/ca-key.pem to yourself\n";
    } else {
      const auto files =
          detail::issue(dir, what.words.at(2), what.days,
                        what.hosts.empty() ? std::vector<std::string>{"127.0.0.1"} : what.hosts);
      out << "--certificate " << files.certificate << " --key " << files.key << " --ca " << files.ca
          << '\n';
    }
    return 0;
  } catch (const error& e) {
    note(program + ": " + e.what());
    return 1;
  }
}

}  // namespace troupe::app
