// SPDX-License-Identifier: MIT
#include "actors/seat.hpp"
#include "actors/task.hpp"
#include "runtime/domain.hpp"
#include "testing/history.hpp"
#include "testing/invariants.hpp"
#include "testing/random.hpp"

#include <troupe/caf.hpp>
#include <troupe/testing.hpp>

#include <caf/atom.hpp>
#include <caf/logger.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <new>
#include <optional>

namespace troupe::testing {

namespace {
constexpr std::string_view own_points[] = {"body", "memory", "stack", "clock", "slow"};
constexpr std::int64_t most_late = 100'000'000;  // ns

struct weakness {
  double probability = 0;
  std::size_t failures = 0;
};

thread_local std::vector<troupe::detail::watcher*> mine;
}  // namespace

namespace detail {
std::atomic<std::size_t> simulations_alive{0};
}

class simulation::inside final : public troupe::detail::watcher {
public:
  inside(std::uint64_t seed, runtime_options options)
      : seed(seed),
        turns_(seed),
        faults_(~seed),
        user_(seed ^ 0x7472'6f75'7065),
        looks_(seed ^ 0x6c6f'6f6b) {
    if (troupe::detail::seat::mine().running)
      throw error("a simulation inside a task would never get a turn: make it in the program");
    if (options.workers != 0)
      throw error("runtime_options.workers: a simulation runs on the one thread that calls it");
    config_.set("scheduler.policy", caf::atom("testing"));
    config_.set("scheduler.max-threads", std::size_t{4});  // not this machine's
    config_.by = this;
    system_.emplace(config_);
    caf::logger::set_current_actor_system(nullptr);
    runtime.emplace(*system_, std::move(options));
  }

  // ---- watcher
  bool attach(troupe::detail::domain& d) noexcept override {
    if (domain) return false;  // another runtime of the same actor system
    domain = &d;
    return true;
  }
  void saw(troupe::detail::moment what, const troupe::detail::task& t,
           std::int64_t number) noexcept override {
    if (what >= troupe::detail::moment::asks) return;
    past.task(now(), what, t, number);
  }
  void saw_put(const troupe::detail::object&) noexcept override { past.put(now()); }
  void saw_input(const troupe::detail::task&, const troupe::detail::object&) noexcept override {}
  void saw_wait(const troupe::detail::task*, const troupe::detail::object&) noexcept override {}
  void saw_made(const troupe::detail::object& o) noexcept override { past.made(o); }
  void saw_gone(const troupe::detail::object& o) noexcept override { past.gone(o); }
  void saw_unmade(const troupe::detail::object& o) noexcept override { past.unmade(o); }
  void saw_time(std::int64_t) noexcept override { past.time(now()); }
  void turn() override {
    ++steps;
    if (check_every != 0 && (steps % check_every == 0 || domain->runnable() == 0)) check();
  }
  // A seed has a mood: any job, or mostly the youngest, or mostly the oldest. What is left lying for
  // long meets others than what has its turn soon.
  std::size_t choose_job(std::size_t n) noexcept override {
    if (n == 1) return 0;
    const std::uint64_t x = turns_.below(n << 3);
    if (mood_ == mood::any || (x & 7) == 0) return static_cast<std::size_t>(x >> 3);
    const std::size_t near = std::min<std::size_t>((x & 7) / 3, n - 1);  // 0, 0, 1, 1, 1, 2, 2
    return mood_ == mood::oldest ? near : n - 1 - near;
  }
  std::size_t choose_shard(std::size_t n) noexcept override {
    return static_cast<std::size_t>(turns_.below(n));
  }
  bool fails(troupe::detail::weak_point where) noexcept override {
    const auto i = static_cast<std::size_t>(where);
    return own_[i].probability > 0 && strikes(own_[i], own_points[i]);
  }
  void may_fail(troupe::detail::weak_point where) override {
    if (!fails(where)) return;
    if (where == troupe::detail::weak_point::memory) throw std::bad_alloc();
    raise(own_points[static_cast<std::size_t>(where)]);
  }
  std::int64_t lateness() noexcept override {
    return fails(troupe::detail::weak_point::clock)
               ? 1 + static_cast<std::int64_t>(faults_.below(most_late))
               : 0;
  }

  // Now and then; not from the same numbers as the turns.
  bool looks() noexcept override { return looks_.below(512) == 0; }

  // ---- simulation
  weakness& at(std::string_view point) {
    const auto own = std::find(std::begin(own_points), std::end(own_points), point);
    if (own != std::end(own_points))
      return own_[static_cast<std::size_t>(own - std::begin(own_points))];
    return users_.try_emplace(std::string{point}).first->second;
  }
  void reach(std::string_view point) override {
    const auto found = users_.find(point);
    if (found != users_.end() && found->second.probability > 0 && strikes(found->second, point))
      raise(point);
  }
  std::int64_t now() const { return domain ? domain->clock().now() : ended_at_; }
  void check() const {
    try {
      if (domain) return detail::check_invariants(*domain, past);
      if (!past.broken().empty()) throw std::logic_error(past.broken());
      if (past.counts().ended != past.counts().submitted)
        throw std::logic_error("every task has ended when the runtime has");
    } catch (const std::logic_error& e) {
      throw error("simulation of seed " + std::to_string(seed) + ", after " +
                  std::to_string(steps) + " steps: this does not hold: " + e.what());
    }
  }
  void end() {
    if (!runtime) return;
    past.over(now());
    runtime.reset();
    system_.reset();
  }
  void closing(std::int64_t at) noexcept override {
    ended_at_ = at;
    domain = nullptr;
  }
  std::uint64_t random() { return user_.next(); }

  const std::uint64_t seed;
  std::size_t steps = 0, check_every = 0;
  detail::history past;
  troupe::detail::domain* domain = nullptr;  // while it lives
  std::optional<troupe::runtime> runtime;

private:
  bool strikes(weakness& w, std::string_view point) {
    if (!faults_.chance(w.probability)) return false;
    ++w.failures;
    past.fault(now(), point);
    return true;
  }
  [[noreturn]] void raise(std::string_view point) const {
    throw fault("a fault at '" + std::string{point} + "', by seed " + std::to_string(seed));
  }

  enum class mood { any, youngest, oldest };
  static constexpr mood moods[] = {mood::any, mood::any, mood::youngest, mood::oldest};

  detail::random_numbers turns_, faults_, user_, looks_;
  const mood mood_ = moods[turns_.below(4)];
  std::array<weakness, std::size(own_points)> own_{};
  std::map<std::string, weakness, std::less<>> users_;
  std::int64_t ended_at_ = 0;
  troupe::detail::watched_config config_;
  std::optional<caf::actor_system> system_;
};

simulation::simulation(seed_of seed, runtime_options options)
    : inside_(std::make_unique<inside>(seed.value, std::move(options))) {
  mine.push_back(inside_.get());
  detail::simulations_alive.fetch_add(1, std::memory_order_relaxed);
}
simulation::~simulation() {
  inside_->end();
  std::erase(mine, inside_.get());
  detail::simulations_alive.fetch_sub(1, std::memory_order_relaxed);
}

troupe::runtime& simulation::runtime() const {
  if (!inside_->runtime)
    throw error("the simulation's runtime has ended: call runtime() before end()");
  return *inside_->runtime;
}
std::uint64_t simulation::seed() const { return inside_->seed; }
duration simulation::now() const { return duration{inside_->now()}; }
bool simulation::step() { return inside_->domain && inside_->domain->step(); }
void simulation::run() {
  while (step()) {}
}
std::size_t simulation::steps() const { return inside_->steps; }
void simulation::end() { inside_->end(); }
void simulation::check() const { inside_->check(); }
void simulation::check_every(std::size_t turns) { inside_->check_every = turns; }
void simulation::fail(std::string_view point, double probability) {
  if (!(probability >= 0 && probability <= 1))
    throw error("fail('" + std::string{point} + "'): a probability lies between 0 and 1");
  inside_->at(point).probability = probability;
}
std::size_t simulation::failures(std::string_view point) const {
  return inside_->at(point).failures;
}
std::uint64_t simulation::random() { return inside_->random(); }
std::uint64_t simulation::random(std::uint64_t below) {
  if (below == 0) throw error("random(0): there is no number below 0");
  return inside_->random() % below;
}
std::string simulation::trace() const { return inside_->past.text(); }

void detail::reach(const char* name) {
  if (auto t = troupe::detail::seat::mine().running) {
    if (auto w = t->inside().watching()) w->reach(name);
  } else if (!mine.empty()) mine.back()->reach(name);
}

}  // namespace troupe::testing
