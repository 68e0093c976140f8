#include "kernels/norm/rmsnorm.h"

#include "kernels/checks.h"
#include "kernels/norm/rmsnorm_loops.h"
#include "kernels/parallel.h"
#include "kernels/token_blocks.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// x has to be a matrix (T, C); gives its shape.
Shape matrix_shape(ConstView x, const char* op) {
  require(x.given() && x.shape().rank() == 2, Fault::bug, "{}: x is {}, wanted (T, C)", op,
          to_string(x.shape()));
  return x.shape();
}

}  // namespace

void RmsNormForward::validate() const {
  const Shape shape = matrix_shape(x, "rmsnorm_forward");
  require_f32(x, "rmsnorm_forward", "x");
  require_tensor(weight, DType::f32, {shape[1]}, "rmsnorm_forward", "weight");
  require_tensor(y, DType::f32, shape, "rmsnorm_forward", "y");
  require_tensor(rstd, DType::f32, {shape[0]}, "rmsnorm_forward", "rstd");
  require_same_or_apart(x, y, "rmsnorm_forward", "x and y");
  require_apart(weight, y, "rmsnorm_forward", "weight and y");
  require(eps > 0, Fault::bug, "rmsnorm_forward: eps = {}, wanted a positive number", eps);
}

void rmsnorm_forward(Exec& ex, const RmsNormForward& a) {
  const Scope scope("rmsnorm_forward");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t channels = a.x.extent(1);
  const float* x = a.x.ptr<const float>();
  const float* weight = a.weight.ptr<const float>();
  float* y = a.y.ptr<float>();
  float* rstd = a.rstd.ptr<float>();
  cpu::parallel_blocks(ex, a.x.extent(0), cpu::tokens_per_thread(channels),
                       [&](std::int64_t first, std::int64_t last, int) {
                         cpu::rmsnorm_rows_forward(
                             {last - first, channels, x + first * channels, weight}, a.eps,
                             y + first * channels, rstd + first);
                       });
}

void RmsNormBackward::validate() const {
  const Shape shape = matrix_shape(x, "rmsnorm_backward");
  require_f32(x, "rmsnorm_backward", "x");
  require_tensor(dy, DType::f32, shape, "rmsnorm_backward", "dy");
  require_tensor(weight, DType::f32, {shape[1]}, "rmsnorm_backward", "weight");
  require_tensor(rstd, DType::f32, {shape[0]}, "rmsnorm_backward", "rstd");
  require_tensor(dx, DType::f32, shape, "rmsnorm_backward", "dx");
  require_tensor(dweight, DType::f32, {shape[1]}, "rmsnorm_backward", "dweight");
  require_apart(x, dx, "rmsnorm_backward", "x and dx");
  if (accumulate_dx) {
    require_apart(dy, dx, "rmsnorm_backward", "dy and dx (which accumulates)");
  } else {
    require_same_or_apart(dy, dx, "rmsnorm_backward", "dy and dx");
  }
}

void rmsnorm_backward(Exec& ex, const RmsNormBackward& a) {
  const Scope scope("rmsnorm_backward");
  a.validate();
  const std::int64_t tokens = a.x.extent(0);
  const std::int64_t channels = a.x.extent(1);
  const auto mark = ex.scratch.mark();
  const View sums = cpu::take_block_sums(ex, tokens, channels, "rmsnorm.dweight");
  if (ex.measuring()) return;
  const float* x = a.x.ptr<const float>();
  const float* dy = a.dy.ptr<const float>();
  const float* weight = a.weight.ptr<const float>();
  const float* rstd = a.rstd.ptr<const float>();
  float* dx = a.dx.ptr<float>();
  cpu::sum_over_tokens(ex, tokens, sums, a.dweight.ptr<float>(),
                       [&](std::int64_t first, std::int64_t last, int, float* sum) {
                         const std::int64_t start = first * channels;
                         cpu::rmsnorm_rows_backward({last - first, channels, x + start, weight},
                                                    dy + start, rstd + first, a.accumulate_dx,
                                                    dx + start, sum);
                       });
}

}  // namespace mneme
