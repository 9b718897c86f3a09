// SPDX-License-Identifier: MIT
// What caf::monitorable_actor gives an actor (monitors, links, attached functors), in half its
// bytes: without the condition variable and the error that only other actors need.
#pragma once
#include "actors/caf_compat.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/attachable.hpp>

#include <cstddef>

namespace troupe::detail {

class lean_actor : public caf::abstract_actor {
public:
  // Whoever comes after the end is told at once. Any thread.
  void attach(caf::attachable_ptr observer) override;
  std::size_t detach(const caf::attachable::token& what) override;
  void add_link(caf::abstract_actor* other) override;
  void remove_link(caf::abstract_actor* other) override;
  bool add_backlink(caf::abstract_actor* other) override;
  bool remove_backlink(caf::abstract_actor* other) override;

protected:
  explicit lean_actor(caf::actor_config& cfg) : abstract_actor(cfg) {}
  // It ends, with reason `none`: tells all of them, once.
  void tell_observers();
  // A message that it does not understand: a request is answered with an error.
  static void refuse(const caf::mailbox_element& m);

private:
  bool is_over() const { return getf(is_cleaned_up_flag); }
  // Both with mtx_ held.
  void keep(caf::attachable_ptr observer);
  std::size_t remove(const caf::attachable::token& what, bool only_first);

  caf::attachable_ptr observers_;  // guarded by mtx_
};

}  // namespace troupe::detail
