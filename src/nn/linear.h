#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "params/param_set.h"
#include "runtime/exec.h"

namespace mneme {

/// y = x W' (+ b):  W (out, in) as in Hugging Face's nn.Linear, bias (out) optional, starting at
/// zero.
class Linear {
 public:
  struct Options {
    std::int64_t in = 0;
    std::int64_t out = 0;
    Init init;
    bool bias = false;
    Group group = Group::matrices;
  };
  Linear(const ParamScope& scope, const Options& options);

  /// y (T, out) f32 = x (T, in) f32 times W', overwritten; with `accumulate` (no bias) added to.
  void forward(Exec& ex, const ParamSet& ps, ConstView x, View y, bool accumulate = false) const;
  /// dW += dy' x, db += sum_t dy, dx (T, in) = dy W, overwritten or added to. dx may be left out.
  void backward(
      Exec& ex, ParamSet& ps, ConstView x, ConstView dy, View dx, bool accumulate = false) const;

 private:
  ParamId weight_;
  std::optional<ParamId> bias_;
};

/// y = x * rstd * weight, see kernels/norm/rmsnorm.h.
class RmsNorm {
 public:
  RmsNorm(const ParamScope& scope, std::int64_t channels, float eps);
  /// x, y (T, C) f32; rstd (T) f32 is for backward.
  void forward(Exec& ex, const ParamSet& ps, ConstView x, View y, View rstd) const;
  /// dweight added to; dx overwritten, or added to (then apart from dy).
  void backward(Exec& ex,
                ParamSet& ps,
                ConstView dy,
                ConstView x,
                ConstView rstd,
                View dx,
                bool accumulate) const;

 private:
  ParamId weight_;
  float eps_;
};

}  // namespace mneme
