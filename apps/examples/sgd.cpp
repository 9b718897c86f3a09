// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <troupe/app.hpp>

//            weights()            apply(gradients)
//   server --+-----> gradient --+----> server     a server is an actor that keeps a range of the weights,
//   server --+-----> gradient --+----> server     a gradient a task on the next batch of a part of the data
//
// Stochastic gradient descent with parameter servers (M. Li et al., "Scaling Distributed Machine
// Learning with the Parameter Server", OSDI 2014), in rounds: a server takes the gradients of a
// round together, in the order of the parts. So the outcome depends neither on what was done first
// nor on how many workers and servers there are.
namespace {

namespace app = troupe::app;
using troupe::ref;
using numbers = std::vector<double>;

void run(app::context& app);
void check(const app::settings& values, app::complaints& wrong);

app::workflow sgd{"sgd", "Fits a linear model, its weights on parameter servers.", run, check};
const auto features =
    sgd.integer("features", 200, "how many weights the model has").at_least(1).at_most(10'000);
const auto parts =
    sgd.integer("parts", 8, "so many parts of the data; in each round a task for each")
        .at_least(1)
        .at_most(1'000);
const auto samples =
    sgd.integer("samples", 2'000, "how many samples a part has").at_least(1).at_most(1'000'000);
const auto batch = sgd.integer("batch", 100, "so many samples of each part a round looks at")
                       .at_least(1)
                       .at_most(1'000'000);
const auto servers =
    sgd.integer("servers", 4, "how many servers share the weights").at_least(1).at_most(1'000);
const auto noise =
    sgd.number("noise", 0.1, "the standard deviation of what no model explains").at_least(0);
const auto rate = sgd.number("rate", 0.05, "how far a round goes against the gradient").at_least(0);
const auto loss =
    sgd.number("loss", 0.0125, "done when the mean squared error is no more than this").at_least(0);
const auto rounds = sgd.integer("rounds", 200, "an error if it takes more rounds than this")
                        .at_least(1)
                        .at_most(1'000'000);
const auto every =
    sgd.integer("every", 10, "the loss is measured after so many rounds").at_least(1);
const auto seed =
    sgd.integer("seed", 1, "of the data and the true weights").at_least(0).at_most(4'294'967'295);

struct part {
  numbers x, y;  // of each sample: its features, one after the other, and its value
};

std::mt19937_64 chance(std::int64_t seed, std::size_t stream) {
  std::seed_seq both{static_cast<std::uint64_t>(seed), std::uint64_t{stream}};
  return std::mt19937_64(both);
}

double dot(const double* a, const numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += a[i] * b[i];
  return sum;
}

numbers draw(std::mt19937_64& from, std::size_t n) {
  std::normal_distribution<double> normal;
  numbers drawn(n);
  for (double& x : drawn) x = normal(from);
  return drawn;
}

// ---- tasks

part generate(std::mt19937_64 from, std::size_t samples, const numbers& truth, double noise) {
  part made{draw(from, samples * truth.size()), draw(from, samples)};
  for (std::size_t s = 0; s < samples; ++s)
    made.y[s] = noise * made.y[s] + dot(&made.x[s * truth.size()], truth);
  return made;
}

numbers joined(const troupe::values<numbers>& ranges) {
  numbers all;
  for (const auto& range : ranges) all.insert(all.end(), range.begin(), range.end());
  return all;
}

// Of half the mean squared error over the samples from `first` on, round and round.
numbers gradient(const part& data, troupe::values<numbers> ranges, std::size_t first,
                 std::size_t batch) {
  const auto weights = joined(ranges);
  numbers sum(weights.size());
  for (std::size_t i = 0; i < batch; ++i) {
    const auto s = (first + i) % data.y.size();
    const double* x = &data.x[s * weights.size()];
    const double off = dot(x, weights) - data.y[s];
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += off * x[k] / static_cast<double>(batch);
  }
  return sum;
}

double mean_squared_error(const part& data, troupe::values<numbers> ranges) {
  const auto weights = joined(ranges);
  double sum = 0;
  for (std::size_t s = 0; s < data.y.size(); ++s)
    sum += std::pow(dot(&data.x[s * weights.size()], weights) - data.y[s], 2);
  return sum / static_cast<double>(data.y.size());
}

// ---- the actor

class server {
public:
  server(std::size_t first, std::size_t size, double rate)
      : first_(first),
        rate_(rate),
        weights_(size) {}

  numbers weights() const { return weights_; }

  void apply(troupe::values<numbers> gradients) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      double sum = 0;
      for (const auto& g : gradients) sum += g[first_ + i];
      weights_[i] -= rate_ * sum / static_cast<double>(gradients.size());
    }
  }

private:
  std::size_t first_;  // of the weights that are here
  double rate_;
  numbers weights_;
};

// ---- the workflow

using ranges = std::vector<ref<numbers>>;  // all the weights, a range from each server

ranges weights_of(const std::vector<troupe::actor<server>>& all) {
  ranges weights;
  for (const auto& s : all) weights.push_back(s.call<&server::weights>());
  return weights;
}

double loss_of(app::context& app, const std::vector<ref<part>>& data, const ranges& weights) {
  std::vector<ref<double>> errors;
  for (const auto& p : data)
    errors.push_back(app.rt().with({.name = "loss"}).submit<mean_squared_error>(p, weights));
  double sum = 0;
  for (const double e : app.get(errors)) sum += e;
  return sum / static_cast<double>(errors.size());
}

std::string to_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

void run(app::context& app) {
  auto& rt = app.rt();
  const auto width = static_cast<std::size_t>(app[features]);
  auto from = chance(app[seed], 0);
  const auto truth = rt.put(draw(from, width));
  std::vector<ref<part>> data;
  for (std::int64_t p = 1; p <= app[parts]; ++p)
    data.push_back(rt.submit<generate>(chance(app[seed], static_cast<std::size_t>(p)),
                                       static_cast<std::size_t>(app[samples]), truth, app[noise]));
  std::vector<troupe::actor<server>> all;
  const auto n = static_cast<std::size_t>(app[servers]);
  for (std::size_t s = 0; s < n; ++s) {
    const auto first = width * s / n, end = width * (s + 1) / n;
    all.push_back(rt.actor<server>(first, end - first, app[rate]));
  }

  const auto show = [&](std::int64_t round, double reached) {
    app.out() << "round " << round << ": loss " << to_text(reached) << '\n';
    return reached;
  };
  const double at_first = show(0, loss_of(app, data, weights_of(all)));
  std::vector<ref<void>> applied;  // since the loss was measured
  for (std::int64_t round = 1; round <= app[rounds]; ++round) {
    app.throw_if_interrupted();
    // Nobody waits here: a server's calls run in the order in which they were made.
    const auto weights = weights_of(all);
    std::vector<ref<numbers>> gradients;
    const auto first = static_cast<std::size_t>((round - 1) * app[batch]);
    for (const auto& p : data)
      gradients.push_back(
          rt.submit<gradient>(p, weights, first, static_cast<std::size_t>(app[batch])));
    for (const auto& s : all) applied.push_back(s.call<&server::apply>(gradients));
    if (round % app[every] != 0 && round != app[rounds]) continue;

    app.get(std::exchange(applied, {}));
    const auto now = weights_of(all);
    const double reached = show(round, loss_of(app, data, now));
    if (!(reached <= at_first))
      throw std::runtime_error("the loss is larger than at the beginning: lower sgd.rate");
    if (reached > app[loss]) continue;
    auto off = joined(app.get(now));
    for (std::size_t i = 0; i < width; ++i) off[i] -= app.get(truth)[i];
    app.out() << "done: the weights are " << to_text(std::sqrt(dot(off.data(), off)))
              << " from the true ones\n";
    return;
  }
  throw std::runtime_error("the loss is above " + to_text(app[loss]) + " after " +
                           std::to_string(app[rounds]) +
                           " rounds: raise sgd.rounds or sgd.loss, or change sgd.rate");
}

void check(const app::settings& values, app::complaints& wrong) {
  if (values[servers] > values[features])
    wrong.about(servers, "is more than there are weights (sgd.features)");
  if (values[batch] > values[samples]) wrong.about(batch, "is more than a part has (sgd.samples)");
  if (values[samples] * values[features] > 100'000'000 / values[parts])
    wrong.about(samples, "is so many that the data would be more than 100 million numbers");
}

}  // namespace
