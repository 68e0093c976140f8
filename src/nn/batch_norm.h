#pragma once

#include "comm/communicator.h"
#include "nn/pass.h"
#include "params/param_set.h"

namespace mneme {

/// Batch normalisation of columns, without affine part: y = (x - mean) / sqrt(var + eps) with the
/// statistics of all tokens of all ranks in this micro-batch; running values with momentum 0.1 are
/// used outside training and live in the checkpoint. Exempt from the accumulation equivalence.
class BatchNorm {
 public:
  struct Saved {
    View y;        // (T, F)
    View inverse;  // (F): 1 / sqrt(var + eps)
  };
  BatchNorm(const ParamScope& scope, std::int64_t features, float eps, Communicator& world);
  /// x (T, F) f32, the same T on all ranks; Saved.y is the result.
  Saved forward(Exec& ex, ParamSet& ps, Mode mode, ConstView x, Arena& keep) const;
  /// dx = inverse * (dy - mean(dy) - y * mean(dy*y)), means over all tokens of all ranks; dx may be
  /// dy.
  void backward(Exec& ex, const Saved& saved, ConstView dy, View dx) const;

 private:
  struct Moments;
  void reduce_moments(Exec& ex, ConstView x, ConstView y, View sums) const;

  std::int64_t features_;
  float eps_;
  ParamId mean_;
  ParamId variance_;
  Communicator* world_;
};

}  // namespace mneme
