// SPDX-License-Identifier: MIT
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include <troupe/app.hpp>
#include <troupe/export.hpp>

//   fetch A --> process A --+
//   fetch B --> process B --+--> aggregate
//   fetch C --> process C --+
namespace {

using namespace std::chrono_literals;
namespace app = troupe::app;
using delay = std::chrono::nanoseconds;

void run(app::context& app);
void check(const app::settings& values, app::complaints& wrong);

app::workflow pipeline{"pipeline", "Fetches and processes each source, then aggregates.", run,
                       check};
const auto sources =
    pipeline.list("sources", {"A", "B", "C"}, "what to fetch; a fetch and a process for each");
const auto fetch_delay = pipeline.duration("fetch", 1s, "how long fetching a source takes");
const auto process_delay = pipeline.duration("process", 500ms, "how long processing it takes");
const auto aggregate_delay = pipeline.duration("aggregate", 200ms, "how long aggregating takes");
const auto fetching = pipeline.task("fetch", {.retries = 2}, "fetching a source");
const auto processing = pipeline.task("process", {}, "processing it");

struct page {
  std::string data, source;
};

page fetch(const std::string& source, delay takes) {
  app::note("Fetching data from " + source + "...");
  troupe::here().sleep_for(takes);  // parks the task, not a thread
  return {"data_from_" + source, source};
}

page process(page fetched, delay takes) {
  app::note("Processing data chunk: " + fetched.source + "...");
  troupe::here().sleep_for(takes);
  for (char& c : fetched.data) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fetched;
}

using report = std::vector<page>;  // in the order of the sources

report aggregate(const std::vector<page>& pages, delay takes) {
  app::note("Aggregating results...");
  troupe::here().sleep_for(takes);
  return pages;
}

[[maybe_unused]] const bool exported = (troupe::export_tasks<fetch, process, aggregate>(), true);

std::string to_text(const report& pages) {
  std::string text;
  for (const auto& p : pages) text += (text.empty() ? "" : ", ") + p.source + ": " + p.data;
  return "{" + text + "}";
}

void run(app::context& app) {
  auto& rt = app.rt();
  std::vector<troupe::ref<page>> processed;
  const auto to_fetch = rt.with(app[fetching]), to_process = rt.with(app[processing]);
  for (const auto& source : app[sources]) {
    app.throw_if_interrupted();
    auto fetched = to_fetch.submit<fetch>(source, app[fetch_delay]);
    processed.push_back(to_process.submit<process>(fetched, app[process_delay]));
  }
  const auto aggregated =
      rt.with({.name = "aggregate"}).submit<aggregate>(processed, app[aggregate_delay]);
  const report& result = app.get(aggregated);
  app.report_makespan(app[fetch_delay] + app[process_delay] + app[aggregate_delay]);
  app.out() << "Final aggregated result: " << to_text(result) << '\n';
}

// A source that is named twice would be one entry of the result.
void check(const app::settings& values, app::complaints& wrong) {
  std::set<std::string> seen;
  for (const auto& source : values[sources])
    if (!seen.insert(source).second) wrong.about(sources, "has '" + source + "' twice");
}

}  // namespace
