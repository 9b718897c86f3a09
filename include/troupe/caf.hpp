// SPDX-License-Identifier: MIT
// For programs that live on CAF: Troupe inside an actor system of their own, and its actors as CAF
// actors. The only header of Troupe that includes CAF. docs/caf.md says who may be sent what.
#pragma once
#include <troupe/actor.hpp>
#include <troupe/detail/caf_values.hpp>
#include <troupe/runtime.hpp>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace troupe {

// Makes actor systems that are made from this config run on Troupe's scheduler, with so many
// workers (0: one per core), and render Troupe's errors. To be called before the system is made. For
// tests, instead of this: config.set("scheduler.policy", caf::atom("testing")); everything then runs
// on CAF's deterministic scheduler, a message or a task a step, and a get of the program's thread
// runs it.
void configure(caf::actor_system_config& config, unsigned workers = 0);

// ---- from objects to actors ---------------------------------------------------------------------

// How an object failed: the codes of Troupe's caf::errors, which compare with them:
//   [](const caf::error& e) { if (e == troupe::failure_kind::cancelled) ...; }
enum class failure_kind : std::uint8_t {
  task_error = 1,     // a body threw
  cancelled,          // it was cancelled, or its runtime stopped or ended; also: so was the wait
  deadline_exceeded,  // its deadline passed
  timed_out,          // a body let a timed_out pass
  deadlock,           // a task that waits for itself
  actor_died,         // a call of a stateful actor that broke
  no_copy,            // it has a value, and copying that into a message threw
  lost,               // it was on a node that is gone
  poisoned,           // nodes died of its task
};
// The whole story that a caf::error of Troupe tells: what() of the exception that get() would throw.
// Of any other error what CAF makes of it.
std::string text_of(const caf::error& e);

// An object's value, whatever its type. Keeps the object as a ref does: a copy is a pointer's, and
// it outlives the runtime. Thread safety: as ref.
class any_value {
public:
  template <class T> explicit any_value(ref<T> settled)
      : any_value(detail::untyped(std::move(settled)), typeid(T)) {}
  // Valid while a copy of this lives. Throws troupe::error, which names both types, if the object
  // holds something else (no conversions).
  template <class T> const T& as() const {
    if (*type_ != typeid(T)) detail::throw_other_type(*type_, typeid(T));
    return *static_cast<const T*>(value());
  }
  template <class T> bool is() const noexcept { return *type_ == typeid(T); }
  // Whether it is what this ref names.
  template <class T> bool is_of(const ref<T>& r) const noexcept {
    return detail::access::get(object_) == detail::access::get(r);
  }

private:
  any_value(ref<void> settled, const std::type_info& type);
  const void* value() const noexcept { return detail::access::get(object_)->value; }
  ref<void> object_;  // of any type
  const std::type_info* type_;
};

namespace detail {
class host_core;
// What an actor wants of an object, and how the value becomes a message.
struct wanted {
  ref<void> object;  // of any type
  caf::message (*content)(const ref<void>&);
};
// Throws troupe::error if it names nothing.
void check_wanted(const wanted& w);
}  // namespace detail

// Messages to rt.store_actor(), requests or not. It answers once the object has settled: get_object
// with an any_value, get_value with the value itself, a copy (a ref<void>: with no value, as a handler
// that returns void). If the object failed, a request is answered with a caf::error (failure_kind,
// text_of), and any other message with a failed_result. Whoever asks keeps the object meanwhile. They
// take any runtime's refs; one that names nothing is a troupe::error here.
struct get_object : detail::wanted {
  template <class T> explicit get_object(ref<T> r)
      : wanted{detail::untyped(std::move(r)), [](const ref<void>& o) {
                 return caf::make_message(any_value{detail::typed<T>(o)});
               }} {
    detail::check_wanted(*this);
  }
};
struct get_value : detail::wanted {
  template <class T> explicit get_value(ref<T> r)
      : wanted{detail::untyped(std::move(r)), &detail::value_message<T>} {
    static_assert(
        detail::can_be_sent<T>(),
        "troupe: CAF cannot send a value of this type: give it an inspect function, or "
        "name it in CAF_ALLOW_UNSAFE_MESSAGE_TYPE if it stays in the process (and it must "
        "be copyable); or ask with get_object, which sends none");
    detail::check_wanted(*this);
  }
};

// What comes as a message instead of the value of an object that failed.
class failed_result {
public:
  failure_kind kind;
  std::string text;  // what() of the exception that get() would throw
  // Whether this ref's object has failed.
  template <class T> bool is_of(const ref<T>& r) const noexcept {
    return detail::access::get(object_) == detail::access::get(r);
  }
  // Throws what get() would throw.
  [[noreturn]] void raise() const;

  failed_result(failure_kind kind, std::string text, ref<void> object)
      : kind(kind),
        text(std::move(text)),
        object_(std::move(object)) {}

private:
  ref<void> object_;  // of any type
};

namespace detail {
void send_outcome(wanted what, caf::strong_actor_ptr to);
template <class Handle> caf::strong_actor_ptr address_of(const Handle& actor) {
  return caf::actor_cast<caf::strong_actor_ptr>(actor);
}
}  // namespace detail

// Once it has settled, the actor (a handle, or a self pointer) gets the result as an ordinary message:
// the value, a copy (of a ref<void> an empty message); or a failed_result. With get_object{r} instead
// of r it gets an any_value, which knows whose it is. Does not wait; may be called anywhere. Throws
// troupe::error if either names nothing.
template <class Handle, class T> void send_when_settled(const Handle& actor, ref<T> r) {
  static_assert(detail::takes<Handle, T>() && detail::takes<Handle, failed_result>(),
                "troupe: this typed actor takes no such result as a message, or no "
                "troupe::failed_result");
  detail::send_outcome(get_value{std::move(r)}, detail::address_of(actor));
}
template <class Handle> void send_when_settled(const Handle& actor, get_object what) {
  static_assert(detail::takes<Handle, any_value>() && detail::takes<Handle, failed_result>(),
                "troupe: this typed actor takes no troupe::any_value, or no troupe::failed_result");
  detail::send_outcome(std::move(what), detail::address_of(actor));
}

// ---- stateful actors ----------------------------------------------------------------------------

// A message to a stateful actor's CAF handle: a call of a method. A request is answered as a get_value
// of what call() would give; any other message makes the call and is not answered.
//   self->request(troupe::handle_of(c), caf::infinite, troupe::call_of<&counter::add>(4))
//       .then([](int n) {...}, [](const caf::error& e) {...});
class method_call {
public:
  using maker = std::function<detail::wanted(detail::hosted&)>;
  method_call(const std::type_info& of, maker make) : of_(&of), make_(std::move(make)) {}

private:
  friend detail::host_core;
  const std::type_info* of_;
  maker make_;  // takes over a handle
};
// The method of the very class that the actor has. Arguments (values or refs) as for call(), copied.
template <auto Method, class... As> method_call call_of(As&&... as) {
  using T = typename detail::member_of<decltype(Method)>::in;
  using R = decltype(std::declval<const actor<T>&>().template call<Method>(
      std::declval<const std::decay_t<As>&>()...));
  static_assert(std::is_same_v<R, ref<typename R::value_type>>,
                "troupe: a call by message gives one value: no stream, no tuple");
  static_assert((std::is_copy_constructible_v<std::decay_t<As>> && ... && true),
                "troupe: a call by message copies its arguments: put() what cannot be copied");
  using V = typename R::value_type;
  static_assert(detail::can_be_sent<V>(),
                "troupe: CAF cannot send what this method gives: give it an inspect function, or "
                "name it in CAF_ALLOW_UNSAFE_MESSAGE_TYPE if it stays in the process");
  return {typeid(T),
          [args = std::tuple<std::decay_t<As>...>(std::forward<As>(as)...)](detail::hosted& h) {
            const auto a = detail::actor_access::adopt<T>(&h);
            return std::apply(
                [&](const auto&... xs) {
                  return detail::wanted{detail::untyped(a.template call<Method>(xs...)),
                                        &detail::value_message<V>};
                },
                args);
          }};
}

namespace detail {
caf::actor handle_of_actor(const hosted& h);
}
// The CAF handle of a stateful actor: may be monitored, linked to, and sent method_call. It names the
// actor and does not keep it alive.
template <class T> caf::actor handle_of(const actor<T>& a) {
  return detail::handle_of_actor(detail::actor_access::get(a));
}

// ---- from actors to objects ---------------------------------------------------------------------

// What a task of from() fails with (as the original of its task_error): the actor replied with an
// error or with something else, or will not reply.
class actor_error : public error {
public:
  actor_error(const std::string& text, caf::error why);
  // The error that it replied with, or that it went down with; none of these: empty.
  const caf::error& reason() const noexcept { return *why_; }

private:
  std::shared_ptr<const caf::error> why_;
};

namespace detail {
class question;
struct actor_reply {
  caf::message content;
  std::string failed = {};  // not empty: there is no reply, and this is why
  caf::error why = {};
};

// A request of the running task to an actor. Given up at its end, if there is no reply yet.
class asking {
public:
  asking(const caf::strong_actor_ptr& to, caf::message content);
  asking(const asking&) = delete;
  asking& operator=(const asking&) = delete;
  ~asking();
  // Settled with the reply, with a word that there will be none, or (at the end) with any. Once.
  ref<actor_reply> reply() { return std::move(reply_); }
  [[noreturn]] void throw_other_reply(const caf::message& got, const std::type_info& wanted) const;

  template <class T> T take(actor_reply r) const {
    if (!r.failed.empty()) throw actor_error(r.failed, std::move(r.why));
    if (!holds<T>(r.content)) throw_other_reply(r.content, typeid(T));
    return take_from<T>(r.content);
  }

private:
  std::string name_;
  std::shared_ptr<question> question_;
  ref<actor_reply> reply_;
};

// The body of such a task.
template <class T, class... Parts>
troupe::task<T> ask_actor(caf::strong_actor_ptr to, Parts... parts) {
  asking it{to, caf::make_message(std::move(parts)...)};
  co_return it.template take<T>(co_await it.reply());
}

std::string name_of_request(const caf::strong_actor_ptr& to);
caf::actor find_task_actor(domain& d, object* o);
}  // namespace detail

template <class T, class Handle, class... Ms>
auto scope::from(const Handle& actor, Ms&&... message) const {
  return with({}).template from<T>(actor, std::forward<Ms>(message)...);
}

template <class T, class Handle, class... Ms>
auto scope::with_options::from(const Handle& actor, Ms&&... message) const {
  using check = detail::check_request<Handle, T, detail::part_t<Ms>...>;
  if constexpr (check::passes) {
    task_options named = options_;
    auto to = detail::address_of(actor);
    if (named.name.empty()) named.name = detail::name_of_request(to);
    using body = detail::fixed<&detail::ask_actor<T, detail::part_t<Ms>...>>;
    return on_.submit_call<true>(&named, body{}, std::move(to),
                                 detail::as_part(std::forward<Ms>(message))...);
  } else return ref<T>{};
}

template <class T> caf::actor runtime::task_actor(const ref<T>& r) const {
  return detail::find_task_actor(*inside_, detail::access::get(r));
}

}  // namespace troupe

CAF_ERROR_CODE_ENUM(troupe::failure_kind, "troupe")
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::any_value)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::get_object)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::get_value)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::failed_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::method_call)
