// SPDX-License-Identifier: MIT
// How an object's outcome goes to a CAF actor that asked for it.
//
//   actor --get_object, get_value--> store_front        settled: the answer goes out at once; else
//   store_front spawns a result_wait --await--> resolver --ready--> result_wait --answer--> actor
//
// A result_wait holds a ref, and answers on a worker (deterministic scheduler: in a turn of its own),
// since copying a value and dropping a ref run a user's code.
#pragma once
#include "actors/caf_compat.hpp"

#include <troupe/caf.hpp>

#include <cstdint>
#include <string>

namespace troupe::detail {

// As the answer to `id` when the object has settled, or its runtime ends. Any thread; does not wait.
void answer_when_settled(wanted what, caf::strong_actor_ptr to, caf::message_id id);

// For a worker that may run nothing else: true if the job is such an answer; it has been given then.
bool run_if_answer(caf::resumable& job, caf::execution_unit& unit);

caf::actor make_store_front(caf::actor_system& system);
// Its monitors hear of it. It goes on to answer whoever keeps its handle.
void end_store_front(const caf::actor& front);

// For actor_system::render.
std::string render_error(std::uint8_t code, caf::atom_value category, const caf::message& context);

}  // namespace troupe::detail
