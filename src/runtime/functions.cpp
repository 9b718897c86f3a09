// SPDX-License-Identifier: MIT
#include "runtime/functions.hpp"

#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

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
  return "two functions are exported as '" + a.is.name + "': " + a.is.types + " and " + b.is.types +
         ". Give one of them another name: troupe::export_task<f>(\"name\")";
}
// "class counter(i32)", "method counter::add(i32)->i32", "function twice(i32)->i32".
bool is_of_actor(std::string_view types) { return !types.starts_with('('); }
std::string kind_of(std::string_view types) {
  const auto end = types.find('(');
  return is_of_actor(types) && end != types.npos ? std::string(types.substr(0, end)) : "function";
}
// If it goes without saying.
std::string without_kind(std::string_view types, std::string_view other) {
  if (kind_of(types) == kind_of(other))
    types.remove_prefix(std::min(types.size(), types.find('(')));
  return std::string(types);
}
void enter(registry& r, exported_function& f) {
  const auto [begin, end] = r.all.equal_range(f.is.name);
  for (auto i = begin; i != end; ++i)
    if (i->second == &f) return;
  r.all.emplace(f.is.name, &f);
}
}  // namespace

void register_function(exported_function& f) {
  registry& r = functions();
  std::lock_guard guard{r.mutex};
  enter(r, f);
}

void name_function(exported_function& f, std::string name) {
  if (name.empty()) throw error("export_task: the name of '" + f.is.name + "' is empty");
  registry& r = functions();
  std::lock_guard guard{r.mutex};
  const auto [begin, end] = r.all.equal_range(f.is.name);
  for (auto i = begin; i != end; ++i)
    if (i->second == &f) {
      r.all.erase(i);
      break;
    }
  f.is.name = std::move(name);
  enter(r, f);
}

found_function find_function(std::string_view name, std::string_view types) {
  registry& r = functions();
  std::lock_guard guard{r.mutex};
  const auto [begin, end] = r.all.equal_range(name);
  const exported_function *found = nullptr, *other = nullptr;
  for (auto i = begin; i != end; ++i) {
    if (i->second->is.types != types) other = i->second;
    else if (found) return {.why_not = both(*found, *i->second)};
    else found = i->second;
  }
  if (found) return {.function = found};
  if (other)
    return {.why_not = kind_of(types) + " '" + other->is.name + "' is " +
                       without_kind(other->is.types, types) + " here, and " +
                       without_kind(types, other->is.types) +
                       " where it was called: both programs must be built from the same types",
            .other_types = true};
  return {.why_not = kind_of(types) + " '" + std::string(name) +
                     "' is not here: export it (troupe::" +
                     (is_of_actor(types) ? "export_actor<counter(int), &counter::add>"
                                         : "export_tasks<f>") +
                     "()) in this program, or load the library that does"};
}

namespace {
std::string no_replicas(unsigned n) {
  return "put: " + std::to_string(n) +
         " replicas are asked for, and this runtime is no node: join a cluster first "
         "(<troupe/node.hpp>)";
}
}  // namespace

void replicate(domain& d, object* o, const value_codec& type, unsigned replicas) {
  if (replicas <= 1) return put_object(o);
  if (auto where = d.outside()) {
    o->retain();
    return where->replicate(o, type, replicas);
  }
  if (o->type->destroy) o->type->destroy(o->storage());
  put_failure(*o, failure::make(failure::kind::lost, "put", no_replicas(replicas)));
}

void check_replicas(const domain& d, unsigned replicas) {
  if (replicas > 1 && !d.is_node()) throw error(no_replicas(replicas));
}

serving serve(domain& d, const exported_function& f, arrived_call call,
              const task_options* options) {
  new_task t = create_task(d, *f.served, options);
  const std::uint64_t number = t.actor->number();
  f.make(t.call, std::move(call));
  try {
    if (!start_task(t, nullptr, 0, true)) {
      f.served->destroy(t.call);
      abandon_task(t);
      return {};
    }
  } catch (...) {
    f.served->destroy(t.call);
    abandon_task(t);
    throw;
  }
  return {t.out, number};
}

}  // namespace detail

std::vector<std::string> exported_tasks() {
  detail::registry& r = detail::functions();
  std::lock_guard guard{r.mutex};
  std::vector<std::string> names;
  const detail::exported_function* before = nullptr;
  for (const auto& [name, f] : r.all) {
    if (before && before->is.name == name && before->is.types == f->is.types)
      throw error(detail::both(*before, *f));
    names.push_back((detail::is_of_actor(f->is.types) ? detail::kind_of(f->is.types) + " " : "") +
                    name + detail::without_kind(f->is.types, f->is.types));
    before = f;
  }
  return names;
}

}  // namespace troupe
