// SPDX-License-Identifier: MIT
// What <troupe/caf.hpp> asks the library.
#include "actors/asker.hpp"
#include "actors/host.hpp"
#include "actors/responder.hpp"
#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <troupe/caf.hpp>

#include <caf/actor_system.hpp>

#include <string>

namespace troupe {

std::string text_of(const caf::error& e) {
  if (e && e.category() == caf::atom("troupe") && e.context().match_elements<std::string>())
    return e.context().get_as<std::string>(0);
  return to_string(e);
}

namespace detail {

caf::actor handle_of_actor(const hosted& h) {
  return caf::actor_cast<caf::actor>(caf::strong_actor_ptr{host_of(h).actor->ctrl()});
}

// On the thread that sends it: so its caller is known.
bool host_core::intercept(caf::mailbox_element& m) const {
  const method_call* call = foreign_content_of<method_call>(m);
  if (!call) return false;
  const auto refuse = [&](failure_kind kind, std::string text) {
    if (m.sender && m.mid.is_request())
      m.sender->enqueue(nullptr, m.mid.response_id(),
                        caf::make_message(caf::error{kind, std::move(text)}),
                        seat::mine().unit_of(*m.sender->home_system));
    return true;
  };
  if (*call->of_ != *host_.type->id)
    return refuse(failure_kind::task_error, "actor '" + host_.name + "' is a " +
                                                std::string(host_.type->name) +
                                                ": the method is of another class");
  if (!retain_if_alive(host_))
    return refuse(failure_kind::cancelled,
                  "actor '" + host_.name + "' has ended: its last handle is gone");
  try {
    wanted result = call->make_(host_);
    if (m.sender && m.mid.is_request()) answer_when_settled(std::move(result), m.sender, m.mid);
  } catch (const cancelled& e) {
    return refuse(failure_kind::cancelled, e.what());
  } catch (const std::exception& e) {
    return refuse(failure_kind::task_error, e.what());
  } catch (...) { return refuse(failure_kind::task_error, "copying an argument threw"); }
  return true;
}

}  // namespace detail

any_value::any_value(ref<void> settled, const std::type_info& type)
    : object_(std::move(settled)),
      type_(&type) {
  if (!object_.settled()) detail::throw_unsettled();
  object_.value();  // a failed one throws its error
}

void failed_result::raise() const {
  const detail::object* o = detail::access::get(object_);
  if (o->is_sealed() && o->failed) detail::throw_outcome(*o);
  if (kind == failure_kind::cancelled) throw cancelled(text);
  throw error(text);
}

actor_error::actor_error(const std::string& text, caf::error why)
    : error(text),
      why_(std::make_shared<const caf::error>(std::move(why))) {}

namespace detail {

void throw_other_type(const std::type_info& held, const std::type_info& wanted) {
  throw error("any_value: the object holds a '" + name_of_type(held) + "', and was asked for a '" +
              name_of_type(wanted) + "'");
}

void check_wanted(const wanted& w) {
  if (!w.object) throw_empty_input();
}

void send_outcome(wanted what, caf::strong_actor_ptr to) {
  if (!to) throw error("send_when_settled: the handle names no actor");
  answer_when_settled(std::move(what), std::move(to), caf::message_id{});
}

// ---- from ---------------------------------------------------------------------------------------

std::string name_of_request(const caf::strong_actor_ptr& to) {
  return to ? "from " + name_of_actor(to) : "from no actor";
}

asking::asking(const caf::strong_actor_ptr& to, caf::message content) {
  if (!to) throw actor_error("the handle names no actor", {});
  name_ = name_of_actor(to);
  domain& d = seat::mine().running->inside();
  object* o = create_object(d, value_type_of<actor_reply>);
  try {
    question_ = std::make_shared<question>(o, name_);
  } catch (...) {
    abandon_object(o);
    throw;
  }
  reply_ = access::adopt<actor_reply>(o);
  caf::actor_config cfg;
  auto me = caf::make_actor<asker, caf::strong_actor_ptr>(fresh_actor_id(seat::mine()), d.node(),
                                                          &d.system(), cfg, question_);
  question_->watch(*to->get());
  if (question_->is_over()) return;
  to->enqueue(std::move(me), caf::make_message_id(1), std::move(content),
              seat::mine().unit_of(*to->home_system));
}

asking::~asking() {
  if (question_) question_->settle({.content = {}, .failed = "nobody waits for it", .why = {}});
}

void asking::throw_other_reply(const caf::message& got, const std::type_info& wanted) const {
  const std::string what = got.empty() ? "nothing" : "(" + types_in(got, name_of_type) + ")";
  throw actor_error(
      "actor '" + name_ + "' replied with " + what + ", not with " + name_of_type(wanted), {});
}

}  // namespace detail
}  // namespace troupe
