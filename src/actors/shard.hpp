// SPDX-License-Identifier: MIT
// A store actor and a resolver actor, and the objects that belong to them for life. A runtime has
// several, so that threads rarely meet.
#pragma once
#include "actors/inline_actor.hpp"
#include "actors/messages.hpp"
#include "actors/nudges.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <vector>

namespace troupe::detail {

class domain;

// Destroys the values of dead objects, and those that die with them, without recursion.
void bury(object* dead) noexcept;
void bury(object* dead, seat& s) noexcept;

// What a store or a resolver leaves for after its release: values to destroy, and rarely more.
struct errands {
  domain* from;
  bool sweep = false;                     // that of `from` is due
  caf::abstract_actor* answer = nullptr;  // waits for the last question
  nudges nudged = {};
};
struct leftovers {
  object* dead = nullptr;  // a chain by next_dead
  std::unique_ptr<errands> more;
};

inline errands& errands_of(leftovers& r, domain& d) {
  if (!r.more) r.more = std::make_unique<errands>(errands{&d});
  return *r.more;
}

// Who hears that an object is gone: usually nobody; the runtime, if it has ended; its simulation.
enum class mourner : std::uint8_t { nobody, runtime, simulation };

class store_core {
public:
  explicit store_core(domain& d);
  void on(put_msg& m);
  void on(drop_msg& m);
  void on(watch_msg& m);
  void on(ask_msg& m);
  void on(retire_msg& m);
  void on(find_task_msg& m);
  void on(cancel_msg& m);
  void on(survey_msg& m);
  void on(nudge_msg& m);

  leftovers rest() { return std::exchange(rest_, {}); }
  void restore(leftovers r) { rest_ = std::move(r); }
  static void finish(leftovers r) {
    if (r.dead) bury(r.dead);
    if (r.more) [[unlikely]]
      run(*r.more);
  }
  bool closed() const { return retired_; }
  const object_table& table() const { return table_; }
  // Objects that are gone, and whose values are still to be destroyed.
  std::size_t unburied() const;

private:
  static void run(const errands& e);
  void reap(object* o);
  leftovers rest_;
  object_table table_;
  domain& domain_;
  bool retired_ = false;
  mourner mourner_;
};

class resolver_core {
public:
  explicit resolver_core(domain& d) : domain_(d) {}
  void on(await_msg& m);
  void on(sealed_msg& m);
  void on(withdraw_msg& m);
  void on(elsewhere_msg& m);
  void on(close_msg& m);
  void on(survey_msg& m);
  void on(ask_msg& m);
  void on(retire_msg& m);
  void on(nudge_msg& m);

  leftovers rest() { return std::exchange(rest_, {}); }
  void restore(leftovers r) { rest_ = std::move(r); }
  static void finish(leftovers r) { store_core::finish(std::move(r)); }
  bool closed() const { return retired_; }
  const task_graph& graph() const { return graph_; }

private:
  task_graph::answer await(waiter& w, object& o);
  void await_unheld(waiter& w, object& o);
  void answer(edge* chain, ready_msg::kind how = ready_msg::plain);
  static constexpr std::size_t at_once =
      256;  // waiters that one handler answers; the rest come after a turn for others
  leftovers rest_;
  task_graph graph_;
  domain& domain_;
  bool retired_ = false;
};

using store_actor = inline_actor<store_core, put_msg, drop_msg, watch_msg, find_task_msg,
                                 cancel_msg, survey_msg, ask_msg, retire_msg, nudge_msg>;
using resolver_actor =
    inline_actor<resolver_core, await_msg, sealed_msg, withdraw_msg, elsewhere_msg, close_msg,
                 survey_msg, ask_msg, retire_msg, nudge_msg>;

// Compiled where the handlers are.
extern template void store_actor::tell(put_msg);
extern template void store_actor::tell(drop_msg);
extern template void store_actor::tell(watch_msg);
extern template void resolver_actor::tell(await_msg);
extern template void resolver_actor::tell(sealed_msg);

struct shard {
  domain* inside = nullptr;
  store_actor* store = nullptr;  // null: the place of objects that no message has been sent about
  resolver_actor* resolver = nullptr;
  caf::actor store_handle, resolver_handle;  // keep alive what these point to
};

// The shard of an object; decided now, for the calling thread, if nobody has yet.
[[gnu::noinline]] shard& decide_shard(object& o);
inline shard& shard_of(object& o) {
  shard* s = o.home.load(std::memory_order_relaxed);
  return s->store ? *s : decide_shard(o);
}

// Where the record of an aliased object keeps the one that has the value.
object*& keeper(object& o);

object* allocate_object(domain& d, const value_type& type, seat& s);
// Of the record, not of the value: a word about an object may be on its way when its value dies.
void hold_memory(object* o) noexcept;
void release_memory(object* o) noexcept;
void release_memory(object* o, seat& s) noexcept;
// Tells `who` that its wait is over, from the place where that was found out.
void send_ready(domain& d, caf::abstract_actor& who, waiter* w,
                ready_msg::kind how = ready_msg::plain);
// A call's turn has come, or never will.
void send_turn(domain& d, caf::abstract_actor& who, turn_msg m);
// Asks a task to end.
void send_cancel(domain& d, caf::abstract_actor& who, cancel_msg m);

}  // namespace troupe::detail
