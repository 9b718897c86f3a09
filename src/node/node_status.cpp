// SPDX-License-Identifier: MIT
// What a node tells its program, and others, of itself.
#include "actors/task.hpp"
#include "net/transport.hpp"
#include "node/node_core.hpp"
#include "runtime/domain.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace troupe::detail {

std::vector<node_status> node_core::nodes() {
  return ask([](node_core& n) {
           std::vector<node_status> all;
           for (const auto& [id, l] : n.links_) {
             node_status s{to_text(id),
                           l.facts.name,
                           l.address,
                           l.facts.slots,
                           {l.facts.labels.begin(), l.facts.labels.end()},
                           {},
                           n.placement_.sent_to(id)};
             for (const auto& [name, amount] : l.facts.resources)
               s.resources[name] = static_cast<double>(amount) / 10'000;
             all.push_back(std::move(s));
           }
           return all;
         })
      .value_or(std::vector<node_status>{});
}

bool node_core::wait_for(std::size_t others, duration timeout) {
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, timeout, [&] { return connected_ >= others; });
}

bool node_core::drain(duration timeout) {
  (void)ask([](node_core& n) {
    n.draining_ = true;
    n.unneeded_ = false;
    for (const auto& [id, l] : n.links_) n.send(id, frames::leaving{});
    return true;
  });
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, timeout, [&] { return unneeded_ || connected_ == 0; });
}

std::string node_core::describe() {
  nlohmann::json j;
  j["id"] = to_text(id_);
  j["name"] = name_;
  j["address"] = self().address;
  j["slots"] = own_.slots;
  j["labels"] = own_.labels;
  j["resources"] = domain_.options().resources;
  j["workers"] = domain_.options().workers;
  j["draining"] = draining_;
  const auto stats = domain_.stats();
  {
    std::lock_guard guard{work_mutex_};
    j["tasks"] = {{"unsettled", stats.tasks_unsettled},
                  {"settled", stats.tasks_settled},
                  {"served", served_.size()},
                  {"away", sent_.size()},
                  {"resting", resting_.size()},
                  {"kept_calls", calls_.size()},
                  {"waiting_for_a_node", placement_.waiting()}};
    j["objects"] = {{"here", stats.objects}, {"held_for_others", held_.size()}};
  }
  j["instances"] = {{"of_others", instances_.size()}, {"elsewhere", away_instances_.size()}};
  const auto shared = objects_->count();
  j["objects"]["lent"] = shared.lent;
  j["objects"]["borrowed"] = shared.borrowed;
  j["objects"]["pulls"] = pulls_.transfers();
  j["objects"]["copies"] = copies_.size();
  j["refused"] = {{"malformed_frames", malformed_.load()},
                  {"unknown_names", unknown_.load()},
                  {"stale_replies", placement_.stale()},
                  {"bad_chunks", servings_.refusals() + pulls_.dropped()}};
  auto& nodes = j["nodes"] = nlohmann::json::array();
  for (const auto& [id, l] : links_)
    nodes.push_back({{"id", to_text(id)},
                     {"name", l.facts.name},
                     {"address", l.address},
                     {"slots", l.facts.slots},
                     {"labels", l.facts.labels},
                     {"leaving", l.leaving},
                     {"sent", placement_.sent_to(id)},
                     {"window", placement_.window_of(id)}});
  return j.dump(1);
}

std::string node_core::whereabouts_of(const task& t) {
  return ask([&t](node_core& n) -> std::string {
           const auto found = n.numbers_.find(const_cast<task*>(&t));
           if (found == n.numbers_.end()) return {};
           const auto sent = n.sent_.find(found->second);
           if (sent == n.sent_.end()) return {};  // it has settled, and its call is kept
           const sent_task& s = sent->second;
           const auto name = [&](node_id id) {
             const auto l = n.links_.find(id);
             return "the node '" + (l == n.links_.end() ? to_text(id) : l->second.facts.name) + "'";
           };
           if (s.current) return name(s.current->node);
           if (s.pull) return "its value, which is on its way from " + name(s.pull->maker);
           if (const auto options = t.options(); options && !options->labels.empty()) {
             std::string labels;
             for (auto& l : options->labels) labels += (labels.empty() ? "" : ", ") + l;
             return "a node with the labels " + labels + " and room for it";
           }
           return "a node with room for it";
         })
      .value_or("");
}
std::string node_core::whereabouts_of(object& o) {
  return ask([&o](node_core& n) -> std::string {
           const auto id = n.objects_->is_stand_in_for(&o);
           if (!id) return {};
           const auto l = n.links_.find(id->maker);
           return "its value, which is to come from the node '" +
                  (l == n.links_.end() ? to_text(id->maker) : l->second.facts.name) + "'";
         })
      .value_or("");
}

std::string node_core::status() {
  return ask([](node_core& n) { return n.describe(); }).value_or("{}");
}

std::string node_core::status_of(const std::string& id, duration timeout) {
  auto told = std::make_shared<std::promise<std::string>>();
  auto answer = told->get_future();
  const bool asked = ask([told, id](node_core& n) {
                       for (const auto& [peer, l] : n.links_)
                         if (to_text(peer) == id) {
                           n.status_asked_.emplace(++n.last_status_, told);
                           n.send(peer, frames::status_wanted{n.last_status_});
                           return true;
                         }
                       return false;
                     }).value_or(false);
  if (!asked) throw error("node " + id + " is not connected");
  if (answer.wait_for(timeout) != std::future_status::ready)
    throw error("node " + id + " did not answer within " + in_words(timeout));
  return answer.get();
}

}  // namespace troupe::detail
