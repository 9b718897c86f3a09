// SPDX-License-Identifier: MIT
// Values that were put with replicas: other nodes keep their bytes, and give them to those who borrow
// them when the node that has put them is gone.
//
//   put --replicate--> keep_copy to so many nodes --copy_kept--> the object is put
//   a node with a copy is gone --> another one is asked; the maker is gone --want--> a copy --have-->
#include "node/node_core.hpp"
#include "node/when_settled.hpp"
#include "runtime/domain.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::int64_t kept_after_death = 60'000'000'000;  // ns, for those who borrow it
}

void node_core::replicate(object* o, const value_codec& type, unsigned nodes) noexcept {
  const auto begin = [o, &type, nodes](node_core& n) {
    n.make_copies(n.objects_->own_id(o, type), {o, &type, nodes - 1, true, {}, {}, {}});
  };
  if (post(begin)) return;
  if (o->type->destroy) o->type->destroy(o->storage());
  put_failure(*o, failure::make(failure::kind::lost, "put", "this node has left its cluster"));
  o->drop();
}

void node_core::make_copies(global_id id, copying&& c) {
  copying_.insert_or_assign(id, std::move(c));
  go_on_copying(id);
}

// Asks as many as are still missing: those first that run tasks, and not always the same.
void node_core::go_on_copying(global_id id) {
  const auto found = copying_.find(id);
  if (found == copying_.end()) return;
  copying& c = found->second;
  std::vector<std::pair<std::uint64_t, node_id>> order;
  for (const auto& [peer, l] : links_)
    if (!l.leaving && !c.asked.contains(peer) && !c.have.contains(peer) &&
        !c.refused.contains(peer))
      order.emplace_back((l.facts.slots > 0 ? 0 : std::uint64_t{1} << 63) |
                             ((peer.value ^ id.number * 0x9e3779b97f4a7c15) >> 1),
                         peer);
  std::sort(order.begin(), order.end());
  for (auto next = order.begin(); next != order.end() && c.asked.size() + c.have.size() < c.nodes;
       ++next) {
    c.asked.insert(next->second);
    send_copy(id, c.o, *c.type, next->second);
  }
  if (!c.asked.empty()) return;
  const bool enough = c.have.size() >= c.nodes;
  const copying done = std::move(c);
  copying_.erase(found);
  if (enough || !done.put) {
    tell_copies(id, {done.have.begin(), done.have.end()});
    if (done.put) put_object(done.o);
  } else {
    for (const auto peer : done.have) send(peer, frames::drop_copy{id});
    tell_copies(id, {});
    if (done.o->type->destroy) done.o->type->destroy(done.o->storage());
    put_failure(*done.o,
                failure::make(failure::kind::lost, "put",
                              "put: " + std::to_string(done.nodes + 1) +
                                  " replicas are asked for, and only " +
                                  std::to_string(done.have.size()) + " other nodes could take one" +
                                  (done.why.empty() ? "" : ": " + done.why)));
  }
  done.o->drop();
}

// By a worker: it encodes the value.
void node_core::send_copy(global_id id, object* o, const value_codec& type, node_id to) {
  o->retain();
  on_a_worker(domain_, o, [self = shared_from_this(), id, &type, to](object& of) {
    frames::keep_copy f{id, {}};
    std::string why;
    try {
      const void* const value = of.is_sealed() ? of.value : of.storage();
      if (type.flat && type.flat->size(value) > rides_along) {
        f.what.size = type.flat->size(value);
        f.what.flat = true;
        of.retain();
        try {
          self->hold(f.what, {to, {}, &of, type.flat->data(value)});
        } catch (...) {
          of.drop();
          throw;
        }
      } else {
        std::vector<char> bytes;
        {
          encoder e{bytes};  // no refs: they would name what dies with this node
          type.write(e, value);
        }
        shared_objects::sink none{*self->objects_, to};
        f.what = self->pack(to, std::move(bytes), none);
      }
      return self->send(to, f);
    } catch (const std::exception& e) { why = e.what(); }
    self->post([id, to, why](node_core& n) { n.on(to, frames::copy_kept{id, why}); });
  });
}

void node_core::on(node_id from, frames::copy_kept&& f) {
  const auto found = copying_.find(f.object);
  if (found == copying_.end() || found->second.asked.erase(from) == 0) return;
  copying& c = found->second;
  if (f.why_not.empty()) c.have.insert(from);
  else {
    c.refused.insert(from);
    c.why = f.why_not;
  }
  go_on_copying(f.object);
}

void node_core::on(node_id from, frames::keep_copy&& f) {
  if (f.object.maker != from) return malformed(from, "a copy of what is another node's");
  const bool flat = f.what.flat;
  const auto kept = std::make_shared<frames::keep_copy>(std::move(f));
  try {
    (void)unpack(from, kept->what, [this, from, kept, flat](std::vector<char>* bytes) {
      if (!bytes || !links_.contains(from)) return;
      copies_.insert_or_assign(kept->object,
                               copy{std::make_shared<std::vector<char>>(std::move(*bytes)), flat});
      send(from, frames::copy_kept{kept->object, {}});
    });
  } catch (const error& e) { send(from, frames::copy_kept{kept->object, e.what()}); }
}

void node_core::tell_copies(global_id id, const std::vector<node_id>& at) {
  objects_->has_copies(id, at);
  for (const auto& [peer, l] : links_) send(peer, frames::copies_are{id, at});
}
void node_core::on(node_id from, frames::copies_are&& f) {
  if (f.object.maker == from) objects_->has_copies(f.object, f.at);
}

void node_core::on(node_id from, frames::drop_copy&& f) {
  if (f.object.maker == from) copies_.erase(f.object);
}

// Whoever borrows it asks, since its maker is gone. False: there is no copy here.
bool node_core::send_of_copy(node_id to, global_id id) {
  const auto found = copies_.find(id);
  if (found == copies_.end()) return false;
  frames::have f{id, true, frames::came::value, {}};
  const auto bytes = found->second.bytes;
  if (bytes->size() <= rides_along) f.what.bytes = *bytes;
  else {
    f.what.size = bytes->size();
    f.what.flat = found->second.flat;
    held h{to, {}};
    h.data = bytes->data();
    h.copy = bytes;
    hold(f.what, std::move(h));
  }
  send(to, f);
  return true;
}

void node_core::lose_copies(node_id peer) {
  for (auto& [id, c] : copies_)
    if (id.maker == peer) c.until = now() + kept_after_death;
  std::vector<global_id> stuck;
  for (auto& [id, c] : copying_)
    if (c.asked.erase(peer) + c.have.erase(peer) > 0) stuck.push_back(id);
  for (const auto id : stuck) go_on_copying(id);
  for (const auto& lost : objects_->copies_at(peer)) {
    copying c{lost.o, lost.type, static_cast<unsigned>(lost.at.size() + 1), false, {}, {}, {}};
    c.have.insert(lost.at.begin(), lost.at.end());
    make_copies(lost.id, std::move(c));
  }
}

void node_core::review_copies() {
  const time t = now();
  std::erase_if(copies_, [t](const auto& c) { return c.second.until <= t; });
  for (const auto& gone : objects_->take_uncopied())
    for (const auto peer : gone.at)
      if (links_.contains(peer)) send(peer, frames::drop_copy{gone.id});
}

}  // namespace troupe::detail
