// SPDX-License-Identifier: MIT
// Stateful actors: objects of plain classes whose methods are called like tasks.
//
//   class counter {
//   public:
//     explicit counter(int start) : n_(start) {}
//     int add(int x) { return n_ += x; }
//   private:
//     int n_;
//   };
//   auto c = rt.actor<counter>(3);
//   troupe::ref<int> n = c.call<&counter::add>(4);   // a value or a ref
#pragma once
#include <troupe/detail/exported_actor.hpp>
#include <troupe/detail/hosted.hpp>
#include <troupe/runtime.hpp>

#include <iterator>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

// Whether a method may run beside others of its kind, in an actor with a concurrency of more than
// one. To be specialised as true for a method that is not const and safe all the same:
//   template <> inline constexpr bool troupe::concurrent_method<&cache::look_up> = true;
template <auto Method> inline constexpr bool concurrent_method =
    detail::member_of<decltype(Method)>::is_const;

// A counted handle of an actor: copies, travels as an argument, lies in structs and in other actors.
// When the last one is gone the actor ends, once the calls made have ended, unless it is detached.
// (One that lies in its own actor keeps that alive until stop() or the runtime's end.) The handle may
// outlive its runtime: then calls throw cancelled. Thread safety: as shared_ptr; calls from any
// thread.
template <class T> class actor {
public:
  using class_type = T;

  actor() noexcept = default;  // names no actor: a call is a troupe::error
  actor(const actor& other) noexcept : hosted_(other.hosted_) {
    if (hosted_) detail::retain_actor(*hosted_);
  }
  actor(actor&& other) noexcept : hosted_(std::exchange(other.hosted_, nullptr)) {}
  actor& operator=(actor other) noexcept {
    std::swap(hosted_, other.hosted_);
    return *this;
  }
  ~actor() {
    if (hosted_) detail::drop_actor(*hosted_);
  }
  explicit operator bool() const noexcept { return hosted_ != nullptr; }
  friend bool operator==(const actor& a, const actor& b) noexcept { return a.hosted_ == b.hosted_; }

  // Spawns a task actor that calls the method once its inputs have settled and the actor gives it its
  // turn; returns at once, and gives what submit gives. Arguments as for submit. The calls of one
  // caller (a task, or a program's thread) have their turns in the order made: one whose inputs are
  // missing holds up its caller's later calls, and nobody else's. Callers whose calls wait take turns.
  // An exception settles the call, not the actor (but actor_broken). A call of an actor that has
  // ended settles with actor_died, if it broke, or else with cancelled. Waits and throws as submit.
  // A method may get, park, submit, call; while it is parked other calls stay out, unless the actor is
  // reentrant; a get of a call that its own actor cannot begin meanwhile throws deadlock.
  template <auto Method, class... As> auto call(As&&... as) const {
    return call_with<Method>(nullptr, std::forward<As>(as)...);
  }

  // The same with options for the calls that follow: name, deadline, priority, blocking, stack_size,
  // labels, stream_buffer, beside the actor's own. Kept as long as this lives.
  class with_options {
  public:
    template <auto Method, class... As> auto call(As&&... as) const {
      return on_.template call_with<Method>(&options_, std::forward<As>(as)...);
    }

  private:
    friend actor;
    with_options(const actor& on, task_options options) : on_(on), options_(std::move(options)) {}
    actor on_;
    task_options options_;
  };
  with_options with(task_options options) const {
    detail::check_call_options(options);
    if (hosted_) detail::add_options_of(*hosted_, options);
    return {*this, std::move(options)};
  }

  // No call begins any more: those that wait, and all that come, settle as cancelled. Those that have
  // begun go on; then the object is destroyed.
  void stop() const { detail::stop_actor(named()); }
  // Its name, or its class's.
  const std::string& name() const { return detail::name_of_actor(named()); }

private:
  friend detail::actor_access;
  detail::hosted& named() const {
    if (!hosted_) detail::throw_no_actor();
    return *hosted_;
  }
  template <auto Method, class... As> auto call_with(const task_options* options, As&&... as) const;

  detail::hosted* hosted_ = nullptr;
};

namespace detail {
struct actor_access {
  template <class T> static troupe::actor<T> adopt(hosted* h) noexcept {
    troupe::actor<T> a;
    a.hosted_ = h;
    return a;
  }
  template <class T> static hosted& get(const troupe::actor<T>& a) { return a.named(); }
};

template <class T, class... As>
troupe::actor<T> make_actor(domain& d, const task_options* options, As&&... as) {
  static_assert(std::is_class_v<T> && std::is_same_v<T, std::decay_t<T>>,
                "troupe: an actor is an object of a class: rt.actor<counter>(3)");
  constexpr bool fits = std::is_constructible_v<T, resolved_t<std::decay_t<As>>...>;
  static_assert(fits,
                "troupe: the actor's class has no constructor that takes these arguments (each "
                "ref<T> arrives as a T)");
  if constexpr (fits) {
    using F = constructor<T>;
    using C = in_turn<call_for<F, std::decay_t<As>...>, task_role::constructor>;
    hosted& h =
        *create_actor(d, actor_type_of<T>, options, maker_for<T, resolved_t<std::decay_t<As>>...>);
    auto made = actor_access::adopt<T>(&h);
    try {
      draft<C> draft{d, task_type_of<C, F, false>, nullptr};
      draft.emplace(h, false, false, 0u, F{&h}, std::forward<As>(as)...);
      missing_inputs<C::inputs> missing;
      draft.each_input(missing);
      is_made_by(h, *draft.made().actor);
      (void)start<void, false>(draft, missing);
    } catch (...) {
      give_up_actor(h);
      throw;
    }
    return made;
  } else return troupe::actor<T>{};
}
}  // namespace detail

template <class T> template <auto Method, class... As>
auto actor<T>::call_with(const task_options* options, As&&... as) const {
  using M = detail::member_of<decltype(Method)>;
  static_assert(M::value, "troupe: call takes a method: c.call<&counter::add>(x)");
  static_assert(std::is_base_of_v<typename M::in, T>, "troupe: the method is of another class");
  using F = detail::method<T, Method>;
  if constexpr (detail::check_call<F, std::decay_t<As>...>()) {
    using call = detail::call_for<F, std::decay_t<As>...>;
    using placed = detail::in_turn<call, detail::task_role::method>;
    constexpr auto& type = detail::task_type_of<placed, F, true>;
    detail::hosted& h = named();
    detail::domain& d = detail::domain_of(h);
    if (!options && !h.plain) options = &h.calls;
    if (h.elsewhere && detail::stays(type)) detail::throw_call_stays(h, type.name);
    if constexpr (!placed::can_run_again())
      if (h.retry_calls > 0) detail::throw_no_retry_of_call(h, type.name);
    const bool together = concurrent_method<Method> && h.concurrency > 1;
    if constexpr (call::streams) {
      using E = typename call::element;
      detail::draft<placed> draft{d, type, options};
      detail::stream_channel* channel =
          detail::open_stream(d, draft.made(), options, detail::value_type_of<E>);
      auto values = detail::stream_access::adopt<E>(channel);
      draft.emplace(h, together, M::is_const, 0u, channel, F{&h}, std::forward<As>(as)...);
      detail::missing_inputs<call::inputs> missing;
      draft.each_input(missing);
      detail::stream_access::made_by(values,
                                     detail::access::adopt<void>(draft.start(missing, false)));
      return values;
    } else {
      if (options && options->stream_buffer != 0) detail::throw_no_stream();
      detail::draft<placed> draft{d, type, options};
      draft.emplace(h, together, M::is_const, h.retry_calls, F{&h}, std::forward<As>(as)...);
      detail::missing_inputs<call::inputs> missing;
      draft.each_input(missing);
      return detail::start<typename call::value, false>(draft, missing);
    }
  } else return ref<void>{};
}

// Some actors of one class that do the same work. A copy names the same actors. Thread safety: as
// actor.
template <class T> class actor_pool {
public:
  actor_pool() = default;
  // At least one, all of one runtime.
  explicit actor_pool(std::vector<actor<T>> actors) : actors_(std::move(actors)) {
    for (auto& a : actors_) hosts_.push_back(&detail::actor_access::get(a));
  }

  std::size_t size() const { return actors_.size(); }
  const actor<T>& operator[](std::size_t i) const { return actors_[i]; }
  auto begin() const { return actors_.begin(); }
  auto end() const { return actors_.end(); }
  // The one with the fewest calls that have not ended; of equals, the one after the last chosen.
  const actor<T>& least_busy() const {
    return actors_[detail::least_busy(hosts_.data(), hosts_.size())];
  }

  // As actor::call, to the least busy. (So calls of one caller are not in order.)
  template <auto Method, class... As> auto call(As&&... as) const {
    return least_busy().template call<Method>(std::forward<As>(as)...);
  }

  // A call for each element of a range of values or refs: a vector of what call gives, in the range's
  // order. Of an rvalue the elements are moved.
  template <auto Method, class R>
    requires requires(R& r) {
      std::begin(r);
      std::end(r);
    }
  auto map(R&& range) const {
    using E = decltype(*std::begin(range));
    using A = std::conditional_t<std::is_lvalue_reference_v<R>, E, std::remove_reference_t<E>&&>;
    std::vector<decltype(call<Method>(std::declval<A>()))> all;
    if constexpr (requires { std::size(range); }) all.reserve(std::size(range));
    for (auto&& x : range) all.push_back(call<Method>(static_cast<A>(x)));
    return all;
  }
  // A call for each value of a stream, `ahead` of what has been taken (0: two for each actor): a
  // stream of their results in the same order, each as soon as it is there and those before it have
  // been taken. A call that fails ends it with that error.
  template <auto Method, class In> auto map(stream<In> from, std::size_t ahead = 0) const;

  // As actor::stop, all of them.
  void stop() const {
    for (auto& a : actors_) a.stop();
  }

private:
  std::vector<actor<T>> actors_;
  std::vector<detail::hosted*> hosts_;  // of actors_
};

namespace detail {
// Two tasks: one calls as far ahead as its stream's buffer lets it, the other waits for the results.
template <auto Method, class Out, class T, class In>
stream<ref<Out>> call_each(actor_pool<T> pool, stream<In> from) {
  while (auto x = from.next()) co_yield pool.template call<Method>(std::move(*x));
}
template <class Out> stream<Out> get_each(stream<ref<Out>> calls) {
  while (auto r = calls.next()) co_yield here().get(std::move(*r));
}
}  // namespace detail

template <class T> template <auto Method, class In>
auto actor_pool<T>::map(stream<In> from, std::size_t ahead) const {
  using R = decltype(call<Method>(std::declval<In>()));
  using Out = typename R::value_type;
  static_assert(!std::is_void_v<Out>, "troupe: map of a stream wants a method that gives values");
  const auto& on = detail::inner_scope_of(*hosts_.at(0));
  const std::string name{detail::name_of<detail::fixed<Method>>::value};
  auto calls = on.with({.name = "map of " + name, .stream_buffer = ahead > 0 ? ahead : 2 * size()})
                   .template submit<&detail::call_each<Method, Out, T, In>>(*this, std::move(from));
  return on.with({.name = "results of " + name, .stream_buffer = 1})
      .template submit<&detail::get_each<Out>>(std::move(calls));
}

template <class T, class... As> troupe::actor<T> scope::actor(As&&... as) const {
  return detail::make_actor<T>(*domain_, nullptr, std::forward<As>(as)...);
}
template <class T, class... As> troupe::actor<T> scope::with_options::actor(As&&... as) const {
  return detail::make_actor<T>(*on_.domain_, &options_, std::forward<As>(as)...);
}
template <class T> troupe::actor<T> scope::find_actor(const std::string& name) const {
  return detail::actor_access::adopt<T>(
      detail::find_actor(*domain_, name, detail::actor_type_of<T>));
}

namespace detail {
template <class T, class... As> troupe::actor_pool<T> make_pool(domain& d,
                                                                const task_options* options,
                                                                std::size_t n, const As&... as) {
  std::vector<troupe::actor<T>> all;
  check_pool_size(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!options || options->name.empty()) {
      all.push_back(make_actor<T>(d, options, as...));
    } else {
      task_options own = *options;
      own.name += '-' + std::to_string(i);
      all.push_back(make_actor<T>(d, &own, as...));
    }
  }
  return troupe::actor_pool<T>{std::move(all)};
}
}  // namespace detail

template <class T, class... As>
troupe::actor_pool<T> scope::actor_pool(std::size_t n, const As&... as) const {
  return detail::make_pool<T>(*domain_, nullptr, n, as...);
}
template <class T, class... As>
troupe::actor_pool<T> scope::with_options::actor_pool(std::size_t n, const As&... as) const {
  return detail::make_pool<T>(*on_.domain_, &options_, n, as...);
}

}  // namespace troupe

template <class T> struct std::hash<troupe::actor<T>> {
  std::size_t operator()(const troupe::actor<T>& a) const noexcept {
    return a ? std::hash<const void*>{}(&troupe::detail::actor_access::get(a)) : 0;
  }
};
