#include "nn/linear.h"

#include "kernels/blas/matmul.h"
#include "kernels/norm/rmsnorm.h"

namespace mneme {

Linear::Linear(const ParamScope& scope, const Options& o)
    : weight_(scope.declare(
          {.name = "weight", .shape = {o.out, o.in}, .init = o.init, .group = o.group})) {
  if (o.bias) {
    bias_ = scope.declare(
        {.name = "bias", .shape = {o.out}, .init = Constant{0}, .group = Group::vectors});
  }
}

void Linear::forward(Exec& ex, const ParamSet& ps, ConstView x, View y, bool accumulate) const {
  matmul(ex, {.a = x,
              .b = ps[weight_].weight,
              .c = y,
              .transpose_b = true,
              .accumulate = accumulate,
              .bias = bias_ ? ConstView(ps[*bias_].weight) : ConstView()});
}

void Linear::backward(
    Exec& ex, ParamSet& ps, ConstView x, ConstView dy, View dx, bool accumulate) const {
  matmul(ex, {.a = dy, .b = x, .c = ps[weight_].grad, .transpose_a = true, .accumulate = true});
  if (bias_) column_sum(ex, {.x = dy, .out = ps[*bias_].grad});
  if (dx.given()) {
    matmul(ex, {.a = dy, .b = ps[weight_].weight, .c = dx, .accumulate = accumulate});
  }
}

RmsNorm::RmsNorm(const ParamScope& scope, std::int64_t channels, float eps)
    : weight_(scope.declare(
          {.name = "weight", .shape = {channels}, .init = Constant{1}, .group = Group::vectors})),
      eps_(eps) {}

void RmsNorm::forward(Exec& ex, const ParamSet& ps, ConstView x, View y, View rstd) const {
  rmsnorm_forward(ex, {.x = x, .weight = ps[weight_].weight, .y = y, .rstd = rstd, .eps = eps_});
}

void RmsNorm::backward(Exec& ex,
                       ParamSet& ps,
                       ConstView dy,
                       ConstView x,
                       ConstView rstd,
                       View dx,
                       bool accumulate) const {
  Param& p = ps[weight_];
  rmsnorm_backward(ex, {.dy = dy,
                        .x = x,
                        .weight = p.weight,
                        .rstd = rstd,
                        .dx = dx,
                        .dweight = p.grad,
                        .accumulate_dx = accumulate});
}

}  // namespace mneme
