#pragma once

#include <cmath>

#include "kernels/optim/adamw.h"

namespace mneme {

/// An AdamWStep as the factors of the element loop, computed in f64 and rounded once to f32:
///   w = w - decay*w;  g = grad*grad_scale;  m = beta1*m + rest1*g;  v = beta2*v + rest2*g^2;
///   w = w - step_size*m / (sqrt(v)*root_scale + eps)
/// The decay is subtracted as a product, not multiplied as 1 - decay: the rounding of 1 - decay to
/// f32 would bias a decay of 1e-5 by as much as 0.6%.
struct AdamWFactors {
  float grad_scale;
  float decay;  // lr * weight_decay
  float beta1;
  float rest1;  // 1 - beta1
  float beta2;
  float rest2;       // 1 - beta2
  float step_size;   // lr / (1 - beta1^step)
  float root_scale;  // 1 / sqrt(1 - beta2^step)
  float eps;
};

inline AdamWFactors adamw_factors(const AdamWStep& s) {
  const auto t = static_cast<double>(s.step);
  return {.grad_scale = static_cast<float>(s.grad_scale),
          .decay = static_cast<float>(s.lr * s.weight_decay),
          .beta1 = static_cast<float>(s.beta1),
          .rest1 = static_cast<float>(1 - s.beta1),
          .beta2 = static_cast<float>(s.beta2),
          .rest2 = static_cast<float>(1 - s.beta2),
          .step_size = static_cast<float>(s.lr / (1 - std::pow(s.beta1, t))),
          .root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, t))),
          .eps = static_cast<float>(s.eps)};
}

}  // namespace mneme
