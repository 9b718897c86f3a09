// SPDX-License-Identifier: MIT
// A random graph, and what each of its tasks must give.
#pragma once
#include "tests/node/graph_tasks.hpp"

#include <random>
#include <string>
#include <vector>

namespace graph_tasks {

struct expected {
  number value = 0;
  int failed = -1;  // whose error it is
};
struct planned {
  enum kind {
    plain,
    pauses,
    nested,
    tree,
    big,
    bigger,
    peeks,
    splits,
    hands,
    deep,
    fails,
    kinds
  } what;
  number own;
  bool far;
  std::vector<std::size_t> inputs;
  expected gives;
};

inline std::vector<planned> plan_of(unsigned seed) {
  std::mt19937 random{seed};
  std::vector<planned> plan(20 + random() % 60);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    planned& p = plan[i];
    p.what =
        random() % 30 == 0 ? planned::fails : static_cast<planned::kind>(random() % planned::fails);
    p.own = i;
    p.far = random() % 3 != 0;
    const std::size_t n = p.what == planned::pauses || p.what == planned::fails ? 1 : random() % 4;
    for (std::size_t k = 0; k < n && i > 0; ++k) p.inputs.push_back(random() % i);
    if (p.inputs.empty() && (p.what == planned::pauses || p.what == planned::fails))
      p.what = planned::plain;
    std::vector<number> values;
    for (const auto from : p.inputs) {
      const auto& e = plan[from].gives;
      if (e.failed >= 0 && p.gives.failed < 0) p.gives.failed = e.failed;
      values.push_back(e.value);
    }
    if (p.what == planned::tree || p.what == planned::big || p.what == planned::bigger ||
        p.what == planned::peeks)
      p.gives.failed = -1, p.inputs.clear();
    if (p.gives.failed >= 0) continue;
    switch (p.what) {
      case planned::plain: p.gives.value = fold(p.own, values); break;
      case planned::pauses: p.gives.value = mix(p.own, values[0]); break;
      case planned::nested: p.gives.value = nested_value(p.own, values); break;
      case planned::tree: p.gives.value = tree_value(p.own % 8); break;
      case planned::big: p.gives.value = sum(big(p.own), p.own); break;
      case planned::bigger:
        p.gives.value = mix(mix(p.own, p.own + p.own + (p.own % 2 == 0 ? 0 : p.own)),
                            sum(shifted(shifted(big(p.own), p.own), 3), p.own));
        break;
      case planned::splits: p.gives.value = split_value(p.own, values); break;
      case planned::hands: p.gives.value = hand_on_value(p.own, values); break;
      case planned::deep:
        p.gives.value = fold(p.own, {split_value(p.own, values), split_value(p.own + 1, values)});
        break;
      case planned::peeks: p.gives.value = mix(p.own, p.own + p.own + 7); break;
      default: p.gives.failed = static_cast<int>(i);
    }
  }
  return plan;
}

// gpus: runtimes have a resource of that name, and some tasks that submit none ask for it.
inline std::vector<troupe::ref<number>> submit(const troupe::scope& rt,
                                               const std::vector<planned>& plan,
                                               bool gpus = false) {
  std::vector<troupe::ref<number>> all;
  for (const auto& p : plan) {
    troupe::task_options options;
    if (p.far) options.labels = {"far"};
    if (gpus && p.own % 2 == 0 && (p.what == planned::plain || p.what == planned::pauses))
      options.resources = {{"gpu", p.own % 4 == 0 ? 1 : 0.5}};
    const auto to = rt.with(options);
    std::vector<troupe::ref<number>> inputs;
    for (const auto i : p.inputs) inputs.push_back(all[i]);
    switch (p.what) {
      case planned::plain: all.push_back(to.submit<graph_tasks::plain>(p.own, inputs)); break;
      case planned::pauses: all.push_back(to.submit<graph_tasks::pauses>(p.own, inputs[0])); break;
      case planned::nested: all.push_back(to.submit<nested>(p.own, inputs)); break;
      case planned::tree: all.push_back(to.submit<tree>(p.own % 8)); break;
      case planned::big: all.push_back(to.submit<sum>(to.submit<big>(p.own), p.own)); break;
      case planned::bigger: {  // here and there, and one in the middle is asked for as well
        const auto other = p.own % 3 == 0 ? rt.with({}) : to;
        const auto first = to.submit<big>(p.own), second = other.submit<shifted>(first, p.own);
        const auto peeked = other.submit<peek>(p.own % 2 == 0 ? first : second, p.own);
        const auto last = to.submit<sum>(to.submit<shifted>(second, 3), p.own);
        all.push_back(to.submit<graph_tasks::pauses>(peeked, last));
        break;
      }
      case planned::splits: {  // what it gives may lie on a node that dies meanwhile
        const auto parts = to.submit<split>(p.own, inputs);
        all.push_back((p.own % 2 == 0 ? to : rt.with({})).submit<gather>(parts, p.own));
        break;
      }
      case planned::hands: {
        const auto handed = to.submit<hand_on>(to.submit<split>(p.own, inputs), p.own);
        all.push_back((p.own % 2 == 0 ? to : rt.with({})).submit<gather>(handed, p.own));
        break;
      }
      case planned::deep: {
        const auto all_parts = to.submit<split_deep>(p.own, inputs);
        all.push_back((p.own % 3 != 0 ? rt.with({}) : to).submit<gather_deep>(all_parts, p.own));
        break;
      }
      case planned::peeks: {
        const auto moved = to.submit<shifted>(to.submit<big>(p.own), 7);
        all.push_back((p.own % 2 == 0 ? to : rt.with({})).submit<peek>(moved, p.own));
        break;
      }
      default: all.push_back(to.submit<fails>(p.own, inputs[0]));
    }
  }
  return all;
}

// Of a node that has nothing to do: nothing is left.
inline bool is_clean(const troupe::statistics& s, const std::string& status) {
  const auto none = [&](const char* name) {
    return status.find("\"" + std::string(name) + "\": 0") != std::string::npos;
  };
  return s.objects == 0 && s.tasks_unsettled == 0 && none("lent") && none("borrowed") &&
         none("held_for_others") && none("copies") && none("kept_calls") && none("away") &&
         none("waiting_for_a_node") && none("pulls") && none("of_others") && none("elsewhere");
}

}  // namespace graph_tasks
