// SPDX-License-Identifier: MIT
#include "node/when_settled.hpp"

#include "actors/lean_actor.hpp"
#include "actors/messages.hpp"
#include "actors/seat.hpp"
#include "actors/shard.hpp"
#include "runtime/domain.hpp"

#include <atomic>
#include <utility>

namespace troupe::detail {

namespace {
// Its own reference is that of whoever is to go on with it: the resolver, then a scheduler.
class errand final : public lean_actor, public caf::resumable {
public:
  errand(caf::actor_config& cfg, domain& d, object* o, std::function<void(object&)> then)
      : lean_actor(cfg),
        domain_(&d),
        object_(o),
        then_(std::move(then)) {}

  static errand* make(domain& d, object* o, std::function<void(object&)> then) {
    caf::actor_config cfg;
    auto handle = caf::make_actor<errand, caf::strong_actor_ptr>(
        fresh_actor_id(seat::mine()), d.node(), &d.system(), cfg, d, o, std::move(then));
    d.set_stands();
    return static_cast<errand*>(handle.release()->get());
  }
  // Either the runtime's end sees that it stands, or this sees that the object has settled.
  void begin() {
    domain& d = *domain_;
    wait_.wait_for(*object_, *this, d.number());
    d.set_stands();  // until this thread has left the resolver
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (object_->is_sealed()) schedule();
    else d.await(wait_);  // it may be gone when this returns
    d.set_is_gone();
  }
  void schedule() {
    caf::actor_system& system = domain_->system();
    if (auto unit = seat::mine().unit_of(system)) unit->exec_later(this);
    else system.scheduler().enqueue(this);
  }
  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override {
    if (!content_of<ready_msg>(*m)) return refuse(*m);
    m.reset();
    schedule();
  }
  resume_result resume(caf::execution_unit*, std::size_t) override {
    then_(*object_);
    then_ = nullptr;
    object_->drop();
    domain_->set_is_gone();  // the last touch
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { caf::intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { caf::intrusive_ptr_release(ctrl()); }

private:
  domain* const domain_;
  object* const object_;
  std::function<void(object&)> then_;
  waiter wait_;
};
}  // namespace

void when_settled(domain& d, object* o, std::function<void(object&)> then) {
  errand::make(d, o, std::move(then))->begin();
}
void on_a_worker(domain& d, object* o, std::function<void(object&)> then) {
  errand::make(d, o, std::move(then))->schedule();
}

}  // namespace troupe::detail
