// SPDX-License-Identifier: MIT
// A call, type-erased: what the library keeps of a function and its arguments until a task runs it.
#pragma once
#include <troupe/detail/arguments.hpp>
#include <troupe/detail/footprint.hpp>
#include <troupe/detail/parts.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace troupe::detail {

// How a run ended, other than by an exception.
struct verdict {
  enum kind : unsigned char { value, forward, failed_input, suspended };
  kind is = value;
  unsigned levels = 0;  // forward: so many refs lie around the value; `which` is the outermost
  // forward: whose outcome this task's object takes (with a ref to it); failed_input: the input;
  // suspended: what a coroutine waits for, run it again then
  object* which = nullptr;

  verdict() = default;
  verdict(kind k, object* o, unsigned l = 0) : is(k), levels(l), which(o) {}
};
static_assert(sizeof(verdict) == 16, "returned in two registers");

struct outgoing_call;                   // how a call goes to another node (detail/exported.hpp)
template <class Call> struct outgoing;  // of a call's type

// A call of a stateful actor's method waits for its turn; a constructor gives it its instance.
enum class task_role : unsigned char { plain, method, constructor };

// What the library must know of a call; one constant per function and argument types.
struct task_type {
  std::string_view name;
  const value_type* result;
  std::size_t size, align;  // of the call
  unsigned inputs;  // refs that are arguments by themselves: so many waits cost no allocation
  // Looks whether an input failed; else calls the function and constructs its result in `storage`.
  // Throws what the function throws.
  verdict (*run)(void* call, void* storage);
  // The same, and the arguments stay as they are for another try; null: submitted without options,
  // or one that it takes by value cannot be copied.
  verdict (*run_again)(void* call, void* storage);
  void (*destroy)(void* call) noexcept;  // null: nothing to do
  const tuple_parts* parts;              // null: the result is no tuple
  // Bytes that its arguments hold outside of it; null: none that are known of.
  std::size_t (*footprint)(const void* call);
  task_role role = task_role::plain;       // else an actor_turn lies in front of the call
  const outgoing_call* travels = nullptr;  // null: it stays on its node
  bool serves = false;                     // another node
  // Calls visit(with, object) for each ref that is a dependency, for a log; null: it has none.
  void (*inputs_of)(const void* call, void (*visit)(void* with, object*), void* with) = nullptr;
};

// ---- names: what the compiler calls a function, without the noise around it ---------------------
template <auto F> constexpr std::string_view pretty_value() { return __PRETTY_FUNCTION__; }
template <class F> constexpr std::string_view pretty_type() { return __PRETTY_FUNCTION__; }
constexpr std::string_view between(std::string_view text, std::string_view open) {
  const auto begin = text.find(open) + open.size();
  auto end = text.find(';', begin);
  if (end == text.npos) end = text.rfind(']');
  text = text.substr(begin, end - begin);
  while (!text.empty() && text.front() == '&') text.remove_prefix(1);
  for (std::string_view unnamed : {"{anonymous}::", "(anonymous namespace)::"})
    if (text.starts_with(unnamed)) text.remove_prefix(unnamed.size());
  while (!text.empty() && (text.front() == '&' || text.front() == '(')) text.remove_prefix(1);
  while (!text.empty() && text.back() == ')' && text.find('(') == text.npos) text.remove_suffix(1);
  return text;
}
template <class F> struct name_of {
  static constexpr std::string_view value = between(pretty_type<F>(), "F = ");
};
template <auto F> struct fixed {  // a function known at compile time, as an empty object
  template <class... As> constexpr decltype(auto) operator()(As&&... as) const {
    return std::invoke(F, std::forward<As>(as)...);
  }
};
template <auto F> struct name_of<fixed<F>> {
  static constexpr std::string_view value = between(pretty_value<F>(), "F = ");
};
template <class F> struct signature_of : signature<F> {};
template <auto F> struct signature_of<fixed<F>> : signature<std::decay_t<decltype(F)>> {};

// ---- results ------------------------------------------------------------------------------------
template <class R> struct result_of {
  using type = std::decay_t<R>;
  static constexpr unsigned levels = 0;  // of refs around it
};
template <class T> struct result_of<ref<T>> : result_of<T> {
  using type = typename result_of<T>::type;
  static constexpr unsigned levels = result_of<T>::levels + 1;
};

// ---- the call -----------------------------------------------------------------------------------
// Collects the inputs that are not there yet: on the stack while they are few.
[[noreturn]] void throw_empty_input();
template <std::size_t Few> class missing_inputs {
public:
  void operator()(object* o) {
    if (!o) throw_empty_input();
    if (o->is_sealed()) return;
    if (more_.empty() && size_ < Few) {
      few_[size_++] = o;
    } else {
      if (more_.empty()) more_.assign(few_, few_ + size_);
      more_.push_back(o);
    }
  }
  object* const* data() const { return more_.empty() ? few_ : more_.data(); }
  std::size_t size() const { return more_.empty() ? size_ : more_.size(); }

private:
  object* few_[Few + 1];
  std::size_t size_ = 0;
  std::vector<object*> more_;
};

struct first_failed {
  object* found = nullptr;
  void operator()(object* o) {
    if (!found && o->failed) found = o;
  }
};

template <class F, class... As> class call {
protected:
  using sig = typename signature_of<F>::type;
  template <std::size_t I> using given_at = std::tuple_element_t<I, std::tuple<As...>>;
  template <std::size_t I> using wants = typename parameter<sig, I, given_at<I>>::type;
  template <std::size_t... I> static auto keep(std::index_sequence<I...>)
      -> std::tuple<kept_t<wants<I>, As>...>;
  template <std::size_t... I> static constexpr std::size_t direct(std::index_sequence<I...>) {
    return (std::size_t{fit_of<wants<I>, given_at<I>>() == fit::in_place} + ... + 0);
  }
  template <std::size_t... I> static constexpr bool any_input(std::index_sequence<I...>) {
    return ((fit_of<wants<I>, given_at<I>>() != fit::as_is) || ... || false);
  }
  using indices = std::index_sequence_for<As...>;
  template <std::size_t... I> static auto result(std::index_sequence<I...>) -> std::invoke_result_t<
      F&, decltype(pass<wants<I>>(
              std::declval<std::tuple_element_t<I, decltype(keep(indices{}))>&>()))...>;

public:
  using kept = decltype(keep(indices{}));
  using raw_result = decltype(result(indices{}));
  using value = typename result_of<std::decay_t<raw_result>>::type;  // void stays void
  static constexpr unsigned levels = result_of<std::decay_t<raw_result>>::levels;
  static constexpr bool has_inputs = any_input(indices{});
  static constexpr std::size_t inputs = direct(indices{});
  static constexpr bool streams = false;
  static constexpr task_role role = task_role::plain;

  template <class G, class... Bs> explicit call(G&& f, Bs&&... bs)
      : f_(std::forward<G>(f)),
        args_(std::forward<Bs>(bs)...) {}

  // Calls visit(object*) for each ref that is a dependency, in order.
  template <class V> void each_input(V& visit) const { each_input(visit, indices{}); }
  // Calls visit.argument<P>(kept) for each argument: P is the parameter that it is for.
  template <class V> void each_argument(V& visit) const { each_argument(visit, indices{}); }

  static verdict run(void* self, void* storage) {
    return static_cast<call*>(self)->template run<false>(storage, indices{});
  }
  static verdict run_again(void* self, void* storage) {
    return static_cast<call*>(self)->template run<true>(storage, indices{});
  }
  static constexpr bool can_run_again() { return can_run_again(indices{}); }
  static constexpr bool holds_more = any_holds_more<kept>;
  static std::size_t footprint(const void* self) {
    return held_bytes(static_cast<const call*>(self)->args_);
  }
  static void destroy(void* self) noexcept { static_cast<call*>(self)->~call(); }

private:
  template <class V, std::size_t... I>
  void each_argument(V& visit, std::index_sequence<I...>) const {
    (visit.template argument<wants<I>>(std::get<I>(args_)), ...);
  }
  template <class V, std::size_t... I> void each_input(V& visit, std::index_sequence<I...>) const {
    (void)visit;
    (
        [&] {
          if constexpr (fit_of<wants<I>, given_at<I>>() != fit::as_is)
            each_ref(std::get<I>(args_), visit);
        }(),
        ...);
  }
  template <std::size_t... I> static constexpr bool can_run_again(std::index_sequence<I...>) {
    return (can_pass_copy<wants<I>, std::tuple_element_t<I, kept>>() && ... && true);
  }
  template <bool Again, class P, class K> static decltype(auto) give(K& argument) {
    if constexpr (Again) return pass_copy<P>(argument);
    else return pass<P>(argument);
  }
  template <bool Again, std::size_t... I> verdict run(void* storage, std::index_sequence<I...>) {
    if constexpr (has_inputs) {
      first_failed look;
      each_input(look);
      if (look.found) return {verdict::failed_input, look.found};
    }
    (void)storage;
    if constexpr (levels > 0) {
      auto inner = std::invoke(f_, give<Again, wants<I>>(std::get<I>(args_))...);
      return {verdict::forward, access::take(inner), levels};
    } else if constexpr (std::is_void_v<raw_result>) {
      std::invoke(f_, give<Again, wants<I>>(std::get<I>(args_))...);
    } else {
      ::new (storage) value(std::invoke(f_, give<Again, wants<I>>(std::get<I>(args_))...));
    }
    return {};
  }

protected:
  [[no_unique_address]] F f_;
  kept args_;
};

template <class C, bool Wanted> constexpr auto run_again_of() -> verdict (*)(void*, void*) {
  if constexpr (Wanted) {
    if constexpr (C::can_run_again()) return &C::run_again;
  }
  return nullptr;
}
template <class C> constexpr bool easily_destroyed() {
  if constexpr (requires { C::easily_destroyed; }) return C::easily_destroyed;
  else return std::is_trivially_destructible_v<C>;
}
struct told_of_inputs {
  void (*visit)(void*, object*);
  void* with;
  void operator()(object* o) const { visit(with, o); }
};
template <class C> constexpr decltype(task_type::inputs_of) inputs_of() {
  if constexpr (requires(const C& c, told_of_inputs& v) { c.each_input(v); })
    return +[](const void* call, void (*visit)(void*, object*), void* with) {
      told_of_inputs v{visit, with};
      static_cast<const C*>(call)->each_input(v);
    };
  else return nullptr;
}
// Options: whether it is submitted with some.
template <class C, class F, bool Options> inline constexpr task_type task_type_of = [] {
  static_assert(alignof(C) <= 64, "troupe: arguments are aligned to at most 64 bytes");
  return task_type{name_of<F>::value,
                   &value_type_of<typename C::value>,
                   sizeof(C),
                   alignof(C),
                   C::inputs,
                   &C::run,
                   run_again_of<C, Options>(),
                   easily_destroyed<C>() ? nullptr : &C::destroy,
                   handles<typename C::value>::parts,
                   C::holds_more ? &C::footprint : nullptr,
                   C::role,
                   outgoing<C>::call,
                   false,
                   inputs_of<C>()};
}();

// The checks that a user should read about in plain words, before any of the above is instantiated.
template <class F, class... As> constexpr bool check_call() {
  using sig = typename signature_of<F>::type;
  if constexpr (std::is_same_v<sig, any_parameters>) {
    constexpr bool fits = std::is_invocable_v<F&, resolved_t<As>...>;
    static_assert(fits,
                  "troupe: the function given to submit cannot be called with these arguments "
                  "(each ref<T> arrives as a T)");
    return fits;
  } else {
    constexpr bool count = sig::count == sizeof...(As);
    static_assert(count,
                  "troupe: submit was given another number of arguments than the function has "
                  "parameters (default arguments do not count)");
    if constexpr (count) {
      return []<std::size_t... I>(std::index_sequence<I...>) {
        return ((sizeof(check_argument<
                        argument<I + 1>, expected<typename sig::template at<I>::type>, given<As>,
                        fit_of<typename sig::template at<I>::type, As>() != fit::none>) > 0 &&
                 fit_of<typename sig::template at<I>::type, As>() != fit::none) &&
                ... && true);
      }
      (std::index_sequence_for<As...>{});
    } else return false;
  }
}

}  // namespace troupe::detail
