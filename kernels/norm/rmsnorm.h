#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// y[t,c] = x[t,c] * rstd[t] * weight[c],   rstd[t] = 1 / sqrt(mean_c(x[t,c]^2) + eps)
///
///   T rows, C channels. In place (y == x) is allowed. Deterministic. O(T*C).
struct RmsNormForward {
  ConstView x;        // (T, C) f32
  ConstView weight;   // (C) f32
  View y;             // (T, C) f32
  View rstd;          // (T) f32, kept for backward
  float eps = 1e-5F;  // > 0, added to the mean square
  void validate() const;
};
void rmsnorm_forward(Exec& ex, const RmsNormForward& a);

/// With g = dy*weight, xhat = x*rstd:  dx = rstd * (g - xhat * mean_c(g*xhat)),  dweight += sum_t
/// dy*xhat
///
///   dweight is summed over tokens in fixed blocks, in order: the same for any number of threads.
struct RmsNormBackward {
  ConstView dy;                // (T, C) f32
  ConstView x;                 // (T, C) f32
  ConstView weight;            // (C) f32
  ConstView rstd;              // (T) f32
  View dx;                     // (T, C) f32; may be dy
  View dweight;                // (C) f32, added to
  bool accumulate_dx = false;  // add to dx instead of overwriting it (then dx is apart from dy)
  void validate() const;
};
void rmsnorm_backward(Exec& ex, const RmsNormBackward& a);

}  // namespace mneme
