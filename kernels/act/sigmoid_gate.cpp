#include <cmath>

#include "kernels/act/silu_gate.h"
#include "kernels/act/silu_gate_loops.h"
#include "kernels/checks.h"
#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// Without overflow for any x.
float sigmoid(float x) {
  const float e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1.0F) / (1.0F + e);
}

}  // namespace

void SigmoidGateForward::validate() const {
  require(y.given() && y.shape().rank() == 2, Fault::bug,
          "sigmoid_gate_forward: y is {}, wanted (T, C)", to_string(y.shape()));
  require_f32(y, "sigmoid_gate_forward", "y");
  require_tensor(g, DType::f32, {y.extent(0)}, "sigmoid_gate_forward", "g");
  require_tensor(out, DType::f32, y.shape(), "sigmoid_gate_forward", "out");
  require_same_or_apart(y, out, "sigmoid_gate_forward", "y and out");
  require_apart(g, out, "sigmoid_gate_forward", "g and out");
}

void sigmoid_gate_forward(Exec& ex, const SigmoidGateForward& a) {
  const Scope scope("sigmoid_gate_forward");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t channels = a.y.extent(1);
  const float* y = a.y.ptr<const float>();
  const float* g = a.g.ptr<const float>();
  float* out = a.out.ptr<float>();
  cpu::parallel_blocks(ex, a.y.extent(0), cpu::tokens_per_thread(channels),
                       [=](std::int64_t first, std::int64_t last, int) {
                         for (std::int64_t t = first; t < last; ++t) {
                           cpu::scale_elements(size_of(channels), sigmoid(g[t]), y + t * channels,
                                               out + t * channels);
                         }
                       });
}

void SigmoidGateBackward::validate() const {
  require(y.given() && y.shape().rank() == 2, Fault::bug,
          "sigmoid_gate_backward: y is {}, wanted (T, C)", to_string(y.shape()));
  require_f32(y, "sigmoid_gate_backward", "y");
  require_tensor(dout, DType::f32, y.shape(), "sigmoid_gate_backward", "dout");
  require_tensor(g, DType::f32, {y.extent(0)}, "sigmoid_gate_backward", "g");
  require_tensor(dy, DType::f32, y.shape(), "sigmoid_gate_backward", "dy");
  require_tensor(dg, DType::f32, {y.extent(0)}, "sigmoid_gate_backward", "dg");
  require_same_or_apart(dout, dy, "sigmoid_gate_backward", "dout and dy");
  require_apart(y, dy, "sigmoid_gate_backward", "y and dy");
  require_apart(g, dg, "sigmoid_gate_backward", "g and dg");
}

void sigmoid_gate_backward(Exec& ex, const SigmoidGateBackward& a) {
  const Scope scope("sigmoid_gate_backward");
  a.validate();
  if (ex.measuring()) return;
  const std::int64_t channels = a.y.extent(1);
  const float* dout = a.dout.ptr<const float>();
  const float* y = a.y.ptr<const float>();
  const float* g = a.g.ptr<const float>();
  float* dy = a.dy.ptr<float>();
  float* dg = a.dg.ptr<float>();
  cpu::parallel_blocks(ex, a.y.extent(0), cpu::tokens_per_thread(channels),
                       [=](std::int64_t first, std::int64_t last, int) {
                         for (std::int64_t t = first; t < last; ++t) {
                           const std::int64_t row = t * channels;
                           const float s = sigmoid(g[t]);
                           dg[t] = s * (1.0F - s) *
                                   cpu::dot_elements(size_of(channels), dout + row, y + row);
                           cpu::scale_elements(size_of(channels), s, dout + row, dy + row);
                         }
                       });
}

}  // namespace mneme
