#pragma once

#include <cstdint>

namespace mneme::cpu {

/// The vector loops of RMSNorm over `tokens` rows of C channels; see kernels/norm/rmsnorm.h.
struct RmsNormRows {
  std::int64_t tokens = 0;
  std::int64_t channels = 0;
  const float* x = nullptr;
  const float* weight = nullptr;
};

void rmsnorm_rows_forward(const RmsNormRows& rows, float eps, float* y, float* rstd);

/// Adds sum_t dy*x*rstd over these tokens, in order, to dweight_sum. dx may be dy.
void rmsnorm_rows_backward(const RmsNormRows& rows,
                           const float* dy,
                           const float* rstd,
                           bool accumulate_dx,
                           float* dx,
                           float* dweight_sum);

}  // namespace mneme::cpu
