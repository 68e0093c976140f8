#pragma once

#include "params/param_set.h"
#include "runtime/exec.h"

namespace mneme {

/// Logits x W', W (V, C), and their cross entropy. Tokens go in chunks: (T, V) is never held whole.
class LmHead {
 public:
  /// `weight` (V, C) is the head's own matrix or the embedding's, when tied.
  LmHead(ParamId weight, std::int64_t vocabulary, float z_weight);

  struct Loss {
    ConstView x;        // (T, C) f32
    ConstView targets;  // (T) i32, -1 = ignored
    View loss;          // (T) f32, 0 where ignored
    float scale = 0;    // 1 / targets of the global batch
    View dx = {};       // (T, C) f32: if given, overwritten by the gradient, and dW is added to
  };
  void loss(Exec& ex, ParamSet& ps, const Loss& a) const;
  /// logits (n, V) f32 of x (n, C) f32.
  void logits(Exec& ex, const ParamSet& ps, ConstView x, View out) const;

 private:
  ParamId weight_;
  std::int64_t vocabulary_;
  float z_weight_;
};

}  // namespace mneme
