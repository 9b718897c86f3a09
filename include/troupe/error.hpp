// SPDX-License-Identifier: MIT
// Errors are values that travel: what a task failed with is its object's outcome, and reaches
// everyone who asks for the value.
#pragma once
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

// The base of all that Troupe throws, but std::bad_alloc. Thrown as itself: a call that means
// nothing (its text says what to do instead), like any use of a ref that names nothing.
//
// Those that settle a task (task_error, cancelled, deadline_exceeded, timed_out, deadlock, actor_died,
// lost, poisoned) keep their type on the way through dependants and through bodies that let them pass.
class error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

// A body threw. what() tells the whole story: who failed first, with which text, and through which
// tasks it came here. Copies share the story; reading it is thread-safe.
class task_error : public error {
public:
  struct story {
    std::string task;              // who failed first
    std::string text;              // what it said
    std::vector<std::string> via;  // the tasks that the error passed on its way here, the first one
                                   // first (the middle of a long way is left out)
    std::exception_ptr original;   // what was thrown, in the process where it was thrown
    std::shared_ptr<const void> failure;  // how it goes on if a body lets it pass; not for users
  };
  explicit task_error(story s);

  // The name of the task that failed first.
  const std::string& task() const noexcept { return story_->task; }
  // What that task's exception said; for one that is no std::exception, the name of its type.
  const std::string& text() const noexcept { return story_->text; }
  const std::vector<std::string>& via() const noexcept { return story_->via; }
  const std::exception_ptr& original() const noexcept { return story_->original; }
  // Whether the original exception is an E (or derived from it).
  template <class E> bool is() const {
    if (!original()) return false;
    try {
      std::rethrow_exception(original());
    } catch (const E&) { return true; } catch (...) {
      return false;
    }
  }
  // All of it; valid as long as a copy of this error lives.
  const story& tell() const noexcept { return *story_; }

private:
  std::shared_ptr<const story> story_;
};

// The task was asked to end (cancel, or its runtime stopped or ended) before it had a value. Whoever
// waits in such a task or runtime meets it too, and so does a submit there.
class cancelled : public error {
public:
  using error::error;
};

// The task's own deadline (task_options) settled it; or its body threw this.
class deadline_exceeded : public error {
public:
  using error::error;
};

// Only this wait gave up; the task goes on.
class timed_out : public error {
public:
  using error::error;
};

// A wait that nobody will answer: of tasks that wait on each other in a ring (docs/seeing.md), which
// what() tells; and in a simulation, or on CAF's deterministic scheduler, of the program when nothing
// can go on.
class deadlock : public error {
public:
  using error::error;
};

// Thrown by a method (or a constructor) of a stateful actor to say that its state is not to be used
// again. The call fails with a task_error of this; the actor is made again if it has restarts left.
class actor_broken : public error {
public:
  using error::error;
};

// An object was on a node that is gone, and nothing is left to make it again from.
class lost : public error {
public:
  using error::error;
};

// The nodes that ran the task died of it, three times. what() names them.
class poisoned : public error {
public:
  using error::error;
};

// A call of an actor that broke and has no restarts left. what() tells each break.
class actor_died : public error {
public:
  using error::error;
};

}  // namespace troupe
