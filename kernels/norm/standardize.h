#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// Layer normalisation without affine part, per row:
///   y = (x - mean) * rstd,  rstd = 1 / sqrt(var + eps), var the mean squared deviation
struct LayerNormForward {
  ConstView x;        // (T, C) f32
  View y;             // (T, C) f32; may be x
  View rstd;          // (T) f32, kept for backward
  float eps = 1e-5F;  // > 0
  void validate() const;
};
void layernorm_forward(Exec& ex, const LayerNormForward& a);

/// dx = rstd * (dy - mean_c(dy) - y * mean_c(dy*y))
struct LayerNormBackward {
  ConstView dy;    // (T, C) f32
  ConstView y;     // (T, C) f32, forward's output
  ConstView rstd;  // (T) f32
  View dx;         // (T, C) f32, overwritten; may be dy
  void validate() const;
};
void layernorm_backward(Exec& ex, const LayerNormBackward& a);

/// Column sums in f64 for batch statistics: sums[0,c] = sum_t x, sums[1,c] = sum_t x*y.
/// Tokens in fixed blocks, in order: the same for any number of threads.
struct ColumnMoments {
  ConstView x;  // (T, C) f32
  ConstView y;  // (T, C) f32; may be x
  View sums;    // (2, C) f64, overwritten
  void validate() const;
};
void column_moments(Exec& ex, const ColumnMoments& a);

/// y[t,c] = x[t,c] * scale[c] + shift[c] (+ z[t,c] * z_scale[c]): applies batch statistics both
/// ways.
struct ColumnAffine {
  ConstView x;             // (T, C) f32
  ConstView scale;         // (C) f32
  ConstView shift;         // (C) f32
  View y;                  // (T, C) f32; may be x
  ConstView z = {};        // (T, C) f32, optional
  ConstView z_scale = {};  // (C) f32, with z
  void validate() const;
};
void column_affine(Exec& ex, const ColumnAffine& a);

}  // namespace mneme
