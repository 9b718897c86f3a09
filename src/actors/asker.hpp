// SPDX-License-Identifier: MIT
// A task's request to a CAF actor, and the object that is settled with its reply.
//
//   task --message--> actor --reply--> asker --put--> store --...--> task
//   the actor goes down --monitor--> question             what comes first is the reply; the rest
//   nobody has the request any more: ~asker --> question  is dropped
//   the task gives up --> question
#pragma once
#include "actors/caf_compat.hpp"
#include "actors/lean_actor.hpp"

#include <troupe/caf.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace troupe::detail {

class monitored;

// One request on its way. Settles its object exactly once; any thread.
class question : public std::enable_shared_from_this<question> {
public:
  // `reply`: to be settled by this. Its value is not there yet.
  question(object* reply, std::string to) : reply_(reply), to_(std::move(to)) {}
  question(const question&) = delete;
  question& operator=(const question&) = delete;
  ~question() { fail("was not asked"); }

  void settle(actor_reply r) noexcept;
  // "actor 'name' ..."
  void fail(const std::string& what, caf::error why = {}) noexcept;
  void reply(caf::message content, const caf::actor_system& system);
  bool is_over() const { return over_.load(std::memory_order_acquire); }

  // Hears when the actor goes down, from now until it is over. Precondition: the actor lives, as
  // memory, until then.
  void watch(caf::abstract_actor& actor);

private:
  friend monitored;
  object* const reply_;
  const std::string to_;
  std::atomic<bool> over_{false};
  // Guarded by the mutex of all monitored.
  std::shared_ptr<monitored> at_;
  question* next_ = nullptr;
  question** link_ = nullptr;
};

// The one that the reply goes to. Only the request holds it: when it goes, no reply will come.
class asker final : public lean_actor {
public:
  asker(caf::actor_config& cfg, std::shared_ptr<question> q)
      : lean_actor(cfg),
        question_(std::move(q)) {}
  ~asker() override { question_->fail("dropped the request, or went down, before it replied"); }
  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override;

private:
  const std::shared_ptr<question> question_;
};

// An actor's name, or "actor".
std::string name_of_actor(const caf::strong_actor_ptr& actor);

}  // namespace troupe::detail
