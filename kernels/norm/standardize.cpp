#include "kernels/norm/standardize.h"

#include <algorithm>

#include "kernels/checks.h"
#include "kernels/norm/standardize_loops.h"
#include "kernels/parallel.h"
#include "kernels/token_blocks.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// x has to be f32 (T, C); gives its shape.
Shape require_matrix(ConstView x, const char* op, const char* name) {
  require(x.given() && x.shape().rank() == 2, Fault::bug, "{}: {} is {}, wanted (T, C)", op, name,
          to_string(x.shape()));
  require_f32(x, op, name);
  return x.shape();
}

}  // namespace

void LayerNormForward::validate() const {
  const Shape shape = require_matrix(x, "layernorm_forward", "x");
  require_tensor(y, DType::f32, shape, "layernorm_forward", "y");
  require_tensor(rstd, DType::f32, {shape[0]}, "layernorm_forward", "rstd");
  require_same_or_apart(x, y, "layernorm_forward", "x and y");
  require(eps > 0, Fault::bug, "layernorm_forward: eps = {}, wanted a positive number", eps);
}

void layernorm_forward(Exec& ex, const LayerNormForward& a) {
  const Scope scope("layernorm_forward");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t channels = a.x.extent(1);
  const float* x = a.x.ptr<const float>();
  float* y = a.y.ptr<float>();
  float* rstd = a.rstd.ptr<float>();
  cpu::parallel_blocks(ex, a.x.extent(0), cpu::tokens_per_thread(channels),
                       [&](std::int64_t first, std::int64_t last, int) {
                         cpu::layernorm_rows_forward(last - first, channels, x + first * channels,
                                                     a.eps, y + first * channels, rstd + first);
                       });
}

void LayerNormBackward::validate() const {
  const Shape shape = require_matrix(y, "layernorm_backward", "y");
  require_tensor(dy, DType::f32, shape, "layernorm_backward", "dy");
  require_tensor(rstd, DType::f32, {shape[0]}, "layernorm_backward", "rstd");
  require_tensor(dx, DType::f32, shape, "layernorm_backward", "dx");
  require_same_or_apart(dy, dx, "layernorm_backward", "dy and dx");
  require_apart(y, dx, "layernorm_backward", "y and dx");
}

void layernorm_backward(Exec& ex, const LayerNormBackward& a) {
  const Scope scope("layernorm_backward");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t channels = a.y.extent(1);
  const float* dy = a.dy.ptr<const float>();
  const float* y = a.y.ptr<const float>();
  const float* rstd = a.rstd.ptr<const float>();
  float* dx = a.dx.ptr<float>();
  cpu::parallel_blocks(ex, a.y.extent(0), cpu::tokens_per_thread(channels),
                       [&](std::int64_t first, std::int64_t last, int) {
                         const std::int64_t start = first * channels;
                         cpu::layernorm_rows_backward(last - first, channels, dy + start, y + start,
                                                      rstd + first, dx + start);
                       });
}

void ColumnMoments::validate() const {
  const Shape shape = require_matrix(x, "column_moments", "x");
  require_tensor(y, DType::f32, shape, "column_moments", "y");
  require_tensor(sums, DType::f64, {2, shape[1]}, "column_moments", "sums");
}

void column_moments(Exec& ex, const ColumnMoments& a) {
  const Scope scope("column_moments");
  a.validate();
  const std::int64_t tokens = a.x.extent(0);
  const std::int64_t channels = a.x.extent(1);
  const std::int64_t blocks = ceil_div(tokens, cpu::block_tokens);
  const auto mark = ex.scratch.mark();
  const View partial = ex.scratch.take(DType::f64, {blocks, 2 * channels}, "column_moments.blocks");
  if (ex.measuring()) return;
  const float* x = a.x.ptr<const float>();
  const float* y = a.y.ptr<const float>();
  double* block_sums = partial.ptr<double>();
  cpu::parallel_blocks(ex, blocks, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t b = first; b < last; ++b) {
      double* sums = block_sums + b * 2 * channels;
      std::fill(sums, sums + 2 * channels, 0.0);
      const std::int64_t start = b * cpu::block_tokens;
      cpu::column_moments_rows(std::min(cpu::block_tokens, tokens - start), channels,
                               x + start * channels, y + start * channels, sums);
    }
  });
  double* out = a.sums.ptr<double>();
  std::fill(out, out + 2 * channels, 0.0);
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t c = 0; c < 2 * channels; ++c) out[c] += block_sums[b * 2 * channels + c];
  }
}

void ColumnAffine::validate() const {
  const Shape shape = require_matrix(x, "column_affine", "x");
  require_tensor(scale, DType::f32, {shape[1]}, "column_affine", "scale");
  require_tensor(shift, DType::f32, {shape[1]}, "column_affine", "shift");
  require_tensor(y, DType::f32, shape, "column_affine", "y");
  require_same_or_apart(x, y, "column_affine", "x and y");
  require(z.given() == z_scale.given(), Fault::bug, "column_affine: z comes with its z_scale");
  if (!z.given()) return;
  require_tensor(z, DType::f32, shape, "column_affine", "z");
  require_tensor(z_scale, DType::f32, {shape[1]}, "column_affine", "z_scale");
  require_same_or_apart(z, y, "column_affine", "z and y");
}

void column_affine(Exec& ex, const ColumnAffine& a) {
  const Scope scope("column_affine");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t channels = a.x.extent(1);
  const float* x = a.x.ptr<const float>();
  const float* scale = a.scale.ptr<const float>();
  const float* shift = a.shift.ptr<const float>();
  const float* z = a.z.given() ? a.z.ptr<const float>() : nullptr;
  const float* z_scale = a.z.given() ? a.z_scale.ptr<const float>() : nullptr;
  float* y = a.y.ptr<float>();
  cpu::parallel_blocks(ex, a.x.extent(0), cpu::tokens_per_thread(channels),
                       [&](std::int64_t first, std::int64_t last, int) {
                         const std::int64_t start = first * channels;
                         cpu::column_affine_rows({.tokens = last - first,
                                                  .channels = channels,
                                                  .x = x + start,
                                                  .scale = scale,
                                                  .shift = shift,
                                                  .z = z == nullptr ? nullptr : z + start,
                                                  .z_scale = z_scale},
                                                 y + start);
                       });
}

}  // namespace mneme
