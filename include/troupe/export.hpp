// SPDX-License-Identifier: MIT
// Functions that other nodes may ask this program to run. Calls name them; no code travels.
//
//   int main(int argc, char** argv) {
//     troupe::export_tasks<resize, classify>();
//     troupe::export_task<&parse>("logs.parse");
//     ...
//
// A function travels if its parameters' types and its result's are encodable (<troupe/codec.hpp>).
// One that gives a stream does not.
//
// A class by its constructor's parameters and the methods that may be called:
//   troupe::export_actor<counter(int), &counter::add, &counter::get>();
#pragma once
#include <troupe/detail/exported_actor.hpp>
#include <troupe/runtime.hpp>

#include <string>
#include <vector>

namespace troupe {

namespace detail {
template <auto F> void check_export() {
  static_assert(travels<F>::value,
                "troupe: this function cannot be exported: each parameter and the result must be "
                "encodable (<troupe/codec.hpp> says which types are), its parameters must be known "
                "(no template, no generic lambda), and it must not give a stream");
}
}  // namespace detail

// Under their qualified names. To be called before a node is started; any number of times.
template <auto... Fs> void export_tasks() {
  (detail::check_export<Fs>(), ...);
  (detail::register_function(detail::exported<Fs>()), ...);
}
// Under this name, which is then its name in this program's calls too: for programs of other
// compilers, and for two functions that would have one name. Throws troupe::error if it is empty.
template <auto F> void export_task(std::string name) {
  detail::check_export<F>();
  detail::name_function(detail::exported<F>(), std::move(name));
}

// Actors of this class may live in this program, made by a constructor with these parameters: of the
// types that it is given, rt.actor<counter>(3) gives an int. Once for each constructor. What
// snapshot() gives must be encodable for actors with restarts.
template <class Constructor, auto... Methods> void export_actor() {
  using of = detail::class_to_export<Constructor>;
  static_assert(of::value,
                "troupe: export_actor wants a class, its constructor's parameters and methods: "
                "export_actor<counter(int), &counter::add>()");
  if constexpr (of::value) {
    using T = typename of::type;
    static_assert(of::made, "troupe: the class has no constructor that takes these parameters");
    static_assert(of::travels,
                  "troupe: each parameter of the constructor must be encodable "
                  "(<troupe/codec.hpp> says which types are)");
    static_assert((detail::method_travels<T, Methods>::value && ... && true),
                  "troupe: a method cannot be exported: each parameter and the result must be "
                  "encodable (<troupe/codec.hpp> says which types are), and it must not give a "
                  "stream");
    detail::register_function(of::entry());
    (detail::register_function(detail::exported_method<T, Methods>()), ...);
  }
}

// What this program exports: "name(types)->type", in order of the names. Throws troupe::error if two
// different functions have one name.
std::vector<std::string> exported_tasks();

namespace detail {
void check_replicas(const domain& d, unsigned replicas);  // throws troupe::error
// Its value is constructed, and is put once so many nodes have it; or it fails.
void replicate(domain& d, object* o, const value_codec& type, unsigned replicas);
}  // namespace detail

template <class T> ref<std::decay_t<T>> scope::put(T&& value, const put_options& options) const {
  using V = std::decay_t<T>;
  static_assert(
      encodable<V>,
      "troupe: a value with replicas must be encodable: <troupe/codec.hpp> says which are");
  detail::check_replicas(*domain_, options.replicas);
  detail::object* o = detail::create_object(*domain_, detail::value_type_of<V>);
  try {
    ::new (o->storage()) V(std::forward<T>(value));
  } catch (...) {
    detail::abandon_object(o);
    throw;
  }
  ref<V> r = detail::access::adopt<V>(o);
  detail::replicate(*domain_, o, *detail::codec_of<V>, options.replicas);
  return r;
}

}  // namespace troupe
