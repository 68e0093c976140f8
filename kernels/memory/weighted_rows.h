#pragma once

#include <cstdint>

#include "base/bf16.h"

namespace mneme::cpu {

/// sum[c] += weight * row[c], c < width
template <class X>
void add_row(float* sum, float weight, const X* row, std::int64_t width) {
  for (std::int64_t c = 0; c < width; ++c) sum[c] += weight * to_f32(row[c]);
}

/// sum_c a[c] * row[c]
template <class X>
float dot_row(const float* a, const X* row, std::int64_t width) {
  float sum = 0;
  for (std::int64_t c = 0; c < width; ++c) sum += a[c] * to_f32(row[c]);
  return sum;
}

}  // namespace mneme::cpu
