// SPDX-License-Identifier: MIT
// The other side: instances that live here for actors of other nodes, and what their calls give.
#include "actors/shard.hpp"
#include "node/node_core.hpp"
#include "node/when_settled.hpp"
#include "runtime/domain.hpp"

#include <troupe/runtime.hpp>

#include <utility>

namespace troupe::detail {

std::shared_ptr<served_turn> node_core::turn_for(node_id from, const frames::run& f,
                                                 const exported_function& function) {
  auto turn = std::make_shared<served_turn>();
  if (function.makes) {
    turn->of = std::make_shared<served_instance>(*function.of, domain_);
    turn->of->saves = f.snapshot_every > 0 && function.of->save && function.of->snapshot;
    turn->of->snapshot_every = std::max(f.snapshot_every, 1u);
    return instances_.emplace(served_key{from, f.attempt}, turn->of).second ? turn : nullptr;
  }
  const auto found = instances_.find({from, f.instance});
  if (found == instances_.end() || !found->second->is_made ||
      *found->second->type->id != *function.of->id)
    return nullptr;
  turn->of = found->second;
  turn->saves = turn->of->saves && !function.reads;
  return turn;
}

// Users' destructors run on workers; those of calls that go on with it are later.
void node_core::drop_instance(served_key key) {
  auto dropped = instances_.extract(key);
  if (dropped.empty()) return;
  object* o = create_object(domain_, value_type_of<void>);
  put_object(o);
  on_a_worker(domain_, o, [last = std::move(dropped.mapped())](object&) {});
}

void node_core::drop_instances(node_id peer) {
  for (auto i = instances_.lower_bound({peer, 0}); i != instances_.end() && i->first.first == peer;)
    drop_instance((i++)->first);
}

// A value that changed an instance comes with what the instance is now.
frames::payload node_core::outcome_of(node_id to, object& o, const value_codec& type,
                                      frames::came& how, const served_turn* turn) {
  if (!turn || !turn->saves || !o.is_sealed() || o.failed) return outcome_of(to, o, type, how);
  shared_objects::sink refs{*objects_, to};
  std::string why;
  try {
    how = frames::came::value;
    std::vector<char> bytes;
    {
      encoder e{bytes, &refs};
      turn->write(e);
      type.write(e, o.value);
    }
    return pack(to, std::move(bytes), refs);
  } catch (const std::exception& e) { why = e.what(); } catch (...) {
    why = "an exception of another kind";
  }
  refs.take_back();
  how = frames::came::failure;
  const failure* f = failure::make(failure::kind::thrown, "on node " + name_,
                                   "its value, or the snapshot after it, cannot be sent: " + why);
  frames::payload p;
  {
    encoder e{p.bytes};
    f->write(e);
  }
  f->release();
  return p;
}

}  // namespace troupe::detail
