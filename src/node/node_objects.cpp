// SPDX-License-Identifier: MIT
// Values between nodes: those that ride along, and those that are held by one and pulled by the other.
#include "actors/shard.hpp"
#include "node/node_core.hpp"
#include "node/when_settled.hpp"
#include "runtime/domain.hpp"
#include "runtime/failure.hpp"
#include "seeing/log.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <cstdint>
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

const failure* died_with(global_id id) {
  return failure::make(failure::kind::lost, "another node's",
                       "object " + std::to_string(id.number) + " of node " + to_text(id.maker) +
                           " is lost: that node died with it");
}

std::uint64_t memory_of_machine() {
  static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                            static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

// Memory that is about to be written whole: a fault for each 2 MiB, where the kernel can.
void prefer_big_pages(char* begin, std::size_t bytes) {
  constexpr std::uintptr_t page = 4096;
  const auto first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(begin) + bytes) / page * page;
  if (bytes >= 4 << 20) (void)::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}
}  // namespace

namespace {
bool is_short(const object& o, const value_codec& type) {
  if (type.flat) return type.flat->size(o.value) <= rides_along;
  std::vector<char> bytes;
  struct any_ref final : ref_sink {
    std::uint64_t index(object*, const value_codec&) override { return 0; }
  } refs;
  return encoder{bytes, &refs}.value_if_short(o.value, type, rides_along);
}
}  // namespace

// ---- sent ---------------------------------------------------------------------------------------

frames::payload node_core::pack(node_id to, std::vector<char>&& bytes, shared_objects::sink& refs) {
  frames::payload p;
  refs.take(p);
  if (bytes.size() <= rides_along) {
    p.bytes = std::move(bytes);
    return p;
  }
  p.size = bytes.size();
  held h{to, std::move(bytes)};
  h.data = h.bytes.data();
  try {
    hold(p, std::move(h));
  } catch (...) {
    refs.put_back(p);  // its caller takes them back
    throw;
  }
  return p;
}

// Throws troupe::error if its peer is gone.
void node_core::hold(frames::payload& p, held&& h) {
  std::lock_guard guard{work_mutex_};
  if (!open_.contains(h.peer))
    throw error("node " + to_text(h.peer) + " is not connected any more");
  p.held = ++last_held_;
  servings_.hold({id_, p.held}, p.size);
  held_.emplace(p.held, std::move(h));
}

frames::payload node_core::outcome_of(node_id to, object& o, const value_codec& type,
                                      frames::came& how, bool may_stay) {
  std::string why;
  if (!o.is_sealed()) why = "the runtime of node '" + name_ + "' has ended";
  else if (!o.failed) {
    shared_objects::sink refs{*objects_, to};
    try {
      how = frames::came::value;
      if (may_stay && !is_short(o, type)) {
        how = frames::came::stays;
        frames::payload p;
        (void)refs.name(&o, type);
        p.size = std::max(type.held(o.value), rides_along);
        refs.take(p);
        return p;
      }
      if (type.flat && type.flat->size(o.value) > rides_along) {
        frames::payload p;
        p.size = type.flat->size(o.value);
        p.flat = true;
        o.retain();
        try {
          hold(p, {to, {}, &o, type.flat->data(o.value)});
        } catch (...) {
          o.drop();
          throw;
        }
        return p;
      }
      std::vector<char> bytes;
      {
        encoder e{bytes, &refs};
        type.write(e, o.value);
      }
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
      const auto begin = reinterpret_cast<const char*>(&head), data = found->second.data + f.offset;
      item.reserve(sizeof head + f.length);
      item.insert(item.end(), begin, begin + sizeof head);
      item.insert(item.end(), data, data + f.length);
      servings_.sent(from, f.length);
    }
  }
  if (item.empty()) send(from, frames::chunk_refused{f.number});
  else transport_->send(from, lane::bulk, std::move(item));
}

void node_core::on(node_id from, frames::let_go&& f) { unhold(from, f.held); }

void node_core::unhold(node_id peer, std::uint64_t number) {
  object* o = nullptr;
  {
    std::lock_guard guard{work_mutex_};
    const auto found = held_.find(number);
    if (found == held_.end() || found->second.peer != peer) return;
    servings_.drop({id_, number});
    o = found->second.o;
    held_.erase(found);
  }
  if (o) o->drop();
}

void node_core::drop_held(node_id peer) {
  std::vector<object*> objects;
  {
    std::lock_guard guard{work_mutex_};
    open_.erase(peer);
    for (auto i = held_.begin(); i != held_.end();) {
      if (i->second.peer != peer) {
        ++i;
        continue;
      }
      servings_.drop({id_, i->first});
      if (i->second.o) objects.push_back(i->second.o);
      i = held_.erase(i);
    }
    servings_.gone(peer);
  }
  for (object* o : objects) o->drop();
}

// ---- pulled -------------------------------------------------------------------------------------

bool node_core::unpack(node_id from, frames::payload& p,
                       std::function<void(std::vector<char>*)> then) {
  if (p.held == 0) {
    then(&p.bytes);
    return false;
  }
  const auto bytes = std::make_shared<std::vector<char>>();
  make_place(from, p, [&] { bytes->reserve(p.size); });
  const auto take = [bytes](std::size_t at, std::span<const char> some) {
    if (bytes->size() == at) return void(bytes->insert(bytes->end(), some.begin(), some.end()));
    if (bytes->size() < at + some.size()) bytes->resize(at + some.size());
    std::memcpy(bytes->data() + at, some.data(), some.size());
  };
  return start_pull(from, p, {take, [bytes, then = std::move(then)](bool arrived) {
                                then(arrived ? bytes.get() : nullptr);
                              }});
}

bool node_core::unpack_flat(node_id from, const frames::payload& p, const value_codec& type,
                            void* storage, std::function<void(bool)> then) {
  make_place(from, p, [&] {
    if (!type.flat || p.held == 0) throw error("it should not come so");
    type.flat->make(storage, p.size);
    prefer_big_pages(type.flat->grow(storage, 0), p.size);
  });
  const auto take = [&type, storage](std::size_t at, std::span<const char> some) {
    if (type.flat->append(storage, at, some.data(), some.size())) return;
    std::memcpy(type.flat->grow(storage, at + some.size()) + at, some.data(), some.size());
  };
  const auto destroy = [&type, storage] { type.holds->destroy(storage); };
  return start_pull(from, p,
                    {take,
                     [destroy, then = std::move(then)](bool arrived) {
                       if (!arrived) destroy();
                       then(arrived);
                     },
                     destroy});
}

template <class F> void node_core::make_place(node_id from, const frames::payload& p, F make) {
  std::string why;
  try {
    if (p.size > memory_of_machine()) throw std::bad_alloc();
    return make();
  } catch (const std::exception& e) { why = e.what(); }
  send(from, frames::let_go{p.held});
  throw error("a value of " + std::to_string(p.size) + " bytes cannot be taken in: " + why);
}

bool node_core::start_pull(node_id from, const frames::payload& p, pull&& how) {
  const global_id what{from, p.held};
  if (pulling_.contains(what)) {
    if (how.undo) how.undo();
    throw error("it names the same bytes twice");
  }
  how.size = p.size;
  if (auto log = domain_.logging(); log && !is_log_of(from, p)) {
    how.logged = ++last_logged_;
    log->saw_node(log_event::pull, p.size, how.logged, to_text(from));
  }
  {
    std::lock_guard guard{pulling_mutex_};
    pulling_.emplace(what, std::move(how));
  }
  apply(pulls_.want(what, p.size, {from}, now()));
  return true;
}

std::optional<node_core::pull> node_core::take_pull(global_id what) {
  std::lock_guard guard{pulling_mutex_};
  auto found = pulling_.extract(what);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

void node_core::log_end(const pull& p, bool arrived) {
  if (p.logged == 0) return;
  if (auto log = domain_.logging()) log->saw_node(log_event::pulled, arrived ? 1 : 0, p.logged);
}

void node_core::leave_pull(global_id what) {
  const auto left = take_pull(what);
  if (!left) return;
  log_end(*left, false);
  apply(pulls_.leave(what, now()));
  send(what.maker, frames::let_go{what.number});
  if (left->undo) left->undo();
}

void node_core::apply(pulls::effects&& e) {
  for (const auto& c : e.requests)
    send(c.peer, frames::chunk_wanted{c.object.number, c.number, c.offset, c.length});
  for (const auto& end : e.ended)
    if (const auto done = take_pull(end.object)) {
      log_end(*done, !end.lost);
      send(end.object.maker, frames::let_go{end.object.number});
      done->then(!end.lost);
    }
}

// Whether it was asked for is looked at afterwards: what nobody asked for can only spoil the value of
// the very node that has sent it.
void node_core::take_chunk(node_id from, std::span<const char> item) {
  frames::chunk_header head;
  const std::uint64_t length = item.size() - std::min(item.size(), sizeof head);
  if (item.size() >= sizeof head) std::memcpy(&head, item.data(), sizeof head);
  {
    std::lock_guard guard{pulling_mutex_};
    const auto found = pulling_.find({from, head.held});
    if (found != pulling_.end() && length > 0 && length <= found->second.size &&
        head.offset <= found->second.size - length)
      found->second.take(head.offset, item.subspan(sizeof head));
  }
  post([from, head, length](node_core& n) { n.chunk_arrived(from, head, length); });
}

void node_core::chunk_arrived(node_id from, const frames::chunk_header& head,
                              std::uint64_t length) {
  if (!links_.contains(from)) return;
  if (length == 0) return malformed(from, "an empty chunk");
  apply(pulls_.arrived({from, {from, head.held}, head.number, head.offset, length}, now()));
}

void node_core::on(node_id from, frames::chunk_refused&& f) {
  apply(pulls_.refused(from, f.number, now()));
}

// ---- refs ---------------------------------------------------------------------------------------

void node_core::fetch(object& o) noexcept {
  post([o = &o](node_core& n) { n.want_object(o); });
}

void node_core::want_object(object* o) {
  if (const auto rests = resting_.find(o); rests != resting_.end())
    return apply(lineage_.wanted(rests->second));
  if (const auto s = objects_->wanted(o)) ask_for(*s);
}

void node_core::ask_for(const shared_objects::sought& s) {
  const global_id id = s.object;
  if (s.copy) {
    if (links_.contains(*s.copy)) return send(*s.copy, frames::want{id});
    return on(*s.copy, frames::have{id, false, {}, {}});
  }
  if (s.at && links_.contains(s.at->maker)) return send(s.at->maker, frames::want{*s.at});
  if (s.at) (void)objects_->not_at(*s.at);
  if (links_.contains(id.maker)) return send(id.maker, frames::want{id});
  on(id.maker, frames::have{id, false, {}, {}});
}

void node_core::on(node_id from, frames::want&& f) {
  auto found = objects_->own(f.object);
  if (!found.o && send_of_copy(from, f.object)) return;
  if (!found.o) found = objects_->stand_in(f.object);
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
  if (take_inside(from, f) || take_made(from, f)) return;
  if (!f.known) {
    if (const auto s = objects_->not_at(f.object)) return ask_for(*s);
    if (const auto s = objects_->no_copy(f.object, from)) return ask_for(*s);
    if (lose_given(f.object)) return;
  }
  if (!f.known || (f.object.maker != from && !objects_->is_copy_asked(f.object, from))) {
    (void)objects_->arrived(from, std::move(f.what.refs));  // its sender has counted them
    if (f.what.held != 0) send(from, frames::let_go{f.what.held});
    const auto found = objects_->to_settle(f.object, true);
    if (!found.o) return;
    put_failure(*found.o, failure::make(failure::kind::lost, "another node's",
                                        "object " + std::to_string(f.object.number) + " of node " +
                                            to_text(f.object.maker) +
                                            " is lost: that node has it no more, or is gone"));
    return found.o->drop();
  }
  if (f.what.flat) return have_flat(from, f);
  if (f.how == frames::came::value) note_inside(from, f.object, f.what);
  auto refs = objects_->arrived(from, std::move(f.what.refs), f.object);
  const auto have = std::make_shared<frames::have>(std::move(f));
  try {
    (void)unpack(from, have->what, [this, from, have, refs](std::vector<char>* bytes) {
      if (!bytes)
        if (const auto s = objects_->no_copy(have->object, from)) return ask_for(*s);
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
        if (!why) why = died_with(have->object);
        put_failure(*found.o, why);
        return found.o->drop();
      }
      on_a_worker(domain_, found.o,
                  [objects = objects_, type = found.type, refs,
                   kept = std::make_shared<std::vector<char>>(std::move(*bytes))](object& o) {
                    objects->unpack(o, *type, *kept, refs.get());
                  });
    });
  } catch (const error& e) {
    const auto found = objects_->to_settle(have->object);
    if (!found.o) return;
    put_failure(*found.o, failure::make(failure::kind::thrown, "another node's", e.what()));
    found.o->drop();
  }
}

void node_core::have_flat(node_id from, const frames::have& f) {
  const auto found = objects_->to_settle(f.object);
  if (!found.o) return send(from, frames::let_go{f.what.held});
  object* const o = found.o;
  try {
    (void)unpack_flat(from, f.what, *found.type, o->storage(),
                      [this, from, o, id = f.object](bool arrived) {
                        if (arrived) put_object(o);
                        else if (const auto s = objects_->not_whole(o, from)) ask_for(*s);
                        else put_failure(*o, died_with(id));
                        o->drop();
                      });
  } catch (const error& e) {
    put_failure(*o, failure::make(failure::kind::thrown, "another node's", e.what()));
    o->drop();
  }
}

void node_core::on(node_id from, frames::borrowing&& f) {
  if (f.kind > borrows::message::passed) return malformed(from, "a message about a ref");
  objects_->arrived(from,
                    {static_cast<borrows::message::kind>(f.kind), id_, f.object, f.count, f.via});
  send_messages();
}

// To a node that is gone: it would have said that it has nothing.
void node_core::send_messages() {
  for (const auto& s : objects_->take_moved()) ask_for(s);
  for (auto all = objects_->take_messages(); !all.empty(); all = objects_->take_messages())
    for (const auto& m : all) {
      if (links_.contains(m.to))
        send(m.to, frames::borrowing{static_cast<std::uint8_t>(m.is), m.object, m.count, m.via});
      else if (m.is == borrows::message::claim)
        objects_->arrived(m.to, {borrows::message::not_there, id_, m.object, 0, m.via});
    }
}

}  // namespace troupe::detail
