// SPDX-License-Identifier: MIT
// The door: runtime, and here() inside a task.
#pragma once
#include <troupe/cancel.hpp>
#include <troupe/completions.hpp>
#include <troupe/detail/coroutine_call.hpp>
#include <troupe/detail/draft.hpp>
#include <troupe/detail/exported.hpp>
#include <troupe/detail/function.hpp>
#include <troupe/explain.hpp>
#include <troupe/options.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace caf {
class actor;
class actor_system;
}  // namespace caf

namespace troupe {

// A snapshot of a runtime's counters. Each is exact; together they are of one moment only while
// nothing runs.
struct statistics {
  std::size_t objects = 0;          // alive
  std::size_t tasks_settled = 0;    // their objects have their outcomes
  std::size_t tasks_unsettled = 0;  // submitted and not settled
  std::size_t tasks_unended =
      0;  // settled or not, their bodies have not ended (a pending task counts, and a submit
          // that waits at the bound)
  std::size_t inputs_awaited =
      0;  // waits sent to a resolver: by tasks for inputs, by bodies and programs for values
  std::size_t readiness_messages = 0;    // answers to them
  std::size_t puts = 0, drops = 0;       // messages that the stores have handled
  std::size_t tasks_unsettled_peak = 0;  // the most so far; counted only where there is a bound
};

// The tasks of one name. failed: of those settled, with an error or cancelled.
struct name_count {
  std::string name;
  std::size_t submitted = 0, settled = 0, failed = 0;
};

class node;
struct node_options;
class runtime;
class task_scope;
template <class T> class actor;
template <class T> class actor_pool;

namespace detail {
object* create_object(domain& d, const value_type& type);
void put_object(object* o) noexcept;  // its value is in place
void abandon_object(object* o) noexcept;
// Waits until it has settled, which it has not. False: not by then.
bool await_object(domain& d, object* o, const duration* timeout, call_site at);
// Waits until n of them (all that are not null) have settled. False: not by then.
bool await_objects(domain& d, object* const* objects, std::size_t count, std::size_t n,
                   const duration* timeout, call_site at = {});
void sleep_in_task(domain& d, duration time);
explanation explain_object(domain& d, object* o);
std::vector<task_status> tasks_of(domain& d, const task_filter& filter);
cancel_result cancel_object(domain& d, object* o);
[[noreturn]] void throw_timed_out(duration timeout);

template <class T>
inline void await_one(domain& d, const ref<T>& r, const duration* timeout, call_site at) {
  object* o = access::get(r);
  if (!o) throw_empty_input();
  if (!o->is_sealed() && !await_object(d, o, timeout, at)) throw_timed_out(*timeout);
}
template <class T>
void await_all(domain& d, const std::vector<ref<T>>& refs, const duration* timeout, call_site at) {
  // a ref<T> is its pointer, so the vector is an array of them
  static_assert(sizeof(ref<T>) == sizeof(object*));
  if (!await_objects(d, reinterpret_cast<object* const*>(refs.data()), refs.size(), refs.size(),
                     timeout, at))
    throw_timed_out(*timeout);
}
}  // namespace detail

// The verbs. A runtime has them for a program, here() for a running task. Thread safety: any thread
// may call them at any time between the construction and the destruction of the runtime. A ref that
// names nothing is a troupe::error in all of them; so is a wait in a value's destructor, or in the
// handler of a CAF actor.
class scope {
public:
  // Spawns a task actor that calls F (or f) with the arguments once all its inputs have settled;
  // returns at once. An argument that is a ref<T>, where the parameter is a T, is an input; so is a
  // container of refs where the container of values is expected. An input that failed settles the
  // task with that error without running it. Gives a ref to what the function returns (or what a
  // task<T> co_returns); of a std::tuple, a std::tuple of refs to its elements; of a stream<T>, that
  // stream, at once. In a runtime with a bound (max_unsettled_tasks, max_argument_bytes) it waits
  // until there is room: in a task this parks the body. Throws what copying the arguments throws;
  // troupe::error for options that the runtime cannot meet; cancelled if the runtime is ending or
  // was stopped, also while it waits.
  template <auto F, class... As> auto submit(As&&... as) const {
    return submit_call<false>(nullptr, detail::fixed<F>{}, std::forward<As>(as)...);
  }
  template <class F, class... As> auto submit(F&& f, As&&... as) const {
    return submit_call<false>(nullptr, std::forward<F>(f), std::forward<As>(as)...);
  }

  // As submit, but where submit would wait at the runtime's bound this gives nothing (and arguments
  // that were moved from are gone).
  template <auto F, class... As> auto try_submit(As&&... as) const {
    return submit_call<false, true>(nullptr, detail::fixed<F>{}, std::forward<As>(as)...);
  }
  template <class F, class... As> auto try_submit(F&& f, As&&... as) const {
    return submit_call<false, true>(nullptr, std::forward<F>(f), std::forward<As>(as)...);
  }

  // The same verbs with options for what follows: with({.name = "crawl"}).submit<f>(x). It may be
  // kept and used again, as long as this lives.
  class with_options {
  public:
    template <auto F, class... As> auto submit(As&&... as) const {
      return on_.submit_call<true>(&options_, detail::fixed<F>{}, std::forward<As>(as)...);
    }
    template <class F, class... As> auto submit(F&& f, As&&... as) const {
      return on_.submit_call<true>(&options_, std::forward<F>(f), std::forward<As>(as)...);
    }
    template <auto F, class... As> auto try_submit(As&&... as) const {
      return on_.submit_call<true, true>(&options_, detail::fixed<F>{}, std::forward<As>(as)...);
    }
    template <class F, class... As> auto try_submit(F&& f, As&&... as) const {
      return on_.submit_call<true, true>(&options_, std::forward<F>(f), std::forward<As>(as)...);
    }
    template <class T, class... As> troupe::actor<T> actor(As&&... as) const;
    template <class T, class... As>
    troupe::actor_pool<T> actor_pool(std::size_t n, const As&... as) const;
    template <class T, class Handle, class... Ms>
    auto from(const Handle& actor, Ms&&... message) const;

  private:
    friend scope;
    with_options(const scope& on, task_options options) : on_(on), options_(std::move(options)) {}
    const scope& on_;
    task_options options_;
  };
  with_options with(task_options options) const { return {*this, std::move(options)}; }

  // Makes a stateful actor (<troupe/actor.hpp>): an object of class T, made by a task from these
  // values or refs, whose methods are called like tasks. Throws troupe::error for options that mean
  // nothing for an actor, and for a name that another one has.
  template <class T, class... As> troupe::actor<T> actor(As&&... as) const;
  // n of them, each made from these arguments; with a name, named name-0, name-1 ...
  template <class T, class... As>
  troupe::actor_pool<T> actor_pool(std::size_t n, const As&... as) const;
  // The actor of this name. Throws troupe::error if there is none (it lists near names), or it is of
  // another class.
  template <class T> troupe::actor<T> find_actor(const std::string& name) const;

  // Makes an object of a value that is there already; it has settled at once. Throws what copying
  // or moving the value throws.
  template <class T> ref<std::decay_t<T>> put(T&& value) const {
    using V = std::decay_t<T>;
    detail::object* o = detail::create_object(*domain_, detail::value_type_of<V>);
    try {
      ::new (o->storage()) V(std::forward<T>(value));
    } catch (...) {
      detail::abandon_object(o);
      throw;
    }
    detail::put_object(o);
    return detail::access::adopt<V>(o);
  }
  // The same for data that nothing could make again: it lies on so many nodes, and lives as long as one
  // of them does. The ref settles once the copies are there, or with an error that says why they are
  // not. The value must be encodable, without refs in it. Throws troupe::error if this runtime is no
  // node and there is to be more than one. (In <troupe/export.hpp>.)
  template <class T> ref<std::decay_t<T>> put(T&& value, const put_options& options) const;

  // Waits until the ref has settled, and gives its value or throws its error. In a task this parks
  // the body, not a thread. Of an lvalue: no copy; valid while the ref lives. Of an rvalue: moved
  // out if it is the only ref, else copied. A program's thread may run the task that it waits for,
  // if nobody has begun it and there is no timeout. Throws timed_out when there is a timeout (zero
  // or less: do not wait) and it passes, and the task goes on; cancelled if the runtime is ending,
  // or the task that waits is asked to end.
  // `at`: for whoever asks why the task waits (explain), and for the words of a deadlock.
  template <class T>
  decltype(auto) get(const ref<T>& r, call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    detail::await_one(*domain_, r, nullptr, at);
    return r.value();
  }
  template <class T> T get(ref<T>&& r, call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    detail::await_one(*domain_, r, nullptr, at);
    return std::move(r).value();
  }
  template <class T> decltype(auto) get(const ref<T>& r, duration timeout,
                                        call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    detail::await_one(*domain_, r, &timeout, at);
    return r.value();
  }
  template <class T>
  T get(ref<T>&& r, duration timeout, call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    detail::await_one(*domain_, r, &timeout, at);
    return std::move(r).value();
  }

  // Many at once: the values in place (for ref<void>: nothing). Waits for all; throws the error of
  // the first one that failed.
  template <class T>
  auto get(std::vector<ref<T>> refs, call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    detail::await_all(*domain_, refs, nullptr, at);
    return all_values(std::move(refs));
  }
  template <class T> auto get(std::vector<ref<T>> refs, duration timeout,
                              call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    detail::await_all(*domain_, refs, &timeout, at);
    return all_values(std::move(refs));
  }
  // Several of different types: a tuple of const T& for an lvalue, of T for an rvalue.
  template <class... Ts>
  std::tuple<const Ts&...> get(const std::tuple<ref<Ts>...>& refs,
                               call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    return get_each<const Ts&...>(refs, nullptr, at);
  }
  template <class... Ts>
  std::tuple<const Ts&...> get(const std::tuple<ref<Ts>...>& refs, duration timeout,
                               call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    return get_each<const Ts&...>(refs, &timeout, at);
  }
  template <class... Ts>
  std::tuple<Ts...> get(std::tuple<ref<Ts>...>&& refs,
                        call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    return get_each<Ts...>(std::move(refs), nullptr, at);
  }
  template <class... Ts>
  std::tuple<Ts...> get(std::tuple<ref<Ts>...>&& refs, duration timeout,
                        call_site at = {__builtin_FILE(), __builtin_LINE()}) const {
    return get_each<Ts...>(std::move(refs), &timeout, at);
  }

  // Waits until n of them have settled (or the time is up): exactly n ready ones, the first to
  // settle, or with a timeout those there are, and the rest. The order of refs is kept in both. A
  // next call for what was pending goes on with the same waits. Of an rvalue the refs are moved, not
  // copied: in a loop over many, wait(std::move(refs), 1) is some ten times as fast.
  // Errors are not thrown here: a ref that failed is ready. Throws troupe::error if n is more than
  // there are; cancelled as get.
  template <class T> wait_result<T> wait(const std::vector<ref<T>>& refs, std::size_t n) const {
    return detail::split(refs, detail::await_first(*domain_, refs, n, nullptr));
  }
  template <class T>
  wait_result<T> wait(const std::vector<ref<T>>& refs, std::size_t n, duration timeout) const {
    return detail::split(refs, detail::await_first(*domain_, refs, n, &timeout));
  }
  template <class T> wait_result<T> wait(std::vector<ref<T>>&& refs, std::size_t n) const {
    const auto ready = detail::await_first(*domain_, refs, n, nullptr);
    return detail::split(std::move(refs), ready);
  }
  template <class T>
  wait_result<T> wait(std::vector<ref<T>>&& refs, std::size_t n, duration timeout) const {
    const auto ready = detail::await_first(*domain_, refs, n, &timeout);
    return detail::split(std::move(refs), ready);
  }

  // A range over the refs in the order in which they settle, those that have settled already first:
  //   for (auto& r : rt.as_completed(refs)) use(rt.get(r));
  // Its steps wait. It may be left early, and must be left before its runtime ends.
  template <class T> completions<T> as_completed(std::vector<ref<T>> refs) const {
    return {*domain_, std::move(refs)};
  }

  // Asks the task that makes an object to end, and all tasks that it has spawned. One that has not
  // begun never begins, and settles as cancelled at once. A body that runs sees here().stop_token(),
  // meets `cancelled` where it parks or would park, each time anew; and its task settles as
  // cancelled whatever the body gives (unless it was just returning). What its tasks asked for is
  // given back when their bodies end. What users have registered with stop tokens runs before this
  // returns, and must not wait. An element of a tuple stands for the task that gives it. Dropping a
  // ref never cancels.
  template <class T> cancel_result cancel(const ref<T>& r) const {
    return detail::cancel_object(*domain_, detail::access::get(r));
  }

  // For CAF programs, with <troupe/caf.hpp>: a task that sends a message to a CAF actor and settles
  // with its reply, a T (void: an empty one; a std::tuple: several values, a ref for each). It is
  // named "from" and the actor's name, and has neither stack nor thread while it waits. A ref<X> in
  // the message is an input, and the actor gets the X. An error reply, another type, or an actor that
  // goes down (or drops the request) before it replies fail the task with an actor_error; cancel, a
  // deadline and the runtime's end end the wait at once, and a late reply is dropped. A statically
  // typed handle is checked by the compiler.
  template <class T, class Handle, class... Ms>
  auto from(const Handle& actor, Ms&&... message) const;

  // Why the ref has not settled: what its task waits for, and what those wait for that it waits for.
  // Asks every actor of the runtime, so it costs some time for each wait that there is
  // (docs/seeing.md).
  template <class T> explanation explain(const ref<T>& r) const {
    return detail::explain_object(*domain_, detail::access::get(r));
  }
  // The unsettled tasks that wait, and those that they wait for; not those that are queued or run and
  // that nobody waits for.
  std::vector<task_status> tasks(const task_filter& filter = {}) const {
    return detail::tasks_of(*domain_, filter);
  }

  // A snapshot of the counters: asks every store and resolver actor.
  statistics stats() const;

protected:
  explicit scope(detail::domain* d) : domain_(d) {}
  scope(const scope&) = default;
  ~scope() = default;
  detail::domain* inside() const { return domain_; }

  template <bool Options, bool OnlyTry = false, class F, class... As>
  auto submit_call(const task_options* options, F&& f, As&&... as) const {
    using G = std::decay_t<F>;
    if constexpr (detail::check_call<G, std::decay_t<As>...>()) {
      using call = detail::call_for<G, std::decay_t<As>...>;
      if constexpr (call::streams)
        return submit_stream<OnlyTry, call, G>(options, std::forward<F>(f),
                                               std::forward<As>(as)...);
      else {
        if (options && options->stream_buffer != 0) detail::throw_no_stream();
        detail::draft<call> draft{*domain_, detail::task_type_of<call, G, Options>, options};
        draft.emplace(std::forward<F>(f), std::forward<As>(as)...);
        detail::missing_inputs<call::inputs> missing;
        draft.each_input(missing);
        return detail::start<typename call::value, OnlyTry>(draft, missing);
      }
    } else return ref<void>{};
  }

private:
  template <bool OnlyTry, class Call, class G, class F, class... As>
  auto submit_stream(const task_options* options, F&& f, As&&... as) const {
    using T = typename Call::element;
    if (options && options->retries != 0) detail::throw_no_retries();
    detail::draft<Call> draft{*domain_, detail::task_type_of<Call, G, false>, options};
    detail::stream_channel* channel =
        detail::open_stream(*domain_, draft.made(), options, detail::value_type_of<T>);
    auto values = detail::stream_access::adopt<T>(channel);
    draft.emplace(channel, std::forward<F>(f), std::forward<As>(as)...);
    detail::missing_inputs<Call::inputs> missing;
    draft.each_input(missing);
    detail::object* out = draft.start(missing, OnlyTry);
    if (out) detail::stream_access::made_by(values, detail::access::adopt<void>(out));
    if constexpr (OnlyTry) return out ? std::optional{std::move(values)} : std::nullopt;
    else return values;
  }
  template <class... Results, class Refs>
  std::tuple<Results...> get_each(Refs&& refs, const duration* timeout, call_site at) const {
    std::apply(
        [&](const auto&... r) {
          detail::object* const all[] = {detail::access::get(r)...};
          if (!detail::await_objects(*domain_, all, sizeof...(r), sizeof...(r), timeout, at))
            detail::throw_timed_out(*timeout);
        },
        refs);
    return std::apply(
        [](auto&... r) {
          if constexpr (std::is_lvalue_reference_v<Refs>)
            return std::tuple<Results...>{r.value()...};
          else return std::tuple<Results...>{std::move(r).value()...};
        },
        refs);
  }
  template <class T> static auto all_values(std::vector<ref<T>> refs) {
    for (const auto& r : refs) (void)r.value();
    if constexpr (!std::is_void_v<T>) return values<T>{std::move(refs)};
  }

  detail::domain* domain_;
};

// A running task's view of its runtime. Its verbs look up the task that calls them, so the
// reference may be kept across waits.
class task_scope : public scope {
public:
  // Parks the body for at least this long, and its thread goes on with other actors. Throws
  // cancelled if the runtime ends meanwhile, or the task is asked to end.
  void sleep_for(duration time) const { detail::sleep_in_task(*inside(), time); }
  // The running task's name: its option, or its function's.
  std::string_view name() const;
  // Tells a body that computes that it is to end: its task or one that it descends from was
  // cancelled or is past its deadline, or the runtime ends. Valid beyond the body. What is registered
  // with it runs on the thread that cancels, or on one of the runtime's own: it must not throw, wait
  // or cancel.
  std::stop_token stop_token() const;
  // 1 at the first try, one more at each retry.
  unsigned attempt() const;

private:
  friend detail::domain;
  explicit task_scope(detail::domain* d) : scope(d) {}
};

// The running task's runtime. Throws troupe::error outside of a task.
const task_scope& here();

// Runs tasks. Destroying it settles what is pending as cancelled, wakes what waits with
// `cancelled`, waits for bodies that run, and leaves no thread behind. Refs outlive it.
class runtime : public scope {
public:
  runtime() : runtime(runtime_options{}) {}
  // Throws troupe::error for an option out of range, and for what the system refuses. Reads
  // TROUPE_WORKERS and TROUPE_STACK_SIZE for what the options leave open.
  explicit runtime(runtime_options options);
  // Takes --troupe-workers=N and --troupe-stack-size=BYTES out of argv (all up to "--"); the rest
  // is the program's. They go before the environment's. A near miss (--troupe-worker=2) is an error
  // that names what was meant.
  runtime(int& argc, char** argv) : runtime(argc, argv, runtime_options{}) {}
  runtime(int& argc, char** argv, runtime_options options);
  // Lives in a program's own actor system, which must have been made with troupe::configure
  // (<troupe/caf.hpp>) and must outlive it.
  explicit runtime(caf::actor_system& system, runtime_options options = {});
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  ~runtime();

  // Becomes a node of a cluster, as long as what it gives lives: <troupe/node.hpp>, troupe::net.
  // Throws troupe::error for options that are wrong, and for a place where it cannot listen.
  node join(const node_options& options);

  // Nothing begins any more: tasks that have not begun settle as cancelled, and submit throws
  // cancelled. Bodies that have begun go on, parked ones too; drain() waits for them.
  void stop();
  // Waits until every task has ended: its body has returned and its arguments are gone. Throws
  // troupe::error inside a task.
  void drain() const;
  // Per task name, in order of first submission. Empty unless count_names is set.
  std::vector<name_count> counts() const;
  // As they are in force: with what the command line, the environment and the defaults say.
  const runtime_options& options() const;

  // For CAF programs, with <troupe/caf.hpp>, where the types are complete. The handles may be
  // monitored and linked to; but for store_actor() the actors take Troupe's own messages only.
  caf::actor_system& system() const;  // its own, or the program's
  // The door of the stores: may be asked for objects (get_object, get_value). Ends with the runtime.
  caf::actor store_actor() const;
  std::vector<caf::actor> store_actors() const;
  std::vector<caf::actor> resolver_actors() const;
  // The actor of the task that makes an object; invalid if the object has settled, or was put.
  template <class T> caf::actor task_actor(const ref<T>& r) const;

private:
  runtime(caf::actor_system* system, runtime_options options);
  detail::domain* inside_;
};

namespace detail {
// The running task's runtime, or else the object's own.
const task_scope& scope_of(const object* o);

struct hosted;
// The same of an actor's.
const task_scope& inner_scope_of(const hosted& h);

// then() of a ref<void>: f takes nothing.
template <class F> struct after_void {
  F f;
  decltype(auto) operator()(std::monostate) { return std::invoke(f); }
};
template <class F> struct name_of<after_void<F>> : name_of<F> {};

template <class Signature, class A> constexpr bool takes_the_ref() {
  if constexpr (requires { Signature::count; }) {
    if constexpr (Signature::count == 1)
      return fit_of<typename Signature::template at<0>::type, A>() == fit::as_is;
  }
  return false;
}
template <class T, class F> auto continue_with(ref<T> r, F&& f) {
  using G = std::decay_t<F>;
  static_assert(!takes_the_ref<typename signature_of<G>::type, ref<T>>(),
                "troupe: then's function takes the value, not the ref: it would run at once");
  const task_scope& on = scope_of(access::get(r));
  if constexpr (std::is_void_v<T>)
    return on.submit(after_void<G>{std::forward<F>(f)}, std::move(r));
  else return on.submit(std::forward<F>(f), std::move(r));
}
}  // namespace detail

template <class T> template <class F> auto ref<T>::then(F&& f) const& {
  return detail::continue_with(*this, std::forward<F>(f));
}
template <class T> template <class F> auto ref<T>::then(F&& f) && {
  return detail::continue_with(std::move(*this), std::forward<F>(f));
}

// The version of the CAF library that Troupe was built with, like "0.17.6".
const char* caf_version() noexcept;

}  // namespace troupe
