// SPDX-License-Identifier: MIT
// Values between nodes: those that ride along, and those that are held by one and pulled by the other.
#include "actors/shard.hpp"
#include "node/node_core.hpp"
#include "node/when_settled.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"

#include <unistd.h>
#include <cstring>
#include <new>
#include <utility>

namespace troupe::detail {

namespace {
std::vector<char> to_bytes(const failure& f) {
  std::vector<char> bytes;
  {
    encoder to{bytes};
    f.write(to);
  }
  return bytes;
}

std::uint64_t memory_of_machine() {
  static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                            static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}
}  // namespace

// ---- sent ---------------------------------------------------------------------------------------

frames::payload node_core::pack(node_id to, std::vector<char>&& bytes, shared_objects::sink& refs) {
  frames::payload p;
  if (bytes.size() <= rides_along) {
    p.bytes = std::move(bytes);
    p.refs = refs.take();
    return p;
  }
  p.size = bytes.size();
  std::lock_guard guard{work_mutex_};
  if (!open_.contains(to)) throw error("node " + to_text(to) + " is not connected any more");
  p.held = ++last_held_;
  servings_.hold({id_, p.held}, p.size);
  held_.emplace(p.held, held{to, std::move(bytes)});
  p.refs = refs.take();
  return p;
}

frames::payload node_core::outcome_of(node_id to, object& o, const value_codec& type,
                                      frames::came& how) {
  std::string why;
  if (!o.is_sealed()) why = "the runtime of node '" + name_ + "' has ended";
  else if (!o.failed) {
    shared_objects::sink refs{*objects_, to};
    try {
      std::vector<char> bytes;
      {
        encoder e{bytes, &refs};
        type.write(e, o.value);
      }
      how = frames::came::value;
      return pack(to, std::move(bytes), refs);
    } catch (const std::exception& e) { why = e.what(); } catch (...) {
      why = "an exception of another kind";
    }
    refs.take_back();
    why = "its value cannot be sent: " + why;
  }
  how = frames::came::failure;
  if (why.empty()) return {to_bytes(*static_cast<const failure*>(o.value)), {}};
  const failure* f = failure::make(o.is_sealed() ? failure::kind::thrown : failure::kind::cancelled,
                                   "on node " + name_, why);
  frames::payload p{to_bytes(*f), {}};
  f->release();
  return p;
}

void node_core::on(node_id from, frames::chunk_wanted&& f) {
  std::vector<char> item;
  {
    std::lock_guard guard{work_mutex_};
    const auto verdict = servings_.asked({from, {id_, f.held}, f.number, f.offset, f.length});
    if (verdict == servings::verdict::again) return;
    const auto found = held_.find(f.held);
    if (verdict == servings::verdict::send && found != held_.end() && found->second.peer == from) {
      const frames::chunk_header head{f.held, f.number, f.offset};
      item.resize(sizeof head + f.length);
      std::memcpy(item.data(), &head, sizeof head);
      std::memcpy(item.data() + sizeof head, found->second.bytes.data() + f.offset, f.length);
      servings_.sent(from, f.length);
    }
  }
  if (item.empty()) send(from, frames::chunk_refused{f.number});
  else transport_->send(from, lane::bulk, std::move(item));
}

void node_core::on(node_id from, frames::let_go&& f) {
  std::lock_guard guard{work_mutex_};
  const auto found = held_.find(f.held);
  if (found == held_.end() || found->second.peer != from) return;
  servings_.drop({id_, f.held});
  held_.erase(found);
}

void node_core::drop_held(node_id peer) {
  std::lock_guard guard{work_mutex_};
  open_.erase(peer);
  for (auto i = held_.begin(); i != held_.end();) {
    if (i->second.peer != peer) {
      ++i;
      continue;
    }
    servings_.drop({id_, i->first});
    i = held_.erase(i);
  }
  servings_.gone(peer);
}

// ---- pulled -------------------------------------------------------------------------------------

std::uint64_t node_core::unpack(node_id from, frames::payload& p,
                                std::function<void(std::vector<char>*)> then) {
  if (p.held == 0) {
    then(&p.bytes);
    return 0;
  }
  const global_id what{from, p.held};
  pull waits{what, {}, std::move(then)};
  try {
    if (p.size > memory_of_machine()) throw std::bad_alloc();
    waits.bytes.resize(p.size);
  } catch (const std::exception&) {  // more than there can be
    send(from, frames::let_go{p.held});
    waits.then(nullptr);
    return 0;
  }
  const std::uint64_t number = ++last_pull_;
  pulling_.emplace(number, std::move(waits));
  pull_numbers_.emplace(what, number);
  apply(pulls_.want(what, p.size, {from}, now()));
  return number;
}

void node_core::leave_pull(std::uint64_t number) {
  const auto found = pulling_.find(number);
  if (found == pulling_.end()) return;
  const global_id what = found->second.what;
  pulling_.erase(found);
  pull_numbers_.erase(what);
  apply(pulls_.leave(what, now()));
  send(what.maker, frames::let_go{what.number});
}

void node_core::apply(pulls::effects&& e) {
  for (const auto& c : e.requests)
    send(c.peer, frames::chunk_wanted{c.object.number, c.number, c.offset, c.length});
  for (const auto& end : e.ended) {
    const auto at = pull_numbers_.find(end.object);
    if (at == pull_numbers_.end()) continue;
    auto done = pulling_.extract(at->second);
    pull_numbers_.erase(at);
    send(end.object.maker, frames::let_go{end.object.number});
    done.mapped().then(end.lost ? nullptr : &done.mapped().bytes);
  }
}

void node_core::take_chunk(node_id from, const std::vector<char>& item) {
  if (!links_.contains(from)) return;
  frames::chunk_header head;
  if (item.size() < sizeof head)
    return malformed(from, "a chunk of " + std::to_string(item.size()) + " bytes");
  std::memcpy(&head, item.data(), sizeof head);
  const global_id what{from, head.held};
  const std::size_t length = item.size() - sizeof head;
  auto effects = pulls_.arrived({from, what, head.number, head.offset, length}, now());
  if (effects.take) {
    auto& bytes = pulling_.at(pull_numbers_.at(what)).bytes;
    std::memcpy(bytes.data() + head.offset, item.data() + sizeof head, length);
  }
  apply(std::move(effects));
}

void node_core::on(node_id from, frames::chunk_refused&& f) {
  apply(pulls_.refused(from, f.number, now()));
}

// ---- refs ---------------------------------------------------------------------------------------

void node_core::fetch(object& o) noexcept {
  post([o = &o](node_core& n) { n.want_object(o); });
}

void node_core::want_object(object* o) {
  global_id id;
  if (!objects_->is_wanted(o, id)) return;
  if (links_.contains(id.maker)) return send(id.maker, frames::want{id});
  on(id.maker, frames::have{id, false, {}, {}});
}

void node_core::on(node_id from, frames::want&& f) {
  const auto found = objects_->own(f.object);
  if (!found.o) {
    ++unknown_;
    return send(from, frames::have{f.object, false, {}, {}});
  }
  when_settled(domain_, found.o,
               [self = shared_from_this(), from, id = f.object, type = found.type](object& o) {
                 frames::have have{id, true, {}, {}};
                 have.what = self->outcome_of(from, o, *type, have.how);
                 self->send(from, have);
               });
}

void node_core::on(node_id from, frames::have&& f) {
  if (!f.known || (f.object.maker != from)) {
    const auto found = objects_->to_settle(f.object);
    if (!found.o) return;
    put_failure(*found.o, failure::make(failure::kind::lost, "another node's",
                                        "object " + std::to_string(f.object.number) + " of node " +
                                            to_text(f.object.maker) +
                                            " is lost: that node has it no more, or is gone"));
    return found.o->drop();
  }
  auto refs = objects_->arrived(from, std::move(f.what.refs));
  const auto have = std::make_shared<frames::have>(std::move(f));
  (void)unpack(from, have->what, [this, have, refs](std::vector<char>* bytes) {
    const auto found = objects_->to_settle(have->object);
    if (!found.o) return;
    if (!bytes || have->how == frames::came::failure) {
      const failure* why = nullptr;
      try {
        if (bytes) {
          decoder in{*bytes};
          why = failure::read(in);
        }
      } catch (const error&) {}
      if (!why)
        why = failure::make(failure::kind::lost, "another node's",
                            "object " + std::to_string(have->object.number) + " of node " +
                                to_text(have->object.maker) + " is lost: that node died with it");
      put_failure(*found.o, why);
      return found.o->drop();
    }
    on_a_worker(domain_, found.o,
                [objects = objects_, type = found.type, refs,
                 kept = std::make_shared<std::vector<char>>(std::move(*bytes))](object& o) {
                  objects->unpack(o, *type, *kept, refs.get());
                });
  });
}

void node_core::on(node_id from, frames::borrowing&& f) {
  if (f.kind > borrows::message::passed) return malformed(from, "a message about a ref");
  objects_->arrived(from,
                    {static_cast<borrows::message::kind>(f.kind), id_, f.object, f.count, f.via});
  send_messages();
}

// To a node that is gone: it would have said that it has nothing.
void node_core::send_messages() {
  for (auto all = objects_->take_messages(); !all.empty(); all = objects_->take_messages())
    for (const auto& m : all) {
      if (links_.contains(m.to))
        send(m.to, frames::borrowing{static_cast<std::uint8_t>(m.is), m.object, m.count, m.via});
      else if (m.is == borrows::message::claim)
        objects_->arrived(m.to, {borrows::message::not_there, id_, m.object, 0, m.via});
    }
}

}  // namespace troupe::detail
