#include "nn/swiglu_ffn.h"

#include <cmath>

#include "kernels/act/silu_gate.h"

#include "base/scope.h"

namespace mneme {
namespace {

Linear::Options matrix(std::int64_t in, std::int64_t out) {
  const double std = 1.0 / std::sqrt(static_cast<double>(in));
  return {.in = in, .out = out, .init = TruncatedNormal{std, 3.0}};
}

}  // namespace

SwiGluFfn::SwiGluFfn(const ParamScope& scope, std::int64_t channels, std::int64_t hidden)
    : hidden_(hidden),
      w1_(scope.in("w1"), matrix(channels, hidden)),
      w3_(scope.in("w3"), matrix(channels, hidden)),
      w2_(scope.in("w2"), matrix(hidden, channels)) {}

SwiGluFfn::Saved SwiGluFfn::forward(
    Exec& ex, const ParamSet& ps, ConstView x, View h, Arena& keep) const {
  const Scope scope("ffn");
  const Shape wide{x.extent(0), hidden_};
  const Saved s{
      .x = x, .u = keep.take(DType::f32, wide, "ffn.u"), .y = keep.take(DType::f32, wide, "ffn.y")};
  const auto mark = ex.scratch.mark();
  const View z = ex.scratch.take(DType::f32, wide, "ffn.z");
  w1_.forward(ex, ps, x, s.u);
  w3_.forward(ex, ps, x, s.y);
  silu_gate_forward(ex, {.y = s.y, .u = s.u, .z = z});
  w2_.forward(ex, ps, z, h, /*accumulate=*/true);
  return s;
}

void SwiGluFfn::backward(Exec& ex, ParamSet& ps, const Saved& s, ConstView dh, View dx) const {
  const Scope scope("ffn_backward");
  const auto mark = ex.scratch.mark();
  const View z = ex.scratch.take(DType::f32, s.u.shape(), "ffn.z");
  const View dz = ex.scratch.take(DType::f32, s.u.shape(), "ffn.dz");
  silu_gate_forward(ex, {.y = s.y, .u = s.u, .z = z});  // cheaper to compute again than to keep
  w2_.backward(ex, ps, z, dh, dz);
  const View du = z;  // z is no longer needed
  silu_gate_backward(ex, {.dz = dz, .y = s.y, .u = s.u, .dy = dz, .du = du});
  w1_.backward(ex, ps, s.x, du, dx);
  w3_.backward(ex, ps, s.x, dz, dx, /*accumulate=*/true);
}

}  // namespace mneme
