#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// What one AdamW step applies to every element (Loshchilov and Hutter, ICLR 2019, algorithm 2).
struct AdamWStep {
  double lr = 0;  // this step's learning rate
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;        // outside the root
  double weight_decay = 0;  // decoupled: weight *= 1 - lr*weight_decay, applied first
  std::int64_t step = 1;    // counted from 1, for bias correction
  double grad_scale = 1;    // from clipping; multiplies the gradient
};

/// weight *= 1 - lr*wd;  g = grad*grad_scale;  m = b1*m + (1-b1)*g;  v = b2*v + (1-b2)*g^2;
/// weight -= lr * (m / (1-b1^step)) / (sqrt(v / (1-b2^step)) + eps)
struct AdamW {
  View weight;     // any shape, f32
  ConstView grad;  // the same shape, f32
  View m;          // the same shape, f32
  View v;          // the same shape, f32
  AdamWStep step;
  void validate() const;
};
void adamw(Exec& ex, const AdamW& a);

}  // namespace mneme
