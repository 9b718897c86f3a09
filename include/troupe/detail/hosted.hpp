// SPDX-License-Identifier: MIT
// A stateful actor as its handles and its calls see it: the user's object, and what must be known of
// its class.
#pragma once
#include <troupe/detail/function.hpp>
#include <troupe/detail/wire.hpp>
#include <troupe/options.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace troupe::detail {

class domain;

struct hosted;

// One constant per class.
struct actor_type {
  std::string_view name;
  const std::type_info* id;
  void (*destroy)(void* instance) noexcept;
  std::shared_ptr<const void> (*save)(const void* instance);  // null: the class has no snapshot()
  void (*restore)(hosted&);                                   // gives it to the instance
  const value_codec* snapshot;  // of what save gives; null: it does not travel
};
template <class S> struct snapshot_form;  // its codec (detail/exported_actor.hpp)

// How to make the instance once more.
struct recipe {
  virtual void make(hosted&) const = 0;
  virtual void write(encoder&) const {}  // the arguments, for a constructor on another node
  virtual ~recipe() = default;
};

// What a handle points to. Lives until its last handle is gone and it has ended (src/actors/host.hpp).
struct hosted {
  const actor_type* const type;
  domain* const inside;  // valid while *lives
  const std::atomic<bool>* lives = nullptr;
  void* instance = nullptr;  // for whoever has its turn, and for the constructor
  task_options calls;        // of its calls, if `plain` is false
  bool plain = true;         // its calls have no options
  bool reentrant = false, saves = false;
  bool elsewhere = false;  // the instance lives on another node; then the snapshot is one's bytes
  unsigned concurrency = 1, restarts = 0, retry_calls = 0, snapshot_every = 1;
  std::shared_ptr<const void> snapshot;
  std::unique_ptr<const recipe> again;  // if restarts > 0, once it has been made
  alignas(64) std::atomic<std::uint64_t> handles{1};
  std::atomic<std::uint32_t> load{0};  // calls made and not ended: a hint
  std::atomic<std::uint32_t> made{0};  // so often it was made again

  hosted(const actor_type& t, domain& d) : type(&t), inside(&d) {}
  hosted(const hosted&) = delete;
  hosted& operator=(const hosted&) = delete;
};

// Throws troupe::error.
// maker: what makes its instance on another node; null: its arguments stay here.
hosted* create_actor(domain& d, const actor_type& type, const task_options* options,
                     const task_type* maker);
void is_made_by(hosted& h, const task& constructor) noexcept;
void give_up_actor(hosted& h);  // its constructor will not run
hosted* find_actor(domain& d, const std::string& name, const actor_type& type);
void check_call_options(const task_options& options);
void add_options_of(const hosted& h, task_options& options);  // those of its calls
void check_pool_size(std::size_t n);
std::size_t least_busy(hosted* const* hosts, std::size_t n);
[[noreturn]] void throw_no_actor();
struct actor_access;
void retain_actor(hosted& h) noexcept;
void drop_actor(hosted& h) noexcept;
void stop_actor(hosted& h);
// Throws cancelled if its runtime has ended.
domain& domain_of(const hosted& h);
const std::string& name_of_actor(const hosted& h);
[[noreturn]] void throw_not_copyable(const hosted& h);
// A call that the actor may have to make again cannot be.
[[noreturn]] void throw_no_retry_of_call(const hosted& h, std::string_view method);
inline bool stays(const task_type& t) { return t.travels == nullptr; }
// Its instance is elsewhere, and the call cannot go there.
[[noreturn]] void throw_call_stays(const hosted& h, std::string_view method);
// From these arguments, by a node that can.
template <class T, class... Xs> void construct_elsewhere(hosted& h, Xs&&... xs);

// ---- the instance -------------------------------------------------------------------------------
template <class T>
concept saving = requires(const T& t) {
  t.snapshot();
};
template <class T, class S>
concept restoring = requires(T& t, const S& s) {
  t.restore(s);
};

template <class T> constexpr actor_type actor_type_of_class() {
  actor_type t{name_of<T>::value, &typeid(T), [](void* p) noexcept { delete static_cast<T*>(p); },
               nullptr,           nullptr,    nullptr};
  if constexpr (saving<T>) {
    using S = std::decay_t<decltype(std::declval<const T&>().snapshot())>;
    static_assert(restoring<T, S>,
                  "troupe: a class with snapshot() must have a restore(const S&) that takes what "
                  "snapshot() gives");
    t.save = [](const void* instance) -> std::shared_ptr<const void> {
      return std::make_shared<const S>(static_cast<const T*>(instance)->snapshot());
    };
    t.restore = [](hosted& h) {
      static_cast<T*>(h.instance)->restore(*static_cast<const S*>(h.snapshot.get()));
    };
    t.snapshot = snapshot_form<S>::codec;
  }
  return t;
}
template <class T> inline constexpr actor_type actor_type_of = actor_type_of_class<T>();

template <class T, class... Xs> struct recipe_of final : recipe {
  std::tuple<Xs...> args;
  template <class... Ys> explicit recipe_of(const Ys&... ys) : args(ys...) {}
  void make(hosted& h) const override {
    h.instance = std::apply([](const Xs&... xs) { return new T(Xs(xs)...); }, args);
  }
};
// The body of the first constructor's task.
template <class T> struct constructor {
  hosted* h;
  template <class... Xs> void operator()(Xs&&... xs) const {
    if (h->elsewhere) return construct_elsewhere<T>(*h, std::forward<Xs>(xs)...);
    if (h->restarts > 0) {
      if constexpr ((copyable_parts<std::decay_t<Xs>>::value && ...))
        h->again = std::make_unique<recipe_of<T, std::decay_t<Xs>...>>(xs...);
      else throw_not_copyable(*h);
    }
    h->instance = new T(std::forward<Xs>(xs)...);
  }
};
template <class T> struct name_of<constructor<T>> : name_of<T> {};

// ---- its calls ----------------------------------------------------------------------------------
// A method as a function of its arguments alone.
template <class T, auto M> struct method {
  hosted* h;
  template <class... As> constexpr decltype(auto) operator()(As&&... as) const {
    return std::invoke(M, *static_cast<T*>(h->instance), std::forward<As>(as)...);
  }
};
template <class T, auto M> struct name_of<method<T, M>> : name_of<fixed<M>> {};
template <class T, auto M> struct signature_of<method<T, M>> : member_signature<decltype(M)> {};

template <class M> struct member_of : std::false_type {};
template <class R, class C, class... Ps> struct member_of<R (C::*)(Ps...)> : std::true_type {
  using in = C;
  static constexpr bool is_const = false;
};
template <class R, class C, class... Ps> struct member_of<R (C::*)(Ps...) noexcept>
    : member_of<R (C::*)(Ps...)> {};
template <class R, class C, class... Ps> struct member_of<R (C::*)(Ps...) const> : std::true_type {
  using in = C;
  static constexpr bool is_const = true;
};
template <class R, class C, class... Ps> struct member_of<R (C::*)(Ps...) const noexcept>
    : member_of<R (C::*)(Ps...) const> {};

// What the task of a call or of a constructor knows of its actor. It stays when the call has been
// destroyed.
struct actor_turn : turn {
  hosted* of;
  task* who = nullptr;
  std::atomic<const failure*> refusal{nullptr};  // it will not have its turn: why
  std::atomic<bool> met{false};  // one of two has come: its turn, and its end without one
  bool joined = false, told_ready = false, has_turn = false, outside = false, broke = false,
       only_reads;
  unsigned tries = 0;                      // that it may still have
  std::vector<object*>* behind = nullptr;  // calls of its own actor that its body has made
  actor_turn(hosted& h, bool s, bool reads, unsigned more_tries)
      : of(&h),
        only_reads(reads),
        tries(more_tries) {
    shared = s;
  }
};

// A call with its turn in front.
template <class C, task_role Role> class in_turn {
public:
  using value = typename C::value;
  static constexpr std::size_t inputs = C::inputs;
  static constexpr task_role role = Role;
  static constexpr bool streams = C::streams, holds_more = C::holds_more;
  static constexpr bool easily_destroyed = std::is_trivially_destructible_v<C>;

  template <class... Xs>
  in_turn(hosted& h, bool shared, bool only_reads, unsigned tries, Xs&&... xs)
      : turn_(h, shared, only_reads, tries) {
    ::new (place_) C(std::forward<Xs>(xs)...);
  }
  in_turn(const in_turn&) = delete;
  in_turn& operator=(const in_turn&) = delete;
  ~in_turn() { call().~C(); }

  template <class V> void each_input(V& visit) const { call().each_input(visit); }
  static verdict run(void* self, void* storage) { return C::run(of(self).place_, storage); }
  static verdict run_again(void* self, void* storage) requires requires { &C::run_again; }
  { return C::run_again(of(self).place_, storage); }
  static constexpr bool can_run_again() {
    if constexpr (C::streams) return false;
    else return C::can_run_again();
  }
  static std::size_t footprint(const void* self) {
    return C::footprint(static_cast<const in_turn*>(self)->place_);
  }
  static void destroy(void* self) noexcept { of(self).call().~C(); }
  static const void* call_in(const void* self) { return static_cast<const in_turn*>(self)->place_; }

private:
  static in_turn& of(void* self) { return *static_cast<in_turn*>(self); }
  C& call() { return *std::launder(reinterpret_cast<C*>(place_)); }
  const C& call() const { return *std::launder(reinterpret_cast<const C*>(place_)); }

  actor_turn turn_;
  alignas(C) std::byte place_[sizeof(C)];
};

}  // namespace troupe::detail
