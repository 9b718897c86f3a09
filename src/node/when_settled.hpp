// SPDX-License-Identifier: MIT
// What a node does with an object once it has settled: on a worker's own stack, where users' codecs
// run.
#pragma once
#include <troupe/detail/object.hpp>

#include <functional>

namespace troupe::detail {

class domain;

// Takes over a reference of the object. `then` is called once; the object may be unsealed if the
// runtime ends. It must neither throw nor wait.
void when_settled(domain& d, object* o, std::function<void(object&)> then);
// The same at once, on a worker. For what has settled already, or is to be settled by `then`.
void on_a_worker(domain& d, object* o, std::function<void(object&)> then);

}  // namespace troupe::detail
