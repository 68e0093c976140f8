#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// loss[t] = lse[t] - logits[t, target[t]],  lse = log sum_v exp(logits[t,v]),  in f32;
/// 0 where target[t] is -1. With `gradient`, logits become
///   scale * (softmax - onehot + 2*z_weight*lse*softmax)   (0 where ignored):
/// the gradient of scale * sum_t (loss + z_weight*lse^2).
struct CrossEntropy {
  View logits;         // (T, V) f32; overwritten by its gradient if `gradient`
  ConstView targets;   // (T) i32 in [-1, V)
  View loss;           // (T) f32, without the z term
  View lse;            // (T) f32; 0 where ignored
  float scale = 0;     // 1 / number of targets of the global batch
  float z_weight = 0;  // >= 0
  bool gradient = false;
  void validate() const;
};
void cross_entropy(Exec& ex, const CrossEntropy& a);

}  // namespace mneme
