// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <troupe/app.hpp>

//   learner --candidate(n)--> rollout --add()--> learner --candidate(n)--> rollout ...
//
// The cross-entropy method (R. Y. Rubinstein, D. P. Kroese, "The Cross-Entropy Method", 2004) looks
// for a policy that balances a pole on a cart (A. G. Barto, R. S. Sutton, C. W. Anderson, "Neuronlike
// Adaptive Elements That Can Solve Difficult Learning Control Problems", 1983). The learner is an
// actor that draws candidates and learns from the best of a generation; rollouts are tasks. It is
// told of each as soon as it is done, in any order, and sorts them: a seed has one outcome.
namespace {

namespace app = troupe::app;

void run(app::context& app);
void check(const app::settings& values, app::complaints& wrong);

app::workflow search{"search", "Searches for a policy that balances a pole on a cart.", run, check};
const auto candidates = search.integer("candidates", 64, "how many policies a generation tries")
                            .at_least(2)
                            .at_most(100'000);
const auto elite =
    search.integer("elite", 8, "so many of the best make the next generation").at_least(2);
const auto episodes =
    search.integer("episodes", 8, "how often a candidate tries").at_least(1).at_most(100'000);
const auto steps = search.integer("steps", 500, "an episode's end, if the pole stands")
                       .at_least(1)
                       .at_most(1'000'000);
const auto held_out = search.integer("held_out", 200, "episodes that judge the policy in the end")
                          .at_least(1)
                          .at_most(1'000'000);
const auto score =
    search.number("score", 495, "an error if it balances for fewer steps in the mean").at_least(0);
const auto generations =
    search.integer("generations", 10, "so many generations").at_least(1).at_most(100'000);
const auto seed =
    search.integer("seed", 1, "of everything that is drawn").at_least(0).at_most(4'294'967'295);

std::mt19937_64 chance(std::int64_t seed, std::int64_t generation, std::int64_t number) {
  std::seed_seq all{seed, generation, number};
  return std::mt19937_64(all);
}

// ---- the problem, in SI units

using policy = std::array<double, 4>;  // the force is their product with the state, at most 10 N

struct state {
  double x, speed, angle, turning;
};

state after_step(state s, double force) {
  constexpr double gravity = 9.8, cart = 1, pole = 0.1, half_length = 0.5, time = 0.02;
  const double sine = std::sin(s.angle), cosine = std::cos(s.angle);
  const double push = (force + pole * half_length * s.turning * s.turning * sine) / (cart + pole);
  const double swing = (gravity * sine - cosine * push) /
                       (half_length * (4.0 / 3 - pole * cosine * cosine / (cart + pole)));
  const double thrust = push - pole * half_length * swing * cosine / (cart + pole);
  return {s.x + time * s.speed, s.speed + time * thrust, s.angle + time * s.turning,
          s.turning + time * swing};
}

// So many steps it stands, from somewhere near the middle.
std::int64_t balance(const policy& p, std::mt19937_64& from, std::int64_t steps) {
  std::uniform_real_distribution<double> near(-0.2, 0.2);
  state s{near(from), near(from), near(from), near(from)};
  std::int64_t n = 0;
  for (; n < steps && std::abs(s.x) < 2.4 && std::abs(s.angle) < 0.21; ++n) {
    const double force = p[0] * s.x + p[1] * s.speed + p[2] * s.angle + p[3] * s.turning;
    s = after_step(s, std::clamp(force, -10.0, 10.0));
  }
  return n;
}

// ---- the task

struct trial {
  std::int64_t number;
  policy tried;
  double score;  // steps, in the mean
};

trial rollout(std::int64_t number, const policy& p, std::mt19937_64 from, std::int64_t episodes,
              std::int64_t steps) {
  std::int64_t sum = 0;
  for (std::int64_t e = 0; e < episodes; ++e) sum += balance(p, from, steps);
  return {number, p, static_cast<double>(sum) / static_cast<double>(episodes)};
}

// ---- the actor

struct progress {
  std::int64_t generation;
  double best, mean;  // scores of its candidates
};

class learner {
public:
  learner(std::int64_t seed, std::size_t candidates, std::size_t elite)
      : seed_(seed),
        candidates_(candidates),
        elite_(elite) {
    deviation_.fill(10);
  }

  policy candidate(std::int64_t number) const {
    auto from = chance(seed_, done_.generation + 1, number);
    std::normal_distribution<double> normal;
    policy p = mean_;
    for (std::size_t i = 0; i < p.size(); ++i) p[i] += deviation_[i] * normal(from);
    return p;
  }

  void add(const trial& t) {
    trials_.push_back(t);
    if (trials_.size() == candidates_) learn();
  }

  progress done() const { return done_; }
  policy best_guess() const { return mean_; }

private:
  void learn() {
    std::sort(trials_.begin(), trials_.end(), [](const trial& a, const trial& b) {
      return a.score != b.score ? a.score > b.score : a.number < b.number;
    });
    double sum = 0;
    for (const auto& t : trials_) sum += t.score;
    done_ = {done_.generation + 1, trials_[0].score, sum / static_cast<double>(candidates_)};
    const auto n = static_cast<double>(elite_);
    trials_.resize(elite_);
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      double first = 0, second = 0;
      for (const auto& t : trials_) first += t.tried[i] / n;
      for (const auto& t : trials_) second += std::pow(t.tried[i] - first, 2) / n;
      mean_[i] = first;
      deviation_[i] = std::sqrt(second);
    }
    trials_.clear();
  }

  std::int64_t seed_;
  std::size_t candidates_, elite_;
  policy mean_{}, deviation_{};
  std::vector<trial> trials_;  // of the generation that is under way
  progress done_{};
};

// ---- the workflow

std::string to_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", x);
  return text;
}

void run(app::context& app) {
  auto& rt = app.rt();
  const auto learning = rt.actor<learner>(app[seed], static_cast<std::size_t>(app[candidates]),
                                          static_cast<std::size_t>(app[elite]));
  for (std::int64_t g = 1; g <= app[generations]; ++g) {
    std::vector<troupe::ref<trial>> rollouts;
    for (std::int64_t n = 1; n <= app[candidates]; ++n)  // all from the same beginnings
      rollouts.push_back(rt.submit<rollout>(n, learning.call<&learner::candidate>(n),
                                            chance(app[seed], g, 0), app[episodes], app[steps]));
    for (const auto& r : rt.as_completed(std::move(rollouts)))
      app.get(learning.call<&learner::add>(r));
    const auto made = app.get(learning.call<&learner::done>());
    app::note("generation " + std::to_string(made.generation) + ": best " + to_text(made.best) +
              ", mean " + to_text(made.mean));
  }

  const auto found = learning.call<&learner::best_guess>();
  std::vector<troupe::ref<trial>> judged;  // generation 0 was never tried
  for (std::int64_t n = 1; n <= app[held_out]; ++n)
    judged.push_back(rt.with({.name = "judge"})
                         .submit<rollout>(n, found, chance(app[seed], 0, n), 1, app[steps]));
  double sum = 0;
  for (const auto& t : app.get(judged)) sum += t.score;
  const double mean = sum / static_cast<double>(judged.size());
  const auto& p = app.get(found);
  char text[160];
  std::snprintf(text, sizeof text, "force = %.2f x %+.2f x' %+.2f a %+.2f a'", p[0], p[1], p[2],
                p[3]);
  app.out() << text << "\nThe pole stands for " << to_text(mean) << " of " << app[steps]
            << " steps in the mean of " << app[held_out] << " episodes that it had not seen\n";
  if (mean < app[score])
    throw std::runtime_error(
        "that is less than search.score: raise search.generations or "
        "search.candidates, or try another search.seed");
}

void check(const app::settings& values, app::complaints& wrong) {
  if (values[elite] > values[candidates])
    wrong.about(elite, "is more than there are candidates (search.candidates)");
  if (values[score] > static_cast<double>(values[steps]))
    wrong.about(score, "is more than an episode has (search.steps)");
}

}  // namespace
