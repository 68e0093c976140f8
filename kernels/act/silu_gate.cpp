#include "kernels/act/silu_gate.h"

#include "kernels/act/silu_gate_loops.h"
#include "kernels/checks.h"
#include "kernels/parallel.h"

#include "base/scope.h"

namespace mneme {

void SiluGateForward::validate() const {
  require_f32(y, "silu_gate_forward", "y");
  require_tensor(u, DType::f32, y.shape(), "silu_gate_forward", "u");
  require_tensor(z, DType::f32, y.shape(), "silu_gate_forward", "z");
  require_same_or_apart(y, z, "silu_gate_forward", "y and z");
  require_same_or_apart(u, z, "silu_gate_forward", "u and z");
}

void silu_gate_forward(Exec& ex, const SiluGateForward& a) {
  const Scope scope("silu_gate_forward");
  a.validate();
  if (ex.measuring()) return;
  const float* y = a.y.ptr<const float>();
  const float* u = a.u.ptr<const float>();
  float* z = a.z.ptr<float>();
  cpu::parallel_blocks(
      ex, a.y.count(), cpu::elements_per_thread, [=](std::int64_t first, std::int64_t last, int) {
        cpu::silu_gate_elements_forward(size_of(last - first), y + first, u + first, z + first);
      });
}

void SiluGateBackward::validate() const {
  require_f32(dz, "silu_gate_backward", "dz");
  require_tensor(y, DType::f32, dz.shape(), "silu_gate_backward", "y");
  require_tensor(u, DType::f32, dz.shape(), "silu_gate_backward", "u");
  require_tensor(dy, DType::f32, dz.shape(), "silu_gate_backward", "dy");
  require_tensor(du, DType::f32, dz.shape(), "silu_gate_backward", "du");
  require_apart(dy, du, "silu_gate_backward", "dy and du");
  for (const ConstView& in : {dz, y, u}) {
    require_same_or_apart(in, dy, "silu_gate_backward", "an input and dy");
    require_same_or_apart(in, du, "silu_gate_backward", "an input and du");
  }
}

void silu_gate_backward(Exec& ex, const SiluGateBackward& a) {
  const Scope scope("silu_gate_backward");
  a.validate();
  if (ex.measuring()) return;
  const float* dz = a.dz.ptr<const float>();
  const float* y = a.y.ptr<const float>();
  const float* u = a.u.ptr<const float>();
  float* dy = a.dy.ptr<float>();
  float* du = a.du.ptr<float>();
  cpu::parallel_blocks(
      ex, a.dz.count(), cpu::elements_per_thread, [=](std::int64_t first, std::int64_t last, int) {
        cpu::silu_gate_elements_backward(size_of(last - first), dz + first, y + first, u + first,
                                         dy + first, du + first);
      });
}

}  // namespace mneme
