// SPDX-License-Identifier: MIT
// The least that an actor for each task costs in CAF 0.17: an actor without mailbox, behavior and
// request tables, which counts its messages in and is scheduled once. What a program receives with,
// and the scheduler (policy `sharing`), are CAF's own.
#include <caf/all.hpp>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "../workloads.hpp"

namespace {

using namespace bench;
using caf::actor;

// Its messages are numbers, which it adds up; the last one that was missing schedules it, and `run`
// gives what it sends on.
class lean_task : public caf::monitorable_actor,
                  public caf::dynamically_typed_actor_base,
                  public caf::resumable {
public:
  using behavior_type = caf::behavior;
  lean_task(caf::actor_config& cfg, actor whom, int missing)
      : monitorable_actor(cfg), whom_(std::move(whom)), missing_(missing) {}
  void launch(caf::execution_unit*, bool, bool) { register_at_system(); }
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override {
    sum_ += message->content().get_as<long>(0);
    if (missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    intrusive_ptr_add_ref(ctrl());
    if (unit) unit->exec_later(this);
    else home_system().scheduler().enqueue(this);
  }
  resume_result resume(caf::execution_unit* unit, std::size_t) override {
    if (!run(unit)) return awaiting_message;
    whom_->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, result_), unit);
    whom_ = nullptr;
    cleanup(caf::error{}, unit);
    return done;
  }
  void on_destroy() override { unregister_from_system(); }
  void on_cleanup(const caf::error&) override {}
  void intrusive_ptr_add_ref_impl() override { intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { intrusive_ptr_release(ctrl()); }

protected:
  virtual bool run(caf::execution_unit*) {  // false: waits for more messages
    result_ = sum_ + 1;
    return true;
  }
  void wait_for(int messages) { missing_.store(messages, std::memory_order_release); }
  actor whom_;
  std::atomic<long> sum_ = 0;
  long result_ = 0;

private:
  std::atomic<int> missing_;
};

template <class Task, class... Xs> actor make(caf::execution_unit* unit, Xs&&... xs) {
  caf::actor_config cfg{unit};
  auto& system = unit->system();
  cfg.flags = 0;
  return caf::make_actor<Task, actor>(system.next_actor_id(), system.node(), &system, cfg,
                                      std::forward<Xs>(xs)...);
}
void send(const actor& whom, long x, caf::execution_unit* unit) {
  whom->enqueue(nullptr, caf::make_message_id(), caf::make_message(x), unit);
}
}  // namespace
int main() {}
