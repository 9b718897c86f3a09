// SPDX-License-Identifier: MIT
// What a runtime counts, and who is told what its tasks do.
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/wait.hpp"
#include "seeing/log.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::detail {

std::size_t domain::total(std::atomic<std::int64_t> books::*what) const {
  std::int64_t n = 0;
  for (const auto& b : books_) n += (b.*what).load(std::memory_order_acquire);
  return static_cast<std::size_t>(std::max<std::int64_t>(n, 0));
}

void domain::count_name(const task& t, std::size_t name_count::*what) {
  std::lock_guard guard{names_mutex_};
  std::string name{t.name_of_task()};
  auto [place, fresh] = name_places_.emplace(name, names_.size());
  if (fresh) names_.push_back({std::move(name)});
  ++(names_[place->second].*what);
}
void domain::keep_log(bool on) {
  if (!at_once()) return;
  if (!log_) log_ = std::make_unique<detail::log>();
  if (on) {
    observer_ = log_.get();
    logging_ = log_.get();
    notes_ = true;
  } else if (!writes_log_) {  // `notes_` stays: there may be other reasons
    observer_ = nullptr;
    logging_ = nullptr;
    log_->clear();
  }
}

void domain::note_submitted(const task& t) {
  if (options_.count_names) count_name(t, &name_count::submitted);
  observer* const w = observed_by();
  if (!w) return;
  w->saw(moment::submit, t);
  if (t.type().inputs_of) {
    const std::pair<observer*, const task*> both{w, &t};
    t.type().inputs_of(
        const_cast<task&>(t).call(),
        [](void* with, object* o) {
          const auto& [by, whose] = *static_cast<const std::pair<observer*, const task*>*>(with);
          by->saw_input(*whose, *o);
        },
        const_cast<std::pair<observer*, const task*>*>(&both));
  }
}
void domain::note_settled(const task& t, outcome how) {
  if (auto by = observed_by()) by->settles(t, how);
  if (gate_ && !t.is_constructor()) gate_->actor().tell(left_msg{t.footprint()});
  if (!options_.count_names) return;
  count_name(t, &name_count::settled);
  if (how.is == outcome::failure) count_name(t, &name_count::failed);
}
void domain::note_ending(const task& t) {
  if (auto by = observed_by()) by->saw(moment::end, t);
}
std::vector<name_count> domain::name_counts() const {
  std::lock_guard guard{names_mutex_};
  return names_;
}

std::vector<totals> domain::ask_shards(bool may_park) {
  std::vector<totals> all(2 * shards_.size());
  await_answers(
      *this, all.size(),
      [&, i = std::size_t{0}](caf::abstract_actor& me) mutable {
        for (auto& shard : shards_) {
          shard.store->tell(ask_msg{&all[i++], &me});
          shard.resolver->tell(ask_msg{&all[i++], &me});
        }
      },
      may_park);
  return all;
}

statistics domain::stats() {
  refuse_waits();
  statistics s;
  // settled first: what settles meanwhile is then never counted twice
  s.tasks_settled = total(&books::settled);
  const std::size_t ended = total(&books::ended), left = total(&books::left_bound);
  const auto all = ask_shards(true);
  const std::size_t submitted = total(&books::submitted), made = total(&books::made);
  std::size_t gone = 0;
  for (auto& t : all) {
    gone += t.store.gone;
    s.puts += t.store.puts;
    s.drops += t.store.drops;
    s.inputs_awaited += t.graph.awaited;
    s.readiness_messages += t.graph.answered;
  }
  s.objects = made - std::min(made, gone);
  s.tasks_unsettled = submitted - std::min(submitted, s.tasks_settled);
  const std::size_t reached = total(&books::reached_bound);
  s.tasks_unended = submitted - std::min(submitted, ended) + reached - std::min(reached, left);
  if (gate_) s.tasks_unsettled_peak = gate_->actor().core().peak();
  return s;
}

}  // namespace troupe::detail
