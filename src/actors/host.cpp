// SPDX-License-Identifier: MIT
#include "actors/host.hpp"

#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "runtime/settings.hpp"
#include "runtime/wait.hpp"

#include <algorithm>

namespace troupe::detail {

// ---- the core -----------------------------------------------------------------------------------

host_core::host_core(domain& d, std::unique_ptr<host> h)
    : turns_(h->concurrency),
      domain_(d),
      record_(std::move(h)),
      host_(*record_) {}

host_core::~host_core() {
  if (refusal_) refusal_->release();
  if (lost_.why) lost_.why->release();
}

void host_core::on(join_msg& m) {
  if (refusal_) return refuse(*m.t);
  tell(turns_.join(*m.t));
}

void host_core::on(inputs_ready_msg& m) {
  if (m.t->is == turn::state::waiting) tell(turns_.ready(*m.t));
}

void host_core::on(left_turn_msg& m) {
  if (m.refused) {
    --refused_;
    if (over_) give_back_hold();
    return settle_down();
  }
  let_go(m.of);
  if (m.broke) {
    note_break(m.broke);
    broken_ = true;
    turns_.shut();
  }
  tell(turns_.end());
  if (m.again && refusal_) refuse(*m.again);
  else if (m.again) tell(turns_.rejoin(*m.again));
  settle_down();
}

void host_core::on(step_out_msg& m) {
  let_go(m.t);
  tell(turns_.step_out(*m.t));
}
void host_core::on(step_in_msg& m) { tell(turns_.step_in(*m.t)); }

void host_core::on(born_msg& m) {
  making_ = false;
  if (m.why_not) {
    hopeless_ = host_.elsewhere && m.why_not->kind_of() == failure::kind::lost;
    note_break(m.why_not);
    broken_ = true;
  } else if (lost_.why) lose(std::exchange(lost_, {nullptr}));
  else tell(turns_.open());
  settle_down();
}

void host_core::on(lost_instance_msg& m) {
  if (over_ || broken_ || m.made != host_.made || lost_.why) return m.why->release();
  if (making_) {
    lost_ = m;
    return;
  }
  lose(m);
  settle_down();
}

void host_core::lose(const lost_instance_msg& m) {
  note_break(m.why, m.counts);
  broken_ = true;
  turns_.shut();
}

void host_core::on(no_handles_msg&) {
  ending_ = true;
  settle_down();
  give_back_hold();
}

void host_core::give_back_hold() {
  rest_.of = &host_;
  ++rest_.holds;
}

void host_core::on(stop_host_msg& m) {
  if (refusal_ || over_) return m.why->release();
  refuse_all(m.why);
  settle_down();
}

void host_core::tell(turn* chain) {
  host_.load.store(static_cast<std::uint32_t>(turns_.waiting() + turns_.begun()),
                   std::memory_order_relaxed);
  while (chain) {
    auto t = static_cast<actor_turn*>(chain);
    chain = chain->next;  // one that begins may end, and take its turn with it
    if (holder_.turn) [[unlikely]]
      holds_one_more();
    holder_ = {t, t->who->ctrl()->id()};
    send_turn(domain_, *t->who, {});
  }
}

[[gnu::noinline]] void host_core::holds_one_more() { holders_.push_back(holder_); }
void host_core::let_go(const actor_turn* t) {
  if (holder_.turn == t) holder_.turn = nullptr;
  else std::erase_if(holders_, [t](auto& h) { return h.turn == t; });
}

// One that is over stays until the call has ended, handle or not.
void host_core::refuse(actor_turn& t) {
  ++refused_;
  if (over_) host_.holds.fetch_add(1, std::memory_order_relaxed);
  refusal_->retain();
  send_turn(domain_, *t.who, {refusal_});
}

void host_core::refuse_all(const failure* why) {
  refusal_ = why;
  for (turn* chain = turns_.refuse_all(); chain;) {
    auto t = static_cast<actor_turn*>(chain);
    chain = chain->next;
    refuse(*t);
  }
}

void host_core::note_break(const failure* why, bool counts) {
  if (!broken_ && counts) ++breaks_;
  if (!broken_ || !host_.elsewhere) {  // else each call that was there says it once more
    story_ += story_.empty() ? "" : "; ";
    story_ += counts ? std::to_string(breaks_) + ". " : "moved: ";
    story_ += why->story();
  }
  why->release();
}

bool host_core::is_wanted() const { return !refusal_ && (!ending_ || turns_.waiting() > 0); }

// Of an instance elsewhere, which may wait for a node that never comes.
void host_core::give_up_making() {
  if (!host_.elsewhere || is_wanted() || std::exchange(gave_up_, true)) return;
  rest_.of = &host_;
  rest_.give_up_making = true;
}

// Whether it is over, or to be made again.
void host_core::settle_down() {
  if (making_) return give_up_making();
  if (over_ || turns_.begun() > 0 || refused_ > 0) return;
  if (!refusal_ && domain_.stopping()) return;  // the word is on its way
  const bool wanted = is_wanted();
  if (broken_ && wanted && !hopeless_ && breaks_ <= host_.restarts && (host_.again || breaks_ == 0))
    return make_again();
  if (!broken_ && wanted) return;
  if (broken_ && !refusal_) {
    std::string text = "actor '" + host_.name + "' is gone: it broke";
    if (host_.restarts > 0 && breaks_ > host_.restarts)
      text += " " + std::to_string(breaks_) +
              " times, and its restarts = " + std::to_string(host_.restarts) + " are used up";
    refuse_all(failure::make(failure::kind::actor_died, host_.name, text + " (" + story_ + ")"));
  }
  if (!refusal_)
    refuse_all(failure::make(failure::kind::cancelled, host_.name,
                             "actor '" + host_.name + "' has ended: its last handle is gone"));
  if (refused_ > 0) return;  // they leave first
  over_ = true;
  refusal_->retain();
  rest_.of = &host_;
  rest_.over = true;
  rest_.why = refusal_;
}

void host_core::make_again() {
  broken_ = false;
  making_ = true;
  ++host_.made;
  rest_.of = &host_;
  rest_.make_again = true;
  rest_.breaks = breaks_;
}

// ---- what is done after the release -------------------------------------------------------------

namespace {
// Values that die meanwhile are buried afterwards, and nobody waits.
template <class F> void without_waits(F f) {
  seat& s = seat::mine();
  object* dead = nullptr;
  object** const outer = s.burying;
  if (!outer) s.burying = &dead;
  f();
  if (!outer) s.burying = nullptr;
  if (dead) bury(dead);
}

void destroy_instance(hosted& h) {
  if (h.elsewhere) {
    if (const auto where = h.inside->outside()) where->end_instance(h);
    return;
  }
  if (void* instance = std::exchange(h.instance, nullptr))
    without_waits([&] { h.type->destroy(instance); });
}

// The body of the task that makes an actor's instance again.
struct made_again {
  actor_turn turn;
  duration wait;
  static verdict run(void* call, void*) {
    auto& c = *static_cast<made_again*>(call);
    hosted& h = *c.turn.of;
    destroy_instance(h);
    if (c.wait > duration::zero()) sleep_in_task(*h.inside, c.wait);
    h.again->make(h);
    if (h.elsewhere) return {};
    host_of(h).changes = host_of(h).saved_at = 0;
    if (h.snapshot) h.type->restore(h);
    return {};
  }
};

void start_making(host& h, unsigned breaks) {
  static const task_type plan{.name = {},
                              .result = &value_type_of<void>,
                              .size = sizeof(made_again),
                              .align = alignof(made_again),
                              .inputs = 0,
                              .run = &made_again::run,
                              .run_again = nullptr,
                              .destroy = nullptr,
                              .parts = nullptr,
                              .footprint = nullptr,
                              .role = task_role::constructor};
  try {
    task_options named;
    named.name = std::string(h.type->name);
    new_task t = create_task(*h.inside, plan, &named);
    new (t.call) made_again{{h, false, false, 0},
                            breaks > 0 ? wait_before(breaks + 1, h.backoff) : duration{}};
    object* out = t.out;
    is_made_by(h, *t.actor);
    t.actor->start(nullptr, 0);
    out->drop();
  } catch (...) {
    h.actor->tell(born_msg{failure::of_exception(h.type->name, std::current_exception())});
  }
}

void stop_making(host& h) {
  ref<void> maker;
  {
    std::lock_guard guard{h.saving};
    h.unwanted = true;
    maker = h.maker;
  }
  if (object* o = access::get(maker)) shard_of(*o).store->tell(cancel_msg{.o = o});
}

void bring_to_an_end(host& h, const failure* why) {
  destroy_instance(h);
  without_waits([&] {
    h.again.reset();
    h.snapshot.reset();
    h.maker = {};
    h.actor->cleanup(why->kind_of() == failure::kind::actor_died
                         ? caf::make_error(caf::sec::runtime_error, why->story())
                         : caf::error{caf::exit_reason::normal},
                     nullptr);
  });
  why->release();
  if (h.detached) drop_actor(h);
  h.inside->hosts().remove(h);
  h.release();
}

// What an object holds may be the last handle of the next actor: that one is destroyed after it, not
// on top of it.
void end(host& h) {
  seat& s = seat::mine();
  if (s.ending) return s.ending->push_back(&h);
  std::vector<host*> all{&h};
  s.ending = &all;
  while (!all.empty()) {
    host& next = *all.back();
    all.pop_back();
    bring_to_an_end(next, next.why_over);
  }
  s.ending = nullptr;
}
}  // namespace

void host_core::run(const errands& e) {
  host& h = *e.of;
  if (e.make_again) start_making(h, e.breaks);
  if (e.give_up_making) stop_making(h);
  if (e.over) {
    h.why_over = e.why;
    end(h);
  }
  for (unsigned n = e.holds; n > 0; --n) h.release();
}

// ---- the record ---------------------------------------------------------------------------------

host::host(const actor_type& t, domain& d, const task_options* options)
    : hosted(t, d),
      name(t.name),
      domain_lives(d.lives()) {
  lives = domain_lives.get();
  if (!options) return;
  named = !options->name.empty();
  if (named) name = options->name;
  detached = options->detached;
  reentrant = options->reentrant;
  concurrency = std::max(options->concurrency, 1u);
  restarts = options->restarts;
  retry_calls = options->retry_calls;
  snapshot_every = std::max(options->snapshot_every, 1u);
  saves = restarts > 0 && t.save;
  backoff = options->backoff;
  calls.blocking = options->blocking;
  calls.stack_size = options->stack_size;
  calls.priority = options->priority;
  calls.labels = options->labels;
  plain = !calls.blocking && calls.stack_size == 0 && calls.priority == 0 && calls.labels.empty();
}

host* host::make(const actor_type& t, domain& d, const task_options* options, bool elsewhere) {
  auto record = std::make_unique<host>(t, d, options);
  host& h = *record;
  h.elsewhere = elsewhere;
  caf::actor handle;
  h.actor = host_actor::make(d.system(), handle, d.at_once(), d, std::move(record));
  if (h.detached) retain_actor(h);
  h.handle = handle;
  try {
    d.hosts().add(h);
  } catch (...) {
    h.handle = nullptr;  // the record goes with the actor
    throw;
  }
  return &h;
}

void host::release() {
  if (holds.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const caf::actor last = std::move(handle);  // perhaps the last: the record goes with it
}

void retain_actor(hosted& h) noexcept { h.handles.fetch_add(1, std::memory_order_relaxed); }
bool retain_if_alive(hosted& h) noexcept {
  auto n = h.handles.load(std::memory_order_relaxed);
  while (n != 0 && !h.handles.compare_exchange_weak(n, n + 1, std::memory_order_relaxed)) {}
  return n != 0;
}
void drop_actor(hosted& h) noexcept {
  if (h.handles.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  host& mine = host_of(h);
  mine.actor->tell(no_handles_msg{});
}

void stop_actor(hosted& h) {
  host& mine = host_of(h);
  mine.actor->tell(stop_host_msg{
      failure::make(failure::kind::cancelled, mine.name, "actor '" + mine.name + "' was stopped")});
}

// ---- the list -----------------------------------------------------------------------------------

void host_list::add(host& h) {
  std::lock_guard guard{mutex_};
  h.place = all_.size();
  all_.push_back(&h);
  if (!h.named || names_.emplace(h.name, &h).second) return;
  all_.pop_back();
  throw error("an actor named '" + h.name +
              "' lives already in this runtime: choose another name, or take that one with "
              "find_actor");
}

void host_list::remove(host& h) {
  std::lock_guard guard{mutex_};
  if (h.named) names_.erase(h.name);
  all_[h.place] = all_.back();
  all_[h.place]->place = h.place;
  all_.pop_back();
}

bool host_list::empty() const {
  std::lock_guard guard{mutex_};
  return all_.empty();
}

std::vector<caf::actor> host_list::handles() const {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor> all;
  for (auto h : all_) all.push_back(h->handle);
  return all;
}

host* host_list::find(const std::string& name, const actor_type& type) const {
  std::lock_guard guard{mutex_};
  if (const auto found = names_.find(name); found != names_.end()) {
    host* h = found->second;
    if (*h->type->id != *type.id)
      throw error("actor '" + name + "' is a " + std::string(h->type->name) + ", not a " +
                  std::string(type.name));
    if (retain_if_alive(*h)) return h;
  }
  throw error("no actor is named '" + name + "'" + near_names(name));
}

// Those that may have been meant; with few actors, all.
std::string host_list::near_names(const std::string& name) const {
  std::vector<std::pair<std::size_t, std::string>> all;
  for (auto& [other, h] : names_)
    if (h->handles.load(std::memory_order_relaxed) != 0)
      all.emplace_back(letters_to_change(name, other), other);
  if (all.empty()) return ": no actor of this runtime has a name";
  std::sort(all.begin(), all.end());
  const bool near = all.front().first <= std::max<std::size_t>(2, name.size() / 3);
  std::string text = near ? " (did you mean " : " (there are ";
  const std::size_t most = near ? 3 : 10;
  for (std::size_t i = 0; i < all.size() && i < most; ++i) {
    if (near && i > 0 && all[i].first > std::max<std::size_t>(2, name.size() / 3)) break;
    text += (i == 0 ? "'" : near ? " or '" : ", '") + all[i].second + "'";
  }
  if (!near && all.size() > most) text += ", ... " + std::to_string(all.size() - most) + " more";
  return text + (near ? "?)" : ")");
}

}  // namespace troupe::detail
