// SPDX-License-Identifier: MIT
#include "runtime/functions.hpp"

#include "actors/task.hpp"
#include "runtime/domain.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace troupe {
namespace detail {

namespace {
struct registry {
  std::mutex mutex;
  // By name; of one name there is more than one only by mistake.
  std::multimap<std::string, const exported_function*, std::less<>> all;
};
registry& functions() {  // never destroyed: exported<F>() may be called until the very end
  static auto r = new registry;
  return *r;
}
std::string both(const exported_function& a, const exported_function& b) {
  return "two functions are exported as '" + a.name + "': " + a.types + " and " + b.types +
         ". Give one of them another name: troupe::export_task<f>(\"name\")";
}
void enter(registry& r, exported_function& f) {
  const auto [begin, end] = r.all.equal_range(f.name);
  for (auto i = begin; i != end; ++i)
    if (i->second == &f) return;
  r.all.emplace(f.name, &f);
}
}  // namespace

void register_function(exported_function& f) {
  registry& r = functions();
  std::lock_guard guard{r.mutex};
  enter(r, f);
}

void name_function(exported_function& f, std::string name) {
  if (name.empty()) throw error("export_task: the name of '" + f.name + "' is empty");
  registry& r = functions();
  std::lock_guard guard{r.mutex};
  const auto [begin, end] = r.all.equal_range(f.name);
  for (auto i = begin; i != end; ++i)
    if (i->second == &f) {
      r.all.erase(i);
      break;
    }
  f.name = std::move(name);
  enter(r, f);
}

found_function find_function(std::string_view name, std::string_view types) {
  registry& r = functions();
  std::lock_guard guard{r.mutex};
  const auto [begin, end] = r.all.equal_range(name);
  if (begin == end)
    return {nullptr, "function '" + std::string(name) +
                         "' is not here: export it (troupe::export_tasks<f>()) in this program, or "
                         "load the library that does"};
  if (std::next(begin) != end) return {nullptr, both(*begin->second, *std::next(begin)->second)};
  const exported_function& f = *begin->second;
  if (f.types == types) return {&f, {}};
  return {nullptr, "function '" + f.name + "' is " + f.types + " here, and " + std::string(types) +
                       " where it was called: both programs must be built from the same types"};
}

object* serve(domain& d, const exported_function& f, arrived_call call,
              const task_options* options) {
  new_task t = create_task(d, *f.served, options);
  f.make(t.call, std::move(call));
  try {
    (void)start_task(t, nullptr, 0, false);
  } catch (...) {
    f.served->destroy(t.call);
    abandon_task(t);
    throw;
  }
  return t.out;
}

}  // namespace detail

std::vector<std::string> exported_tasks() {
  detail::registry& r = detail::functions();
  std::lock_guard guard{r.mutex};
  std::vector<std::string> names;
  const detail::exported_function* before = nullptr;
  for (const auto& [name, f] : r.all) {
    if (before && before->name == name) throw error(detail::both(*before, *f));
    names.push_back(name + f->types);
    before = f;
  }
  return names;
}

}  // namespace troupe
