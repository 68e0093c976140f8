#pragma once

#include <cstdint>

namespace mneme::cpu {

/// The vector loops of kernels/norm/standardize.h over `tokens` rows of C channels.
void layernorm_rows_forward(
    std::int64_t tokens, std::int64_t channels, const float* x, float eps, float* y, float* rstd);
void layernorm_rows_backward(std::int64_t tokens,
                             std::int64_t channels,
                             const float* dy,
                             const float* y,
                             const float* rstd,
                             float* dx);

/// sums[c] += sum_t x, sums[C + c] += sum_t x*y, tokens in order.
void column_moments_rows(
    std::int64_t tokens, std::int64_t channels, const float* x, const float* y, double* sums);

/// y = x*scale + shift (+ z*z_scale where z is given), per column. y may be x.
struct AffineRows {
  std::int64_t tokens = 0;
  std::int64_t channels = 0;
  const float* x = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* z = nullptr;
  const float* z_scale = nullptr;
};
void column_affine_rows(const AffineRows& a, float* y);

}  // namespace mneme::cpu
