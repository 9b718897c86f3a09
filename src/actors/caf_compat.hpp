// SPDX-License-Identifier: MIT
// The one header that knows CAF's version: what differs between 0.17 and 1.x stands here. Built and
// tested with 0.17.6.
#pragma once
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/make_message.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/type_nr.hpp>

#if CAF_MAJOR_VERSION != 0
#error "Troupe's actors are written for CAF 0.17: see src/actors/caf_compat.hpp"
#endif

#include <cstddef>
#include <memory>
#include <string>
#include <typeinfo>

// Messages that stay in the process: they carry addresses.
#define TROUPE_LOCAL_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)

namespace troupe::detail {

inline const char* caf_version_text() noexcept {
  static const std::string text = std::to_string(CAF_VERSION / 10000) + '.' +
                                  std::to_string(CAF_VERSION / 100 % 100) + '.' +
                                  std::to_string(CAF_VERSION % 100);
  return text.c_str();
}

// Memory for letters that are kept: blocks of the calling thread's cache.
void* allocate_letter(std::size_t size);
void free_letter(void* letter, std::size_t size) noexcept;

// A CAF message of one T that lives where its sender wants: on the stack, or (kept) on the heap.
// The receiver of one on the stack has taken it in before enqueue() returns, so it may be given
// only to actors that are known to do that.
template <class T> class letter final
    : public caf::mailbox_element,
      public caf::detail::tuple_vals_impl<caf::type_erased_tuple, T> {
  using tuple = caf::detail::tuple_vals_impl<caf::type_erased_tuple, T>;

public:
  explicit letter(T x) : tuple(std::move(x)) {}
  static letter* keep(T x) {
    return new (allocate_letter(sizeof(letter))) letter(std::move(x), true);
  }

  T& get() { return std::get<0>(this->data()); }
  const T& get() const { return std::get<0>(this->data()); }

  caf::type_erased_tuple& content() override { return *this; }
  const caf::type_erased_tuple& content() const override { return *this; }
  caf::message move_content_to_message() override { return caf::make_message(std::move(get())); }
  caf::message copy_content_to_message() const override { return caf::make_message(get()); }
  void request_deletion(bool) const noexcept override {
    if (!kept_) return;
    this->~letter();
    free_letter(const_cast<letter*>(this), sizeof(letter));
  }

private:
  letter(T x, bool kept) : tuple(std::move(x)), kept_(kept) {}
  bool kept_ = false;
};

// A letter on the stack. What CAF's element and tuple would clean up at their ends is empty here, so
// only the content is destroyed: that spares a call into CAF for each message.
template <class T> class stack_letter {
public:
  explicit stack_letter(T x) : letter_(new (place_) letter<T>(std::move(x))) {}
  stack_letter(const stack_letter&) = delete;
  stack_letter& operator=(const stack_letter&) = delete;
  ~stack_letter() { std::destroy_at(&letter_->get()); }
  letter<T>& operator*() { return *letter_; }

private:
  alignas(letter<T>) std::byte place_[sizeof(letter<T>)];
  letter<T>* letter_;
};

// The letter's content if the message is a T: ours by its type, anybody's by what is in it.
template <class T> T* content_of(caf::mailbox_element& m) {
  if (&typeid(m) == &typeid(letter<T>)) return &static_cast<letter<T>&>(m).get();
  return nullptr;
}
template <class T> T* foreign_content_of(caf::mailbox_element& m) {
  auto& content = m.content();
  return content.match_elements<T>() ? &content.get_mutable_as<T>(0) : nullptr;
}

// The types of a message's elements, as CAF calls them; `name_of` those that CAF has no name for.
template <class F> std::string types_in(const caf::message& m, F name_of) {
  std::string all;
  for (std::size_t i = 0; i < m.size(); ++i) {
    const auto [number, type] = m.type(i);
    std::string name = number != 0 ? caf::numbered_type_names[number - 1] : name_of(*type);
    if (name.starts_with('@')) name.erase(0, 1);
    all += (i > 0 ? ", " : "") + name;
  }
  return all;
}

}  // namespace troupe::detail
