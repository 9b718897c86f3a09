// SPDX-License-Identifier: MIT
#include "actors/asker.hpp"

#include "actors/shard.hpp"
#include "runtime/domain.hpp"

#include <caf/actor_system.hpp>
#include <caf/attachable.hpp>
#include <caf/sec.hpp>

#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

// An actor that has requests of tasks: however many there are, it has one monitor for all of them,
// which goes with the last.
class monitored : public std::enable_shared_from_this<monitored> {
public:
  explicit monitored(caf::abstract_actor& actor) : actor_(actor) {}

  static void add(question& q, caf::abstract_actor& actor) {
    std::shared_ptr<monitored> fresh;
    {
      std::lock_guard guard{all().mutex};
      auto& place = all().at[&actor];
      if (!place) place = fresh = std::make_shared<monitored>(actor);
      place->link(q);
    }
    if (fresh) actor.attach(caf::attachable_ptr{new monitor{fresh}});  // gone: tells at once
  }
  static void remove(question& q) {
    std::shared_ptr<monitored> last;
    {
      std::lock_guard guard{all().mutex};
      const auto at = std::move(q.at_);
      if (!at) return;
      unlink(q);
      if (!at->first_) {
        last = at;
        all().at.erase(&at->actor_);
      }
    }
    if (last) last->actor_.detach({caf::attachable::token::anonymous, last.get()});
  }

private:
  struct monitor final : caf::attachable {
    explicit monitor(std::shared_ptr<monitored> m) : of(std::move(m)) {}
    void actor_exited(const caf::error& why, caf::execution_unit*) override { of->gone(why); }
    bool matches(const token& what) override {
      return what.subtype == token::anonymous && what.ptr == of.get();
    }
    const std::shared_ptr<monitored> of;
  };
  // By the actor's address: it lives as long as it is here. Never destroyed: a static runtime may
  // end later than any static.
  struct table {
    std::mutex mutex;
    std::unordered_map<caf::abstract_actor*, std::shared_ptr<monitored>> at;
  };
  static table& all() {
    static auto* t = new table;
    return *t;
  }

  void link(question& q) {
    q.at_ = shared_from_this();
    q.next_ = first_;
    q.link_ = &first_;
    if (first_) first_->link_ = &q.next_;
    first_ = &q;
  }
  static void unlink(question& q) {
    *q.link_ = q.next_;
    if (q.next_) q.next_->link_ = q.link_;
  }
  void gone(const caf::error& why) {
    std::vector<std::shared_ptr<question>> waiting;
    {
      std::lock_guard guard{all().mutex};
      while (question* q = first_) {
        if (auto held = q->weak_from_this().lock()) waiting.push_back(std::move(held));
        unlink(*q);
        q->at_ = nullptr;
      }
      if (auto found = all().at.find(&actor_);
          found != all().at.end() && found->second.get() == this)
        all().at.erase(found);
    }
    for (auto& q : waiting) q->fail("went down before it replied", why);
  }

  caf::abstract_actor& actor_;
  question* first_ = nullptr;
};

void question::watch(caf::abstract_actor& actor) { monitored::add(*this, actor); }

void question::settle(actor_reply r) noexcept {
  if (over_.exchange(true, std::memory_order_acq_rel)) return;
  monitored::remove(*this);
  ::new (reply_->storage()) actor_reply(std::move(r));
  put_object(reply_);
}

void question::fail(const std::string& what, caf::error why) noexcept {
  if (is_over()) return;
  settle({.content = {}, .failed = "actor '" + to_ + "' " + what, .why = std::move(why)});
}

void question::reply(caf::message content, const caf::actor_system& system) {
  if (!content.match_elements<caf::error>()) return settle({.content = std::move(content)});
  auto& e = content.get_as<caf::error>(0);
  if (e == caf::sec::request_receiver_down) return fail("went down before it replied", e);
  const bool ours = e.category() == caf::atom("troupe");  // perhaps not known to the system
  fail("replied with an error: " + (ours ? text_of(e) : system.render(e)), e);
}

void asker::enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) {
  if (m->mid.is_response()) question_->reply(m->move_content_to_message(), home_system());
  else refuse(*m);
}

std::string name_of_actor(const caf::strong_actor_ptr& actor) {
  auto named = dynamic_cast<caf::monitorable_actor*>(caf::actor_cast<caf::abstract_actor*>(actor));
  return named ? named->name() : "actor";
}

}  // namespace troupe::detail
