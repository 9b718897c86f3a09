// SPDX-License-Identifier: MIT
// Dynamic task graphs as actors: all of the library's door. Includes no CAF header.
#pragma once
#include <troupe/actor.hpp>
#include <troupe/completions.hpp>
#include <troupe/error.hpp>
#include <troupe/options.hpp>
#include <troupe/ref.hpp>
#include <troupe/runtime.hpp>
#include <troupe/stream.hpp>
#include <troupe/task.hpp>
#include <troupe/values.hpp>
