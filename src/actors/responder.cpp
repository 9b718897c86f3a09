// SPDX-License-Identifier: MIT
#include "actors/responder.hpp"

#include "actors/lean_actor.hpp"
#include "actors/messages.hpp"
#include "actors/seat.hpp"
#include "actors/shard.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <caf/sec.hpp>

#include <atomic>
#include <optional>

namespace troupe::detail {

namespace {

failure_kind kind_of(const failure& f) {
  switch (f.kind_of()) {
    case failure::kind::thrown: return failure_kind::task_error;
    case failure::kind::cancelled: return failure_kind::cancelled;
    case failure::kind::deadline_exceeded: return failure_kind::deadline_exceeded;
    case failure::kind::timed_out: return failure_kind::timed_out;
    case failure::kind::deadlock: return failure_kind::deadlock;
    case failure::kind::actor_died: return failure_kind::actor_died;
    case failure::kind::lost: return failure_kind::lost;
    case failure::kind::poisoned: return failure_kind::poisoned;
  }
  return failure_kind::task_error;
}

std::string text_of(const failure& f) {
  try {
    f.raise();
  } catch (const error& e) { return e.what(); }
}

// A failure as a message: a request gets an error.
caf::message failed_content(failure_kind kind, std::string text, const ref<void>& object,
                            bool request) {
  if (request) return caf::make_message(caf::error{kind, std::move(text)});
  return caf::make_message(failed_result{kind, std::move(text), object});
}

// Runs a user's code: the value's copy.
caf::message content_of_outcome(const wanted& what, bool request) {
  const object& o = *access::get(what.object);
  if (!o.is_sealed())
    return failed_content(failure_kind::cancelled, "a wait was cancelled: the runtime ends",
                          what.object, request);
  if (o.failed) {
    auto& f = *static_cast<const failure*>(o.value);
    return failed_content(kind_of(f), text_of(f), what.object, request);
  }
  std::string why;
  try {
    return what.content(what.object);
  } catch (const std::exception& e) { why = e.what(); } catch (...) {
    why = "an exception of another kind";
  }
  return failed_content(failure_kind::no_copy, "copying the value into a message threw: " + why,
                        what.object, request);
}

void answer(const wanted& what, const caf::strong_actor_ptr& to, caf::message_id id) {
  auto content = content_of_outcome(what, id.is_request());
  auto unit = seat::mine().unit_of(*to->home_system);
  to->enqueue(nullptr, id.response_id(), std::move(content), unit);
}

// The wait for one object on behalf of one actor. Its own reference is that of whoever is to go on
// with it: the resolver, then a scheduler.
class result_wait final : public lean_actor, public caf::resumable {
public:
  result_wait(caf::actor_config& cfg, domain& d, wanted what, caf::strong_actor_ptr to,
              caf::message_id id)
      : lean_actor(cfg),
        domain_(&d),
        what_(std::move(what)),
        to_(std::move(to)),
        id_(id) {}

  static result_wait* make(domain& d, wanted what, caf::strong_actor_ptr to, caf::message_id id) {
    caf::actor_config cfg;
    auto handle = caf::make_actor<result_wait, caf::strong_actor_ptr>(
        fresh_actor_id(seat::mine()), d.node(), &d.system(), cfg, d, std::move(what), std::move(to),
        id);
    return static_cast<result_wait*>(handle.release()->get());
  }

  // Either the runtime's end sees that it stands, or this sees that the object has settled.
  void begin() {
    domain& d = *domain_;
    stands_ = true;
    wait_.wait_for(*access::get(what_.object), *this, d.number());
    d.set_stands();
    d.set_stands();  // until this thread has left the resolver
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (wait_.awaited().is_sealed()) schedule();
    else d.await(wait_);  // it may be gone when this returns
    d.set_is_gone();
  }
  void schedule() {
    caf::actor_system& system = domain_->system();
    if (auto unit = seat::mine().unit_of(system)) unit->exec_later(this);
    else system.scheduler().enqueue(this);
  }

  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override {
    if (!content_of<ready_msg>(*m)) return refuse(*m);
    m.reset();
    schedule();
  }
  resume_result resume(caf::execution_unit*, std::size_t) override {
    answer(what_, to_, id_);
    to_ = nullptr;
    what_.object = {};
    if (stands_) domain_->set_is_gone();  // the last touch
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { caf::intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { caf::intrusive_ptr_release(ctrl()); }

private:
  domain* const domain_;
  wanted what_;
  caf::strong_actor_ptr to_;
  const caf::message_id id_;
  waiter wait_;
  bool stands_ = false;  // the runtime's end waits for it
};

class store_front final : public caf::monitorable_actor {
public:
  explicit store_front(caf::actor_config& cfg) : monitorable_actor(cfg) {}
  const char* name() const override { return "troupe.store"; }
  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit* unit) override {
    if (handle_system_message(*m, unit, true) || !m->sender) return;
    if (auto what = wanted_of(*m))
      answer_when_settled(std::move(*what), std::move(m->sender), m->mid);
    else if (m->mid.is_request())
      m->sender->enqueue(nullptr, m->mid.response_id(),
                         caf::make_message(caf::make_error(caf::sec::unexpected_message)), unit);
  }

private:
  static std::optional<wanted> wanted_of(caf::mailbox_element& m) {
    if (auto what = foreign_content_of<get_object>(m)) return *what;
    if (auto what = foreign_content_of<get_value>(m)) return *what;
    return std::nullopt;
  }
};

}  // namespace

void answer_when_settled(wanted what, caf::strong_actor_ptr to, caf::message_id id) {
  object& o = *access::get(what.object);
  // The object's runtime: it is there as long as somebody holds the object.
  domain& d = *o.home.load(std::memory_order_relaxed)->inside;
  const bool sealed = o.is_sealed();
  if (sealed && d.at_once()) return answer(what, to, id);
  auto wait = result_wait::make(d, std::move(what), std::move(to), id);
  if (sealed) wait->schedule();
  else wait->begin();
}

bool run_if_answer(caf::resumable& job, caf::execution_unit& unit) {
  if (typeid(job) != typeid(result_wait)) return false;
  (void)job.resume(&unit, 1);
  job.intrusive_ptr_release_impl();
  return true;
}

caf::actor make_store_front(caf::actor_system& system) {
  caf::actor_config cfg;
  return caf::make_actor<store_front, caf::actor>(system.next_actor_id(), system.node(), &system,
                                                  cfg);
}

void end_store_front(const caf::actor& front) {
  static_cast<store_front*>(caf::actor_cast<caf::abstract_actor*>(front))
      ->cleanup(caf::error{}, nullptr);
}

std::string render_error(std::uint8_t, caf::atom_value, const caf::message& context) {
  return context.match_elements<std::string>() ? context.get_as<std::string>(0)
                                               : std::string("an error of Troupe");
}

}  // namespace troupe::detail
