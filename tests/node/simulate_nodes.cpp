// SPDX-License-Identifier: MIT
// Random graphs on simulated nodes while these die, leave and lose each other (seeds.hpp).
#include "tests/node/random_graph.hpp"
#include "tests/node/simulated_cluster.hpp"
#include "tests/node/simulated_tally.hpp"
#include "tests/simulation/seeds.hpp"

#include <cstdio>
#include <stdexcept>

namespace {
using namespace graph_tasks;
using namespace std::chrono_literals;
using simulated::ms;
namespace detail = troupe::detail;

std::string text_of(const detail::frames::frame& all) {
  using namespace detail::frames;
  const auto payload_text = [](const payload& p) {
    std::string text;
    for (const auto& r : p.refs) text += " ref " + to_text(r.object) + (r.value ? "=" : "");
    return text + (p.held ? " held " + std::to_string(p.held) : "");
  };
  return std::visit(
      [&]<class F>(const F& f) -> std::string {
        if constexpr (std::is_same_v<F, run>)
          return "run " + std::to_string(f.attempt) + payload_text(f.call);
        else if constexpr (std::is_same_v<F, done>)
          return "done " + std::to_string(f.attempt) + payload_text(f.what);
        else if constexpr (std::is_same_v<F, handed_back>)
          return "handed_back " + std::to_string(f.attempt);
        else if constexpr (std::is_same_v<F, detail::frames::cancel>)
          return "cancel " + std::to_string(f.attempt);
        else if constexpr (std::is_same_v<F, want>) return "want " + to_text(f.object);
        else if constexpr (std::is_same_v<F, have>)
          return "have " + to_text(f.object) + payload_text(f.what);
        else if constexpr (std::is_same_v<F, let_go>) return "let_go " + std::to_string(f.held);
        else if constexpr (std::is_same_v<F, borrowing>)
          return "borrowing " + std::to_string(f.kind) + " " + to_text(f.object) + " " +
                 std::to_string(f.count);
        else return "frame " + std::to_string(frame(f).index());
      },
      all);
}

// Workers at fixed addresses, the program's node, and what befalls them.
class story {
public:
  // trace: gets the messages, if it is not null.
  story(std::uint64_t seed, std::string* trace) : seed_(seed), trace_(trace), all_(seed) {
    if (trace)
      all_.net().saw = [this](const char* what, const std::string& from, const std::string& to,
                              detail::lane l, std::span<const char> item) {
        std::string text = from + " " + what + " " + to;
        if (l == detail::lane::bulk) text += ": a chunk";
        else if (!item.empty()) {
          const std::vector<char> bytes{item.begin(), item.end()};
          text += ": " + text_of(troupe::decode<detail::frames::frame>(bytes));
        }
        note(text);
      };
    home_ = start("home", {}, false);
    for (std::size_t i = 0, n = 1 + all_.below(3); i < n; ++i)
      workers_.push_back(start("worker-" + std::to_string(i), {"far"}, true));
    wait("the nodes do not find each other",
         [&] { return all_.core(home_).nodes().size() == workers_.size(); });
  }

  std::size_t play() {
    for (std::size_t i = 0, n = all_.below(8); i < n; ++i)
      all_.at(all_.now() + chance(1500), [this] { befall(); });
    const bool another = all_.below(3) == 0;
    if (another) doomed();
    std::vector<simulated::tally_of_calls> tallies;
    for (std::size_t i = 0, n = all_.below(3); i < n; ++i)
      tallies.emplace_back(all_.runtime(home_), all_.below(3) == 0 ? much : 0, all_.below(2) == 0);
    std::vector<std::vector<planned>> plans;
    std::vector<std::vector<troupe::ref<number>>> results;
    for (std::size_t i = 0, n = 1 + all_.below(3); i < n; ++i) {
      plans.push_back(plan_of(static_cast<unsigned>(seed_ * 4 + i)));
      results.push_back(submit(all_.runtime(home_), plans.back(), true));
      for (auto& t : tallies) call_some(home_, t);
      const auto until = all_.now() + chance(300);
      (void)all_.run_until([&] { return all_.now() >= until; }, never);
    }
    for (auto& t : tallies) call_some(home_, t);
    for (auto& t : tallies)
      t.check(all_.runtime(home_), [&](const auto& result) {
        wait("a call has not settled", [&] { return result.settled(); });
      });
    tallies.clear();
    for (std::size_t i = 0; i < plans.size(); ++i)
      for (std::size_t k = 0; k < plans[i].size(); ++k) compare(plans[i], k, results[i][k]);
    results.clear();
    all_.net().heal();
    wait("a fault is under way", [&] { return under_way_ == 0; });
    wait("something is left", [&] {
      for (std::size_t i = 0; i < all_.nodes(); ++i)
        if (all_.lives(i) && !is_clean(all_.runtime(i).stats(), all_.core(i).status()))
          return false;
      return true;
    });
    for (std::size_t i = 0; i < all_.nodes(); ++i) all_.check(i);
    return all_.steps();
  }

private:
  static constexpr simulated::time never = simulated::never, longest = 120'000 * ms;
  simulated::time chance(std::uint64_t below) {
    return static_cast<simulated::time>(all_.below(below) * ms);
  }
  std::size_t start(const std::string& address, const std::vector<std::string>& labels,
                    bool serves) {
    note(address + " begins");
    return all_.start(
        address, labels,
        address == "home" ? std::vector<std::string>{} : std::vector<std::string>{"home"}, serves);
  }

  template <class F> void wait(const char* otherwise, F holds) {
    if (all_.run_until(holds, longest)) return;
    std::string text = otherwise;
    for (std::size_t i = 0; i < all_.nodes(); ++i)
      if (all_.lives(i)) text += "\n" + all_.core(i).status();
    throw std::runtime_error(text);
  }

  void compare(const std::vector<planned>& plan, std::size_t i, const troupe::ref<number>& result) {
    const auto wrong = [&](const std::string& what) {
      throw std::runtime_error("task " + std::to_string(i) + " of kind " +
                               std::to_string(plan[i].what) + ": " + what);
    };
    const expected& e = plan[i].gives;
    try {
      if (!all_.run_until([&] { return result.settled(); }, longest))
        wrong("it has not settled by " + std::to_string(all_.now() / ms) +
              " ms: " + all_.core(home_).status());
      const number value = all_.runtime(home_).get(result);
      if (e.failed >= 0) wrong("it has not failed");
      if (value != e.value) wrong("it has another value");
    } catch (const troupe::poisoned& error) {
      if (losses_ < 3) wrong(error.what());  // else it may have been with each
    } catch (const troupe::task_error& error) {
      if (error.text() != "node " + std::to_string(e.failed)) wrong(error.what());
    } catch (const troupe::error& error) { wrong(error.what()); }
  }

  // ---- faults
  void befall() {
    const std::size_t i = all_.below(workers_.size()), one = workers_[i],
                      other = all_.below(2) == 0 ? home_ : workers_[all_.below(workers_.size())];
    if (!all_.lives(one) || !all_.lives(other)) return;
    ++losses_;
    switch (all_.below(6)) {
      case 0: return replace(i, [&] { all_.kill(one); });
      case 1: return replace(i, [&] { all_.leave(one); });
      case 2:  // as a program does that was asked to end
        note("worker-" + std::to_string(i) + " drains");
        (void)all_.core(one).drain(0s);
        ++under_way_;
        return all_.at(all_.now() + chance(500), [this, i, one] {
          --under_way_;
          if (all_.lives(one)) replace(i, [&] { all_.leave(one); });
        });
      case 3:
        if (one != other) all_.net().cut(one, other);
        return note("cut " + std::to_string(one) + " from " + std::to_string(other));
      case 4:
        if (one != other) all_.net().garble(one, other);
        return note("garbled between " + std::to_string(one) + " and " + std::to_string(other));
      default:
        if (one != other) all_.net().block(one, other, chance(4000));
        note("no link between " + std::to_string(one) + " and " + std::to_string(other));
    }
  }
  // Another takes its place some time later.
  template <class F> void replace(std::size_t i, F end) {
    ++under_way_;
    note("worker-" + std::to_string(i) + " ends");
    end();
    all_.at(all_.now() + chance(500), [this, i] {
      --under_way_;
      workers_[i] = start("worker-" + std::to_string(i), {"far"}, true);
    });
  }
  // Another program, which dies before its tasks have ended.
  void doomed() {
    ++under_way_;
    const std::size_t node = start("doomed", {}, false);
    all_.at(all_.now() + chance(300), [this, node] {
      auto results = submit(all_.runtime(node), plan_of(static_cast<unsigned>(seed_ * 4 + 3)));
      const auto actor = std::make_shared<simulated::tally_of_calls>(all_.runtime(node), 0, true);
      call_some(node, *actor);
      all_.at(all_.now() + chance(1000), [this, node, actor, held = std::move(results)] {
        --under_way_;
        all_.kill(node);
      });
    });
  }
  void call_some(std::size_t node, simulated::tally_of_calls& t) {
    for (std::size_t i = all_.below(20); i > 0; --i) t.call(all_.below(1 << 20));
    if (all_.below(4) == 0) t.cancel_one(all_.runtime(node), all_.below(1 << 20));
  }

  void note(const std::string& text) {
    if (trace_) *trace_ += std::to_string(all_.now() / 1000) + " us  " + text + "\n";
  }

  const std::uint64_t seed_;
  std::string* const trace_;
  std::size_t home_ = 0;
  std::vector<std::size_t> workers_;
  int under_way_ = 0, losses_ = 0;
  simulated::cluster all_;
};

simulated::outcome play(std::uint64_t seed, bool with_trace) {
  works = false;
  much = 10'000;  // more than rides along
  export_all();
  simulated::outcome o;
  try {
    o.steps = story(seed, with_trace ? &o.trace : nullptr).play();
  } catch (const std::exception& e) { o.wrong = e.what(); }
  return o;
}
}  // namespace

int main(int argc, char** argv) {
  return simulated::play_seeds({"simulate_nodes", play, 200}, argc, argv);
}
