#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// z = y * silu(u), elementwise; silu(u) = u / (1 + exp(-u)). SwiGLU and the Memory+ gate.
struct SiluGateForward {
  ConstView y;  // (T, F) f32
  ConstView u;  // (T, F) f32
  View z;       // (T, F) f32; may be y or u
  void validate() const;
};
void silu_gate_forward(Exec& ex, const SiluGateForward& a);

/// dy = dz * silu(u),  du = dz * y * silu'(u)
struct SiluGateBackward {
  ConstView dz;  // (T, F) f32
  ConstView y;   // (T, F) f32
  ConstView u;   // (T, F) f32
  View dy;       // (T, F) f32, overwritten; may be dz, y or u
  View du;       // (T, F) f32, overwritten; may be dz, y or u; apart from dy
  void validate() const;
};
void silu_gate_backward(Exec& ex, const SiluGateBackward& a);

/// out[t,:] = sigmoid(g[t]) * y[t,:]: one scalar gate per token.
struct SigmoidGateForward {
  ConstView y;  // (T, C) f32
  ConstView g;  // (T) f32
  View out;     // (T, C) f32; may be y
  void validate() const;
};
void sigmoid_gate_forward(Exec& ex, const SigmoidGateForward& a);

/// dy = dout * s,  dg[t] = s*(1-s) * sum_c dout*y,  s = sigmoid(g[t])
struct SigmoidGateBackward {
  ConstView dout;  // (T, C) f32
  ConstView y;     // (T, C) f32
  ConstView g;     // (T) f32
  View dy;         // (T, C) f32, overwritten; may be dout
  View dg;         // (T) f32, overwritten
  void validate() const;
};
void sigmoid_gate_backward(Exec& ex, const SigmoidGateBackward& a);

}  // namespace mneme
