// SPDX-License-Identifier: MIT
// Actors whose instance lives on another node: how its constructor and its calls go there, and what
// they are where they have arrived.
//
//   making: [nil | snapshot as bytes, [arguments]]      an argument as of a call, always a value
//   call: as a function's
//   reply of a call that may have changed an instance which saves: [number, snapshot | nil | why
//   there is none, value]; of others: value
#pragma once
#include <troupe/detail/exported.hpp>
#include <troupe/detail/hosted.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace troupe::detail {

template <class S> struct snapshot_form {
  static constexpr const value_codec* codec = codec_of<S>;
};

// ---- the constructor, where the actor was made --------------------------------------------------

// The call of the task that has an instance made by a node.
struct making {
  hosted* of;
};
verdict make_here(void* call, void* storage);  // throws: no node was to be had
bool write_making(const void* call, encoder& to);
// Has it made, and waits for that. Throws how that failed.
void make_elsewhere(hosted& h, const task_type& maker);

template <class T> std::string text_of_class(const std::string& parameters) {
  std::string text = "class" + parameters;
  if (const value_codec* saved = actor_type_of<T>.snapshot)
    text += " with snapshots " + std::string(saved->type);
  return text;
}
// One for the types that travel.
template <class T, class... Ds> known_function& known_class() {
  static known_function f{std::string(name_of<T>::value),
                          text_of_class<T>(text_of_parameters<Ds...>()), codec_of<void>};
  return f;
}
template <class T, class... Ds> struct maker {
  static constexpr outgoing_call how{&known_class<T, Ds...>, &write_making, nullptr, false, true};
  static constexpr task_type type{.name = name_of<T>::value,
                                  .result = &value_type_of<void>,
                                  .size = sizeof(making),
                                  .align = alignof(making),
                                  .inputs = 0,
                                  .run = &make_here,
                                  .run_again = nullptr,
                                  .destroy = nullptr,
                                  .parts = nullptr,
                                  .footprint = nullptr,
                                  .role = task_role::plain,
                                  .travels = &how};
};
// From values of these types; null: they do not travel.
template <class T, class... Xs> inline constexpr const task_type* maker_for = [] {
  if constexpr ((encodable<travelling_t<Xs>> && ... && true))
    return &maker<T, travelling_t<Xs>...>::type;
  else return static_cast<const task_type*>(nullptr);
}();

template <class T, class... Ds> struct sent_recipe final : recipe {
  std::tuple<Ds...> args;
  template <class... Xs> explicit sent_recipe(std::in_place_t, Xs&&... xs)
      : args(std::forward<Xs>(xs)...) {}
  void make(hosted& h) const override { make_elsewhere(h, maker<T, Ds...>::type); }
  void write(encoder& to) const override {
    to.array(sizeof...(Ds));
    std::apply([&](const Ds&... ds) { (write_one(to, ds), ...); }, args);
  }

private:
  template <class D> static void write_one(encoder& to, const D& d) {
    to.array(2);
    write_value<D>(to, d);
  }
};
template <class T, class... Xs> void construct_elsewhere(hosted& h, Xs&&... xs) {
  if constexpr ((encodable<travelling_t<Xs>> && ... && true)) {
    h.again = std::make_unique<sent_recipe<T, travelling_t<Xs>...>>(std::in_place,
                                                                    std::forward<Xs>(xs)...);
    h.again->make(h);
  } else (void)make_here(nullptr, nullptr);
}

// ---- a method -----------------------------------------------------------------------------------

template <class R, unsigned Levels> struct in_refs {
  using type = ref<typename in_refs<R, Levels - 1>::type>;
};
template <class R> struct in_refs<R, 0> { using type = R; };

template <class T, auto M, class Signature = typename signature_of<method<T, M>>::type>
struct method_travels : std::false_type {};
template <class T, auto M, class... Ps>
  requires(argument_travels<travelling_t<Ps>>() && ... && true)
struct method_travels<T, M, parameters<Ps...>> {
  using R = std::decay_t<std::invoke_result_t<decltype(M), T&, Ps...>>;
  static constexpr unsigned levels = result_of<R>::levels;
  using result = typename in_refs<typename result_of<R>::type, levels>::type;
  static constexpr bool value = !is_stream<R> && (std::is_void_v<result> || encodable<result>);
  static std::string types() {
    return (member_of<decltype(M)>::is_const ? "const method" : "method") +
           text_of_parameters<Ps...>() + "->" + text_of_type<result>();
  }
};
// As its class has it: a base's method is one of each class that is derived from it.
template <class T, auto M> std::string name_of_method() {
  const std::string in{name_of<T>::value}, name{name_of<fixed<M>>::value};
  return name.starts_with(in + "::") ? name : in + "." + name;
}
template <class T, auto M> known_function& known_method() {
  using how = method_travels<T, M>;
  static known_function f{name_of_method<T, M>(), how::types(), codec_of<typename how::result>,
                          how::levels};
  return f;
}

template <class C, class T, auto M, class Signature, class... As> struct outgoing_method {
  static constexpr const outgoing_call* call = nullptr;
};
template <class C, class T, auto M, class... Ps, class... As>
  requires(method_travels<T, M>::value && (can_write_argument<Ps, kept_t<Ps, As>>() && ... && true))
struct outgoing_method<C, T, M, parameters<Ps...>, As...> {
  static constexpr outgoing_call how{
      &known_method<T, M>,
      +[](const void* c, encoder& to) {
        return write_call<C>(in_turn<C, task_role::method>::call_in(c), sizeof...(As), to);
      },
      nullptr, false};
  static constexpr const outgoing_call* call = &how;
};
template <class T, auto M, class... As>
struct outgoing<in_turn<call<method<T, M>, As...>, task_role::method>>
    : outgoing_method<call<method<T, M>, As...>, T, M, typename signature_of<method<T, M>>::type,
                      As...> {};
template <class T, auto M, class... As>
struct outgoing<in_turn<coroutine_call<method<T, M>, As...>, task_role::method>>
    : outgoing_method<coroutine_call<method<T, M>, As...>, T, M,
                      typename signature_of<method<T, M>>::type, As...> {};

// ---- arrived ------------------------------------------------------------------------------------

// One call of an instance that lives here for an actor of another node (src/runtime/served_actors.hpp).
hosted* instance_of(const served_turn& t);
void take_snapshot_in(served_turn& t, arrived_call& from);  // what precedes the arguments
void has_made(served_turn& t);
void has_run(served_turn& t);
void has_broken(served_turn& t);

// A constructor by its parameters.
template <class T, class... Ps> struct made_from {
  hosted* h;
  void operator()(Ps... ps) const { h->instance = new T(std::forward<Ps>(ps)...); }
};
template <class T, class... Ps> struct name_of<made_from<T, Ps...>> : name_of<T> {};
template <class T, class... Ps> struct signature_of<made_from<T, Ps...>> {
  using type = parameters<Ps...>;
};

template <class F, bool Makes> class served_actor_call {
  using inner = served_call<F>;

public:
  using value = typename in_refs<typename inner::value, inner::levels>::type;

  explicit served_actor_call(arrived_call&& from)
      : turn_(std::move(from.turn)),
        call_(std::move(from), F{instance_of(*turn_)}) {}
  static verdict run(void* self, void* storage) {
    auto& c = *static_cast<served_actor_call*>(self);
    try {
      if constexpr (Makes)
        if (!std::exchange(c.begun_, true)) take_snapshot_in(*c.turn_, c.call_.arrived());
      const verdict v = inner::run(&c.call_, storage);
      return v.is == verdict::value || v.is == verdict::forward ? c.end(v, storage) : v;
    } catch (const actor_broken&) {
      has_broken(*c.turn_);
      throw;
    }
  }
  static void destroy(void* self) noexcept {
    static_cast<served_actor_call*>(self)->~served_actor_call();
  }
  static constexpr bool can_run_again() { return false; }
  static constexpr unsigned inputs = 0;
  static constexpr task_role role = task_role::plain;
  static constexpr bool holds_more = true;
  static std::size_t footprint(const void* self) {
    return inner::footprint(&static_cast<const served_actor_call*>(self)->call_);
  }

private:
  // The actor's turn is over with the body: a ref that it gave is its value, nobody waits for that.
  verdict end(verdict v, void* storage) {
    if constexpr (Makes) has_made(*turn_);
    else has_run(*turn_);
    if constexpr (inner::levels > 0) {
      ::new (storage) value(access::adopt<typename value::value_type>(v.which));
      v = {};
    } else (void)storage;
    return v;
  }

  std::shared_ptr<served_turn> turn_;
  inner call_;
  bool begun_ = false;
};

template <class Call, class F> exported_function exported_in_actor(known_function& is) {
  return {is, &served_type<Call, F>,
          +[](void* place, arrived_call&& from) { ::new (place) Call(std::move(from)); }};
}
template <class T, auto M> exported_function& exported_method() {
  using F = method<T, M>;
  static exported_function f = [] {
    auto e = exported_in_actor<served_actor_call<F, false>, F>(known_method<T, M>());
    e.of = &actor_type_of<T>;
    e.reads = member_of<decltype(M)>::is_const;
    return e;
  }();
  return f;
}
template <class T, class... Ps> exported_function& exported_class() {
  using F = made_from<T, Ps...>;
  static exported_function f = [] {
    auto e =
        exported_in_actor<served_actor_call<F, true>, F>(known_class<T, travelling_t<Ps>...>());
    e.of = &actor_type_of<T>;
    e.makes = true;
    return e;
  }();
  return f;
}

template <class Signature> struct class_to_export : std::false_type {};
template <class T, class... Ps> struct class_to_export<T(Ps...)> : std::true_type {
  using type = T;
  static constexpr bool made = std::is_constructible_v<T, Ps...>;
  static constexpr bool travels = (encodable<travelling_t<Ps>> && ... && true);
  static exported_function& entry() { return exported_class<T, Ps...>(); }
};

}  // namespace troupe::detail
