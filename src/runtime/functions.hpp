// SPDX-License-Identifier: MIT
// The functions of this program that calls from other nodes may name.
#pragma once
#include <troupe/export.hpp>
#include <troupe/options.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::detail {

class domain;

// Why a function is not the one that was called: it is not here, or has other types. Empty: it is.
struct found_function {
  const exported_function* function = nullptr;
  std::string why_not = {};
  bool other_types = false;  // it is not the one, but there is one of that name
};
// Any thread. types: as the caller knows them.
found_function find_function(std::string_view name, std::string_view types);

// Starts a task that runs it. Throws as submit.
struct serving {
  object* out = nullptr;  // with a reference; null: the runtime is at its bound
  std::uint64_t task = 0;
};
serving serve(domain& d, const exported_function& f, arrived_call call,
              const task_options* options);

}  // namespace troupe::detail
