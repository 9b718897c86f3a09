// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <string>

#include <troupe/app.hpp>

// A graph that grows from its results: a task integrates its interval, and if that is not good
// enough for its share of the tolerance, it submits a task for each half.
//
// The rule is Simpson's with Richardson's error estimate (J. N. Lyness, "Notes on the Adaptive
// Simpson Quadrature Routine", J. ACM 16, 1969).
namespace {

namespace app = troupe::app;
using function = double (*)(double);

void run(app::context& app);
void check(const app::settings& values, app::complaints& wrong);

app::workflow adaptive{"adaptive", "Integrates a function; the graph grows where it is hard.", run,
                       check};
const auto integrand = adaptive.choice<function>(
    "function",
    {{"cubic", [](double x) { return x * x * x; }},
     {"sin", [](double x) { return std::sin(x); }},
     {"sqrt", [](double x) { return std::sqrt(x); }},
     {"gauss", [](double x) { return std::exp(-x * x); }},
     {"runge", [](double x) { return 1 / (1 + 25 * x * x); }},
     {"spike", [](double x) { return 1 / (1e-6 + (x - 0.3) * (x - 0.3)); }}},
    "cubic: x^3, gauss: exp(-x^2), runge: 1/(1+25x^2), spike: 1/(1e-6+(x-0.3)^2)");
const auto from = adaptive.number("from", 0, "where the interval begins");
const auto to = adaptive.number("to", 1, "where it ends");
const auto tolerance =
    adaptive.number("tolerance", 1e-9, "the most that the error estimate may be in the end")
        .at_least(1e-15);
const auto min_depth =
    adaptive.integer("min_depth", 3, "split so often without asking, not to miss a narrow peak")
        .at_least(0)
        .at_most(16);
const auto max_depth =
    adaptive.integer("max_depth", 40, "split so often at most; then it is an error")
        .at_least(0)
        .at_most(60);

struct interval {
  double a, b;
  double fa, fm, fb;  // the function at a, in the middle and at b
  double whole;       // Simpson's rule over all of it
  double tolerance;   // its share
  std::int64_t depth;
};

struct plan {
  function f;
  double least_share;
  std::int64_t min_depth, max_depth;
};

struct area {
  double value, error;
  std::int64_t tasks, depth;
};

std::string to_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

double value_at(function f, double x) {
  const double y = f(x);
  if (std::isfinite(y)) return y;
  throw std::domain_error("the function has no finite value at " + to_text(x));
}

constexpr auto advice = "raise adaptive.max_depth or adaptive.tolerance";

double simpson(double width, double fa, double fm, double fb) {
  return width / 6 * (fa + 4 * fm + fb);
}

area integrate(const interval& i, const plan& p) {
  const double m = std::midpoint(i.a, i.b);
  const double left_m = value_at(p.f, std::midpoint(i.a, m));
  const double right_m = value_at(p.f, std::midpoint(m, i.b));
  const double left = simpson(m - i.a, i.fa, left_m, i.fm);
  const double right = simpson(i.b - m, i.fm, right_m, i.fb);
  const double off = (left + right - i.whole) / 15;
  if (!std::isfinite(off)) throw std::overflow_error("the area is too large for a number");
  const bool good = std::abs(off) <= i.tolerance;
  if (good && i.depth >= p.min_depth) return {left + right + off, std::abs(off), 1, i.depth};
  if (i.depth >= p.max_depth)
    throw std::runtime_error("the tolerance is not met between " + to_text(i.a) + " and " +
                             to_text(i.b) + " after " + std::to_string(i.depth) + " splits; " +
                             advice);
  const auto rt = troupe::here().with({.name = "integrate"});
  const auto share = std::max(i.tolerance / 2, p.least_share);
  const interval half{i.a, m, i.fa, left_m, i.fm, left, share, i.depth + 1};
  const interval other{m, i.b, i.fm, right_m, i.fb, right, share, i.depth + 1};
  const auto l = rt.submit<integrate>(half, p), r = rt.submit<integrate>(other, p);
  const area &x = troupe::here().get(l), &y = troupe::here().get(r);
  return {x.value + y.value, x.error + y.error, x.tasks + y.tasks + 1, std::max(x.depth, y.depth)};
}

// The whole interval is a task like the halves of it. At a root, as sqrt has one at 0, the error
// shrinks slower than the halves' shares: from some depth on they are not halved any more, and
// whether the errors together keep to the tolerance is asked in the end.
area begin(double a, double b, double tolerance, const plan& p) {
  const double fa = value_at(p.f, a), fb = value_at(p.f, b);
  const double fm = value_at(p.f, std::midpoint(a, b));
  const auto all = integrate({a, b, fa, fm, fb, simpson(b - a, fa, fm, fb), tolerance, 0}, p);
  if (all.error <= tolerance) return all;
  throw std::runtime_error("the error estimate is " + to_text(all.error) + ", more than the " +
                           to_text(tolerance) + " allowed; " + advice);
}

void run(app::context& app) {
  const plan p{app[integrand], 1e-8 * app[tolerance], app[min_depth], app[max_depth]};
  const auto whole =
      app.rt().with({.name = "integrate"}).submit<begin>(app[from], app[to], app[tolerance], p);
  const area& result = app.get(whole);
  char text[200];
  std::snprintf(text, sizeof text, "value %.15g\nerror estimate %.3g\ntasks %lld\ndepth %lld\n",
                result.value, result.error, static_cast<long long>(result.tasks),
                static_cast<long long>(result.depth));
  app.out() << text;
}

void check(const app::settings& values, app::complaints& wrong) {
  if (!(values[from] < values[to])) wrong.about(to, "must be more than adaptive.from");
  if (!std::isfinite(values[to] - values[from])) wrong.about(to, "is too far from adaptive.from");
  if (values[min_depth] > values[max_depth])
    wrong.about(min_depth, "must not be more than adaptive.max_depth");
}

}  // namespace
