// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <functional>

namespace caf {
class abstract_actor;
}

namespace troupe::detail {

class domain;

// Throws troupe::error in a CAF actor's handler, whose worker a wait would block.
void refuse_handlers();
// Calls ask(me) with the actor of the calling task or thread, and waits until it has got n answers.
void await_answers(domain& d, std::size_t n, const std::function<void(caf::abstract_actor&)>& ask);

}  // namespace troupe::detail
