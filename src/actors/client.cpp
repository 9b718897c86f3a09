// SPDX-License-Identifier: MIT
#include "actors/client.hpp"

#include "actors/messages.hpp"
#include "actors/spinlock.hpp"
#include "runtime/domain.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>

namespace troupe::detail {

namespace {
struct own {
  caf::actor_system* of = nullptr;
  caf::actor handle;
};
// Never destroyed, but emptied when the thread ends: a static runtime waits even later.
own& mine_of_this_thread() {
  alignas(own) constinit thread_local static char memory[sizeof(own)] = {};
  thread_local own* place = new (memory) own;
  thread_local struct leaver {
    ~leaver() { *reinterpret_cast<own*>(memory) = {}; }
  } at_the_end;
  (void)at_the_end;
  return *place;
}
}  // namespace

client& client::mine(domain& d) {
  own& c = mine_of_this_thread();
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
  static const int most = pauses_in(std::chrono::microseconds(10));  // less than a wake-up takes
  for (int i = 0; i < most; ++i) {
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
