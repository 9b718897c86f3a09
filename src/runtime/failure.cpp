// SPDX-License-Identifier: MIT
#include "runtime/failure.hpp"

#include <troupe/error.hpp>
#include <troupe/ref.hpp>

#include <cxxabi.h>

#include <cstdlib>

namespace troupe {

namespace {
std::string whole(const task_error::story& s) {
  std::string text = "task '" + s.task + "' failed: " + s.text;
  for (std::size_t i = 0; i < s.via.size(); ++i)
    text += (i == 0 ? "; it came here through '" : ", '") + s.via[i] + "'";
  return text;
}
}  // namespace

task_error::task_error(story s)
    : error(whole(s)),
      story_(std::make_shared<const story>(std::move(s))) {}

namespace detail {

std::string name_of_type(const std::type_info& type) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> name{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free};
  return name ? name.get() : type.name();
}

namespace {
std::string name_of_thrown() {  // inside a catch block
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type ? "an exception of type " + name_of_type(*type) : "an exception of unknown type";
}
}  // namespace

const failure* failure::make(kind k, std::string_view task, std::string text) {
  auto f = new failure;
  f->kind_ = k;
  f->task_ = task;
  f->text_ = std::move(text);
  return f;
}

const failure* failure::of_exception(std::string_view task, std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const task_error& e) {  // let pass by a body: the story goes on
    if (auto cause = static_cast<const failure*>(e.tell().failure.get()))
      return through(*cause, task);
    auto f = const_cast<failure*>(make(kind::thrown, task, e.what()));
    f->original_ = std::move(thrown);
    return f;
  } catch (const cancelled& e) {
    return make(kind::cancelled, task, e.what());
  } catch (const deadline_exceeded& e) {
    return make(kind::deadline_exceeded, task, e.what());
  } catch (const timed_out& e) {
    return make(kind::timed_out, task, e.what());
  } catch (const deadlock& e) {
    return make(kind::deadlock, task, e.what());
  } catch (const actor_died& e) {
    return make(kind::actor_died, task, e.what());
  } catch (const lost& e) { return make(kind::lost, task, e.what()); } catch (const poisoned& e) {
    return make(kind::poisoned, task, e.what());
  } catch (const std::exception& e) {
    auto f = const_cast<failure*>(make(kind::thrown, task, e.what()));
    f->original_ = std::move(thrown);
    return f;
  } catch (...) {
    auto f = const_cast<failure*>(make(kind::thrown, task, name_of_thrown()));
    f->original_ = std::move(thrown);
    return f;
  }
}

const failure* failure::through(const failure& cause, std::string_view task) {
  auto f = const_cast<failure*>(make(cause.kind_, cause.task_, cause.text_));
  f->original_ = cause.original_;
  f->passed_ = cause.passed_ + 1;
  f->last_ = task;
  f->via_ = cause.via_;
  if (f->passed_ <= most_names) {
    auto more = std::make_shared<names>(cause.via_ ? *cause.via_ : names{});
    more->emplace_back(task);
    f->via_ = std::move(more);
  }
  return f;
}

void failure::raise() const {
  switch (kind_) {
    case kind::cancelled: throw cancelled(text_);
    case kind::deadline_exceeded: throw deadline_exceeded(text_);
    case kind::timed_out: throw timed_out(text_);
    case kind::deadlock: throw deadlock(text_);
    case kind::actor_died: throw actor_died(text_);
    case kind::lost: throw lost(text_);
    case kind::poisoned: throw poisoned(text_);
    case kind::thrown: break;
  }
  task_error::story s{task_, text_, via_ ? *via_ : names{}, original_, {}};
  if (passed_ > most_names) {
    if (passed_ > most_names + 1)
      s.via.push_back("... " + std::to_string(passed_ - most_names - 1) + " more ...");
    s.via.push_back(last_);
  }
  retain();
  s.failure = std::shared_ptr<const void>(
      this, [](const void* p) { static_cast<const failure*>(p)->release(); });
  throw task_error(std::move(s));
}

namespace {
struct sent_failure {
  std::uint8_t kind = 0;
  std::string task, text;
  std::vector<std::string> via;
  std::uint64_t passed = 0;
  std::string last;
};
}  // namespace

void failure::write(encoder& to) const {
  to.value(sent_failure{static_cast<std::uint8_t>(kind_), task_, text_, via_ ? *via_ : names{},
                        passed_, last_});
}

const failure* failure::read(decoder& from) {
  auto sent = from.value<sent_failure>();
  if (sent.kind > static_cast<std::uint8_t>(kind::poisoned) || sent.via.size() > most_names)
    from.fail("a failure", "another one");
  auto f =
      const_cast<failure*>(make(static_cast<kind>(sent.kind), sent.task, std::move(sent.text)));
  if (!sent.via.empty()) f->via_ = std::make_shared<const names>(std::move(sent.via));
  f->passed_ = sent.passed;
  f->last_ = std::move(sent.last);
  return f;
}

std::string failure::story() const {
  return kind_ == kind::thrown ? "'" + task_ + "': " + text_ : text_;
}

void throw_outcome(const object& o) { static_cast<const failure*>(o.value)->raise(); }
void throw_unsettled() { throw error("value() of a ref that has not settled: get() waits for it"); }
void throw_no_copy() {
  throw error(
      "the value cannot be copied and other refs to it exist: take it with get(std::move(ref)) "
      "from the only ref, or look at it with get(ref)");
}

}  // namespace detail
}  // namespace troupe
