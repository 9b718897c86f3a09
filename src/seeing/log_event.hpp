// SPDX-License-Identifier: MIT
// What happens to tasks, 32 bytes for each event.
#pragma once
#include <cstdint>

namespace troupe::detail {

// Objects have addresses, which come again; tasks have numbers, which do not.
struct log_event {
  enum kind : std::uint8_t {
    submit,  // other: its parent (0: the program), number: its name
    out,     // other: the address of the object that it makes
    input,   // other: the address of an object
    put,     // other: the address of an object that no task makes
    asks,    // for resources
    queued,  // it could begin
    begin,   // other: on whose stack, in whose place (0: nobody's)
    park,
    resume,
    awaits,  // other: the address of an object that its body waits for, or (task 0) the program
    sleep,   // other: how long, in ns
    away,    // another node is to run it
    gives,   // its body has returned a ref, and is gone
    retry,
    settle,  // number: 0: a value; else 1 + its failure::kind
    end,
    // ---- between nodes; of those, `number` is a name: what to_text() makes of the other's id
    sent,      // other: the attempt that a node is to make
    served,    // other: the attempt of a node whose task this is
    lent,      // task: the object's number for other nodes, other: its address
    borrowed,  // task: its maker's number for it, other: the address of what stands for it here
    pull,      // bytes from there begin to come; task: how many, other: their number
    pulled,    // they are here, or (task 0) lost
    // ---- only once the logs of several nodes are one
    answered  // it has ended on its node, which has let its own know
  };
  std::int64_t at = 0;  // ticks; when it is read, ns since the log began
  std::uint64_t task = 0;
  std::uint64_t other = 0;
  std::uint32_t number = 0;
  std::uint16_t lane = 0;  // of the thread
  kind is = submit;
  std::uint8_t unused = 0;  // no byte of it is without a value: it travels as it is
};
static_assert(sizeof(log_event) == 32);

}  // namespace troupe::detail
