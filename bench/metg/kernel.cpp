// SPDX-License-Identifier: MIT
#include "kernel.hpp"

#include <cstdio>
#include <cstdlib>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define METG_BEST_OF_MACHINE __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define METG_BEST_OF_MACHINE
#endif

namespace metg {
namespace {
constexpr int lanes = 4, vectors = 16;  // as many as there are registers
using vector = double __attribute__((vector_size(lanes * sizeof(double))));
static_assert(lanes * vectors * 2 == flops_per_iteration);

// From between -1 and 0 this creeps towards 0 from below, like -1/n: never zero, infinite or denormal.
// Each vector begins elsewhere, or the compiler would find that one does for all.
METG_BEST_OF_MACHINE double creep(long iterations) {
  vector a[vectors];
#pragma GCC unroll 16
  for (int k = 0; k < vectors; ++k) a[k] = vector{} - (k + 1.0) / (vectors + 1);
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int k = 0; k < vectors; ++k) a[k] = a[k] * a[k] + a[k];
  }
  vector sum = {};
#pragma GCC unroll 16
  for (int k = 0; k < vectors; ++k) sum += a[k];
  return sum[0] + sum[1] + sum[2] + sum[3];
}
}  // namespace

void compute(long iterations) {
  const double sum = creep(iterations);
  if (sum < 0 && sum > -lanes * vectors) return;
  std::fprintf(stderr, "wrong result: %ld iterations of the kernel gave %g\n", iterations, sum);
  std::abort();
}

}  // namespace metg
