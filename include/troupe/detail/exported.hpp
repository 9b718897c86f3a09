// SPDX-License-Identifier: MIT
// A function that calls from other nodes may name, and a call of it that has arrived.
#pragma once
#include <troupe/detail/wire_call.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe::detail {

struct actor_type;
struct served_turn;  // detail/exported_actor.hpp

// A call as it has arrived. The refs in it are found by `refs` when it is read, on the thread that
// runs it.
struct arrived_call {
  std::vector<char> bytes;
  std::shared_ptr<ref_source> refs;
  std::shared_ptr<served_turn> turn = {};  // of a call of an actor
};

// A function that travels, as its callers know it; one per function.
struct known_function {
  std::string name;   // its own, or what export_task() has given it
  std::string types;  // of its parameters and its result
  const value_codec* result = nullptr;
  unsigned levels = 0;  // of an actor's method: so many refs are its result's type
};
// What a node must know of a function to run it for others; one per function, from its export on.
struct exported_function {
  known_function& is;
  const task_type* served = nullptr;
  void (*make)(void* call, arrived_call&& from) = nullptr;
  const actor_type* of = nullptr;     // a constructor's, or a method's
  bool makes = false, reads = false;  // it is a constructor; a const method
};
void register_function(exported_function& f);
void name_function(exported_function& f, std::string name);

// The call of a task that runs F for another node. Its arguments are read when it is run: that may
// take long, and may throw. Then it awaits its inputs, one after another, as a coroutine would.
template <class F, class Signature = typename signature_of<F>::type> class served_call;
template <class F, class... Ps> class served_call<F, parameters<Ps...>> {
  using inner = call_for<F, arriving_t<Ps>...>;

public:
  using value = typename inner::value;
  static constexpr unsigned levels = inner::levels;
  static_assert(!inner::streams,
                "troupe: a function that gives a stream runs on its own node only");

  explicit served_call(arrived_call&& from, F f = {}) : f_(f), from_(std::move(from)) {}
  arrived_call& arrived() { return from_; }
  static verdict run(void* self, void* storage) {
    return static_cast<served_call*>(self)->template run<false>(storage);
  }
  static verdict run_again(void* self, void* storage) {
    return static_cast<served_call*>(self)->template run<true>(storage);
  }
  static void destroy(void* self) noexcept { static_cast<served_call*>(self)->~served_call(); }
  static constexpr bool can_run_again() { return inner::can_run_again(); }
  static constexpr unsigned inputs = 0;  // it finds them when it runs
  static constexpr task_role role = task_role::plain;
  static constexpr bool holds_more = true;
  static std::size_t footprint(const void* self) {
    return static_cast<const served_call*>(self)->from_.bytes.capacity();
  }

private:
  using arguments = std::tuple<arriving_t<Ps>...>;

  template <bool Again> verdict run(void* storage) {
    if (!call_) {
      if (!arguments_) read();
      object *missing = nullptr, *failed = nullptr;
      auto look = [&](object* o) {
        if (!o) throw_empty_input();
        if (!o->is_sealed()) missing = o;
        else if (o->failed && !failed) failed = o;
      };
      std::apply([&](auto&... a) { (a.each_input(look), ...); }, *arguments_);
      if (failed) return {verdict::failed_input, failed};
      if (missing) {
        (void)settled_or_end(missing);
        return {verdict::suspended, missing};
      }
      std::apply(
          [&](auto&... a) {
            (a.inputs_are_there(), ...);
            call_.emplace(F(f_), std::move(a)...);
          },
          *arguments_);
      arguments_.reset();
    }
    if constexpr (Again) return inner::run_again(&*call_, storage);
    else return inner::run(&*call_, storage);
  }
  void read() {
    decoder in{from_.bytes, from_.refs.get()};
    in.array(sizeof...(Ps), "a call's arguments");
    arguments_.emplace(arguments{arriving_t<Ps>{in}...});  // braces: in their order
    in.finish();
    from_ = {};
  }

  [[no_unique_address]] F f_;
  arrived_call from_;
  std::optional<arguments> arguments_;
  std::optional<inner> call_;
};

template <class X> inline constexpr bool is_stream = false;
template <class X> inline constexpr bool is_stream<stream<X>> = true;
template <class... Ps> std::string text_of_parameters() {
  std::string text;
  ((text += (text.empty() ? "" : ",") + text_of_type<travelling_t<Ps>>()), ...);
  return "(" + text + ")";
}

template <auto F, class Signature = typename signature_of<fixed<F>>::type> struct travels
    : std::false_type {};
template <auto F, class... Ps>
  requires(argument_travels<travelling_t<Ps>>() && ... && true)
struct travels<F, parameters<Ps...>> {
  using R = std::decay_t<std::invoke_result_t<decltype(F), Ps...>>;
  using result = typename result_of<R>::type;
  static constexpr bool value = !is_stream<R> && (std::is_void_v<result> || encodable<result>);
  static std::string types() { return text_of_parameters<Ps...>() + "->" + text_of_type<result>(); }
};

// Its result stays whole, if it is a tuple.
template <class Call, class F> inline constexpr task_type served_type = [] {
  task_type t = task_type_of<Call, F, true>;
  t.parts = nullptr;
  t.serves = true;
  return t;
}();

template <auto F> known_function& known() {
  static known_function f{std::string(name_of<fixed<F>>::value), travels<F>::types(),
                          codec_of<typename travels<F>::result>};
  return f;
}
template <auto F> exported_function& exported() {
  using call = served_call<fixed<F>>;
  static exported_function f{
      known<F>(), &served_type<call, fixed<F>>,
      +[](void* place, arrived_call&& from) { ::new (place) call(std::move(from)); }};
  return f;
}

// ---- the other side -----------------------------------------------------------------------------

// How a task's call goes to another node; one per function and argument types.
struct outgoing_call {
  known_function& (*function)();
  // Precondition: its inputs have settled, or (by_refs) it is known where their values are. False: one
  // of them failed, and nothing was written.
  bool (*write)(const void* call, encoder& to);
  void (*each_input)(const void* call, void (*visit)(void* with, object* input), void* with);
  bool by_refs;        // no input's value is needed for it to be written
  bool makes = false;  // an actor's instance: the call is a `making`
};
struct argument_writer {
  encoder& to;
  template <class P, class K> void argument(const K& kept) { write_argument<P>(to, kept); }
};
template <class C> bool write_call(const void* c, std::size_t arguments, encoder& to) {
  bool failed = false;
  auto look = [&](object* o) { failed = failed || (o->is_sealed() && o->failed); };
  static_cast<const C*>(c)->each_input(look);
  if (failed) return false;
  to.array(arguments);
  argument_writer each{to};
  static_cast<const C*>(c)->each_argument(each);
  return true;
}

// Of a call's type: null if it stays on its node.
template <class C> struct outgoing { static constexpr const outgoing_call* call = nullptr; };
template <class C, auto F, class Signature, class... As> struct outgoing_of {
  static constexpr const outgoing_call* call = nullptr;
};
template <class C, auto F, class... Ps, class... As>
  requires(travels<F>::value && (can_write_argument<Ps, kept_t<Ps, As>>() && ... && true))
struct outgoing_of<C, F, parameters<Ps...>, As...> {
  static constexpr outgoing_call how{
      &known<F>, +[](const void* c, encoder& to) { return write_call<C>(c, sizeof...(As), to); },
      +[](const void* c, void (*visit)(void*, object*), void* with) {
        auto each = [&](object* o) { visit(with, o); };
        static_cast<const C*>(c)->each_input(each);
      },
      (writes_by_ref<Ps, kept_t<Ps, As>>() && ... && true)};
  static constexpr const outgoing_call* call = &how;
};
template <auto F, class... As> struct outgoing<call<fixed<F>, As...>>
    : outgoing_of<call<fixed<F>, As...>, F, typename signature_of<fixed<F>>::type, As...> {};
template <auto F, class... As> struct outgoing<coroutine_call<fixed<F>, As...>>
    : outgoing_of<coroutine_call<fixed<F>, As...>, F, typename signature_of<fixed<F>>::type,
                  As...> {};

}  // namespace troupe::detail
