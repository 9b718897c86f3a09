// SPDX-License-Identifier: MIT
// Where tasks go that do not run here: other nodes, as far as a task knows of them.
//
//   queued --taken by the node--> away --reply--> (read by run) --> settled
//   pending --must leave, or an input's value is elsewhere--> away --come back--> run here
//                                 away --its value is there--> rests --fetched, or lost--> settled, or run
//                                  `--recall--> asked to end, or the node has gone
#pragma once
#include <troupe/detail/wire.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::detail {

class failure;
class task;
struct hosted;
struct object;

// What came of a task that was away.
struct away_reply {
  enum kind : unsigned char {
    none,
    value,     // `bytes`, with refs that are found by `refs`
    in_place,  // the value is in its object's storage
    failed     // `why`, with a reference
  };
  kind is = none;
  std::vector<char> bytes;
  std::shared_ptr<ref_source> refs;
  const failure* why = nullptr;
  // Of an actor's call: its instance is not to be used again. unbegun: and it has not seen the call.
  bool broke = false, unbegun = false;
  bool keep =
      false;  // the call, once the value has been read: refs in that value name what it has made
};

// Any thread may call. Each task that was given away is answered exactly once (task::bring), by its
// reply, by none at all (then it runs here), or by a failure.
class outside {
public:
  virtual ~outside() = default;
  // It cannot run here, or the values of some inputs lie elsewhere. It has set out.
  virtual void offer(task& t) noexcept = 0;
  // It is to come back: it gets its answer, if it has none, and one more.
  virtual void recall(task& t) noexcept = 0;
  // Its reply said that its call is to be kept: it is, and waits to be brought once more; or it is not.
  virtual void keeps_call(task& t, bool kept) noexcept = 0;
  // Its value is in place: it is put once so many nodes in all have it, or it fails. Takes a reference.
  virtual void replicate(object* o, const value_codec& type, unsigned nodes) noexcept = 0;
  // A task that it serves waits for objects (or does so no more): there is room for others.
  virtual void served_waits(bool begins) noexcept = 0;
  // Somebody waits for an object whose value is on another node: it is put when it has come.
  virtual void fetch(object& o) noexcept = 0;
  // Where the task is, or what it waits for there, in words; empty: not away.
  virtual std::string whereabouts_of(const task& t) = 0;
  // The same of an object; empty: it is of no other node.
  virtual std::string whereabouts_of(object& o) = 0;
  // The instance of an actor that is elsewhere, if it has one, is to be destroyed.
  virtual void end_instance(hosted& h) noexcept = 0;
};

// Thrown by a body's stand-in: it has failed elsewhere.
struct brought {
  const failure* why;
  bool broke = false, unbegun = false;  // as in the reply
};

// Of a task that was sent away, or has to be.
struct away_state {
  std::shared_ptr<outside> where;
  away_reply reply;
  bool must_leave = false;
  // It has settled, and has been counted out: its value is on another node (so that node has said,
  // before it was brought), or its call is kept.
  bool rests = false;
  bool keeps_call = false;
};

}  // namespace troupe::detail
