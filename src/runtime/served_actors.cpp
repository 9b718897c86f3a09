// SPDX-License-Identifier: MIT
#include "runtime/served_actors.hpp"

#include <new>
#include <string>
#include <utility>

namespace troupe::detail {

std::shared_ptr<const void> read_snapshot(const value_codec& type, decoder& from) {
  const auto free = [align = std::align_val_t{type.holds->align}](void* p) {
    ::operator delete(p, align);
  };
  std::unique_ptr<void, decltype(free)> place{
      ::operator new (type.holds->size, std::align_val_t{type.holds->align}), free};
  type.read(from, place.get());
  return {place.release(), [destroy = type.holds->destroy, free](void* p) {
            if (destroy) destroy(p);
            free(p);
          }};
}

hosted* instance_of(const served_turn& t) { return t.of.get(); }

void take_snapshot_in(served_turn& t, arrived_call& from) {
  std::size_t end;
  {
    decoder in{from.bytes, from.refs.get()};
    in.array(2, "what an actor is made from");
    if (!in.skip_nil()) {
      const value_codec* type = t.of->type->snapshot;
      const auto bytes = in.binary();
      if (!type) in.fail("no snapshot", "one");
      decoder snapshot{bytes, from.refs.get()};
      t.of->snapshot = read_snapshot(*type, snapshot);
      snapshot.finish();
    }
    end = in.position();
  }
  from.bytes.erase(from.bytes.begin(), from.bytes.begin() + static_cast<std::ptrdiff_t>(end));
}

void has_made(served_turn& t) {
  served_instance& i = *t.of;
  if (i.snapshot) i.type->restore(i);
  i.snapshot.reset();
  i.is_made.store(true);
}

// Of several that run at a time the last one to end has seen what the others did. A snapshot that
// throws breaks its actor: what it was is not known any more.
void has_run(served_turn& t) {
  if (!t.saves) return;
  served_instance& i = *t.of;
  const auto number = i.changes.fetch_add(1) + 1;
  if (number % i.snapshot_every != 0) return;
  try {
    t.snapshot = i.type->save(i.instance);
    t.number = number;
  } catch (...) {
    t.broke = true;
    t.no_snapshot =
        failure::of_exception(std::string(i.type->name) + "::snapshot", std::current_exception());
  }
}

void has_broken(served_turn& t) { t.broke = true; }

void served_turn::write(encoder& to) const {
  to.array(3);
  to.integer(number);
  if (no_snapshot) no_snapshot->write(to);
  else if (snapshot) to.nested(snapshot.get(), *of->type->snapshot);
  else to.nil();
}

}  // namespace troupe::detail
