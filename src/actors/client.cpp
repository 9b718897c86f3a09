// SPDX-License-Identifier: MIT
#include "actors/client.hpp"

#include "actors/messages.hpp"
#include "actors/spinlock.hpp"
#include "runtime/domain.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>

namespace troupe::detail {

client& client::mine(domain& d) {
  struct own {
    caf::actor_system* of = nullptr;
    caf::actor handle;
  };
  thread_local own c;
  if (c.of != &d.system()) {
    caf::actor_config cfg;
    c.handle = caf::make_actor<client, caf::actor>(d.system().next_actor_id(), d.system().node(),
                                                   &d.system(), cfg);
    c.of = &d.system();
  }
  return *static_cast<client*>(caf::actor_cast<caf::abstract_actor*>(c.handle));
}

void client::enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) {
  auto ready = content_of<ready_msg>(*m);
  if (!ready) return bounce(m);
  if (ready->w) ready->w->answered.store(true, std::memory_order_relaxed);
  m.reset();
  caf::strong_actor_ptr hold{ctrl()};  // the thread may see what has arrived, go on and end
  if (!arrivals.arrive()) return;
  std::lock_guard guard{mutex_};
  bell_.notify_one();
}

bool client::block(const clock::time_point* until) {
  for (int i = 0; i < 2000; ++i) {
    if (arrivals.due()) return true;
    pause();
  }
  std::unique_lock guard{mutex_};
  auto due = [this] { return arrivals.due(); };
  if (until) return bell_.wait_until(guard, *until, due);
  bell_.wait(guard, due);
  return true;
}

}  // namespace troupe::detail
