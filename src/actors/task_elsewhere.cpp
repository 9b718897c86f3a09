// SPDX-License-Identifier: MIT
// The tasks of an actor whose instance lives on another node: the one that has it made, and its calls.
#include "actors/host.hpp"
#include "actors/shard.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "runtime/served_actors.hpp"

#include <troupe/detail/exported_actor.hpp>

#include <memory>
#include <mutex>
#include <utility>

namespace troupe::detail {

// Its turn has come, at an instance that is elsewhere. False: it has settled meanwhile.
bool task::leave_in_turn() {
  claim in_line = claim::in_line;
  if (!out_->claim.compare_exchange_strong(in_line, claim::claimed)) return false;
  const auto where = domain_->outside();
  set_out(where);
  if (where) {
    where->offer(*this);
    return true;
  }
  bring({away_reply::failed,
         {},
         {},
         failure::make(failure::kind::lost, name_of_task(), "this node has left its cluster"),
         true,
         true});
  is_away();
  return true;
}

namespace {
struct kept_snapshot {
  std::vector<char> bytes;
  std::shared_ptr<ref_source> refs;
};
}  // namespace

// Of replies that cross the newest one is kept.
void task::take_snapshot(decoder& from, const away_reply& reply) {
  host& h = host_of(*turn().of);
  from.array(3, "a reply with a snapshot");
  const auto number = from.integer<std::uint64_t>();
  if (reply.broke) {
    turn().broke = true;
    turn().refusal.store(failure::read(from));
  } else if (!from.skip_nil()) {
    const auto bytes = from.binary();
    auto kept = std::make_shared<const kept_snapshot>(
        kept_snapshot{{bytes.begin(), bytes.end()}, reply.refs});
    std::lock_guard guard{h.saving};
    if (number < h.saved_at) return;
    h.saved_at = number;
    h.snapshot = std::move(kept);
  }
}

// Inside a catch block. True: it is to be tried again.
bool task::broke_elsewhere(const brought& b) {
  if (type_.role != task_role::method) return false;
  actor_turn& t = turn();
  t.broke = b.broke;
  if (b.unbegun) ++t.tries;
  return t.broke && t.tries > 0;
}

void make_elsewhere(hosted& h, const task_type& maker) {
  domain& d = *h.inside;
  if (!d.outside()) throw lost("this node has left its cluster, and cannot make it here");
  host_of(h).saved_at = 0;
  task_options options;
  options.name = std::string(h.type->name);
  options.labels = h.calls.labels;
  new_task t = create_task(d, maker, &options);
  new (t.call) making{&h};
  try {
    (void)start_task(t, nullptr, 0, false);
  } catch (...) {
    abandon_task(t);
    throw;
  }
  const auto made = access::adopt<void>(t.out);
  const auto note = [&mine = host_of(h)](const ref<void>& r) {
    std::lock_guard guard{mine.saving};
    mine.maker = r;
    return mine.unwanted;
  };
  if (note(made)) shard_of(*t.out).store->tell(cancel_msg{.o = t.out});
  await_one(d, made, nullptr, {});
  (void)note({});
  if (!t.out->failed) return;
  const auto why = static_cast<const failure*>(t.out->value);
  why->retain();
  throw brought{why};
}

verdict make_here(void*, void*) { throw error("no node has made it"); }

bool write_making(const void* call, encoder& to) {
  const hosted& h = *static_cast<const making*>(call)->of;
  to.array(2);
  if (const auto kept = static_cast<const kept_snapshot*>(h.snapshot.get())) {
    if (kept->refs) {
      const value_codec& type = *h.type->snapshot;
      decoder from{kept->bytes, kept->refs.get()};
      const auto value = read_snapshot(type, from);
      to.nested(value.get(), type);
    } else to.binary(kept->bytes.data(), kept->bytes.size());
  } else to.nil();
  h.again->write(to);
  return true;
}

}  // namespace troupe::detail
