// SPDX-License-Identifier: MIT
// The other side: tasks that this node runs for others.
#include "actors/shard.hpp"
#include "node/node_core.hpp"
#include "node/when_settled.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "seeing/log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t most_served = 16 * 1024;      // of all nodes together
constexpr std::int64_t waits_are_told = 1'000'000;  // ns later: they may be over by then
}  // namespace

void node_core::refuse(node_id to, std::uint64_t attempt, bool lacks_function, std::string why) {
  drop_instance({to, attempt});
  send(to, frames::handed_back{attempt, lacks_function, std::move(why)});
}

bool node_core::is_swamped() {
  std::lock_guard guard{work_mutex_};
  return served_.size() >= most_served;
}

void node_core::on(node_id from, frames::run&& f) {
  link& l = links_.at(from);
  if (!f.name.empty()) l.asked.try_emplace(f.function, find_function(f.name, f.types));
  const auto known = l.asked.find(f.function);
  if (known == l.asked.end()) {
    ++unknown_;
    return refuse(from, f.attempt, true, "its function was never named");
  }
  const found_function& found = known->second;
  // Held until they are read, or for nothing: the sender has counted them.
  auto refs = objects_->arrived(from, std::move(f.call.refs));
  const auto no = [&](bool lacks, std::string why) {
    if (f.call.held != 0) send(from, frames::let_go{f.call.held});
    refuse(from, f.attempt, lacks, std::move(why));
  };
  if (!found.function) {
    ++unknown_;
    return no(true, found.why_not);
  }
  std::shared_ptr<served_turn> turn;
  const bool here = found.function->of && !found.function->makes;  // it can run nowhere else
  if (!here && (own_.slots == 0 || draining_ || is_swamped()))
    return no(false, draining_ ? "the node is leaving" : "the node has too much to do");
  if (found.function->of && !(turn = turn_for(from, f, *found.function))) {
    if (f.call.held != 0) send(from, frames::let_go{f.call.held});
    return send(from, frames::handed_back{f.attempt, true, "its actor is not here", true});
  }
  const auto call = std::make_shared<frames::run>(std::move(f));
  try {
    (void)unpack(from, call->call,
                 [this, from, call, refs, turn, &found](std::vector<char>* bytes) {
                   if (bytes && links_.contains(from))
                     begin(from, *call, *found.function, {std::move(*bytes), refs, turn});
                 });
  } catch (const error& e) { refuse(from, call->attempt, false, e.what()); }
}

void node_core::begin(node_id from, const frames::run& f, const exported_function& function,
                      arrived_call call) {
  const served_key key{from, f.attempt};
  const auto turn = call.turn;
  if (turn && function.makes && !instances_.contains(key)) return;  // it was cancelled
  serving started;
  try {
    task_options options;
    if (f.options) {
      options.name = f.options->name;
      options.deadline = duration(std::max<std::int64_t>(0, f.options->deadline));
      options.priority = f.options->priority;
      options.resources = f.options->resources;
      options.labels = f.options->labels;
      options.blocking = f.options->blocking;
      options.stack_size = f.options->stack_size;
    }
    started = serve(domain_, function, std::move(call), f.options ? &options : nullptr);
  } catch (...) {
    const failure* why = failure::of_exception(function.is.name, std::current_exception());
    frames::done done{f.attempt, 0, 0, 0, frames::came::failure, {}};
    {
      encoder to{done.what.bytes};
      why->write(to);
    }
    why->release();
    drop_instance(key);
    return send(from, done);
  }
  object* const o = started.out;
  if (!o) return refuse(from, f.attempt, false, "the node is at its bound of unsettled tasks");
  if (auto l = domain_.logging())
    l->saw_node(log_event::served, started.task, f.attempt, to_text(from));
  o->retain();
  {
    std::lock_guard guard{work_mutex_};
    served_.emplace(key, served{o, now(), f.may_stay, turn});
    serving_ = served_.size();
  }
  when_settled(domain_, o,
               [self = shared_from_this(), key, type = function.is.result](object& out) {
                 self->answer(key, out, *type);
               });
}

// When all that is served waits, perhaps for what has no room here yet, others hear of it at once.
void node_core::served_waits(bool begins) noexcept {
  if (!begins) return void(waiting_.fetch_sub(1));
  if (waiting_.fetch_add(1) + 1 < serving_.load() || told_waiting_.exchange(true)) return;
  post([](node_core& n) {
    n.told_waiting_ = false;
    n.load_at_ = std::min(n.load_at_, n.now() + waits_are_told);
  });
}

void node_core::answer(served_key key, object& o, const value_codec& type) {
  frames::done f{key.second, 0, 0, 0, {}, {}};
  bool may_stay = false;
  std::shared_ptr<served_turn> turn;
  {
    std::lock_guard guard{work_mutex_};
    const auto found = served_.find(key);
    if (found == served_.end()) return;  // its owner is gone, perhaps only for a while
    may_stay = found->second.may_stay;
    turn = found->second.turn;
  }
  f.what = turn ? outcome_of(key.first, o, type, f.how, turn.get())
                : outcome_of(key.first, o, type, f.how, may_stay);
  f.broke = turn && turn->broke;
  if (turn && f.how == frames::came::failure)  // of a constructor
    post([key](node_core& n) { n.drop_instance(key); });
  object* mine = nullptr;
  bool others = false;
  {
    const time t = now();
    std::unique_lock guard{work_mutex_};
    const auto found = served_.find(key);
    if (found == served_.end()) {  // by now
      guard.unlock();
      return unhold(key.first, f.what.held);
    }
    mine = found->second.o;
    const std::size_t there = served_.size(), slots = own_.slots;
    f.service =
        (t - std::max(last_done_, found->second.began)) * static_cast<time>(std::min(slots, there));
    last_done_ = t;
    f.order = ++order_;
    f.queue = there - 1 - std::min(there - 1, slots);
    served_.erase(found);
    serving_ = served_.size();
    others = !served_.empty();
  }
  mine->drop();
  send(key.first, f, others ? sending::with_others : sending::at_once);
  if (others && !flush_is_asked_.exchange(true))
    post([](node_core& n) { n.flush_is_asked_ = false; });
  if (f.queue == 0) bell_.notify_one();
}

namespace {
void ask_to_end(object& o) { shard_of(o).store->tell(cancel_msg{.o = &o}); }
}  // namespace

void node_core::on(node_id from, frames::cancel&& f) {
  drop_instance({from, f.attempt});
  object* o = nullptr;
  {
    std::lock_guard guard{work_mutex_};
    const auto found = served_.find({from, f.attempt});
    if (found == served_.end()) return;
    o = found->second.o;
    o->retain();
  }
  ask_to_end(*o);
  o->drop();
}

void node_core::drop_served(node_id peer) {
  std::vector<object*> all;
  {
    std::lock_guard guard{work_mutex_};
    for (auto i = served_.lower_bound({peer, 0}); i != served_.end() && i->first.first == peer;) {
      all.push_back(i->second.o);
      i = served_.erase(i);
    }
    serving_ = served_.size();
  }
  for (object* o : all) {
    ask_to_end(*o);
    o->drop();
  }
}

}  // namespace troupe::detail
