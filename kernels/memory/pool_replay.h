#pragma once

#include <cstdint>

#include "kernels/memory/pool_rows.h"
#include "kernels/memory/pool_update.h"

namespace mneme::cpu {

/// The replay of the dense rule with zero gradient on one row of f32 weights (METHOD: exact).
///
/// In step s of a row last updated in step `last`, with i = s - last,
///   w = w - decay_s*w - step_size_s * m*beta1^i / (sqrt(v)*beta2^(i/2)*root_scale_s + eps)
/// so the loop changes w alone, and m and v take their closed forms behind it. What is left to move
/// behind step s is at most
///   lr_max * |m|*beta1^i / (1 - beta1^(s+1)) * min(r/(1-r) / (sqrt(v)*beta2^(i/2) + eps),
///                                                  beta1/(1-beta1) / eps),  r = beta1/sqrt(beta2)
/// and once that is below half an ulp of the weight as it will be at `to`, no f32 step of the dense
/// rule moves it any more: the loop stops, and the remaining decay is one product.
class PoolReplay {
 public:
  PoolReplay(const PoolHistory& history, std::int64_t to);

  /// Weights (W) from step `last` to step `to`; m and v are as they were at `last`.
  void weights(
      std::int64_t last, std::int64_t width, float* w, const float* m, const float* v) const;
  void moments(std::int64_t last, std::int64_t width, float* m, float* v) const;
  /// Both, on a row of the pool; nothing if the row is current.
  void row(const PoolRows& pool, std::int64_t row, std::int64_t last, int thread) const;

 private:
  PoolHistory history_;
  std::int64_t to_;
  double lr_max_ = 0;
  double beta1_;  // as the f32 numbers that the dense rule multiplies with
  double beta2_;
  double tail_root_;  // r/(1-r), or infinity
  double tail_eps_;   // beta1/(1-beta1)
};

}  // namespace mneme::cpu
