#pragma once

#include <optional>

#include "nn/linear.h"
#include "nn/memory_config.h"
#include "nn/product_key.h"
#include "nn/value_pool.h"

namespace mneme {

/// h += memory(x) (Memory Layers at Scale, arXiv 2412.09764, section 3). With the read
/// y[t,:] = sum_j w[t,j] * V[row[t,j],:] of a shared pool:
///   gate none     out = y (W = C), or Wp y + bp
///   gate silu     out = W2 (y * silu(W1 x + b1)) + b2       Memory+
///   gate sigmoid  out = sigmoid(wg.x + bg) * (gate none's out)
class MemoryLayer {
 public:
  struct Saved {
    ConstView x;  // (T, C)
    KeyLookup::Saved lookup;
    View y;  // (T, W): the read
    View u;  // (T, W): W1 x + b1, gate silu
    View p;  // (T, C): gate none's out, gate sigmoid
    View g;  // (T): wg.x + bg, gate sigmoid
  };
  /// `ordinal` counts the memory layers of the model; `pool` and the keys may serve several.
  MemoryLayer(const ParamScope& scope,
              const ResolvedMemory& memory,
              const ValuePool& pool,
              const KeySet& keys,
              Communicator& world,
              std::int64_t ordinal);

  /// x (T, C) f32; h (T, C) f32 is added to.
  Saved forward(Exec& ex, ParamSet& ps, const Pass& pass, ConstView x, View h, Arena& keep) const;
  /// dh (T, C): gradient of h; dx (T, C) overwritten, or added to.
  void backward(
      Exec& ex, ParamSet& ps, const Saved& saved, ConstView dh, View dx, bool accumulate) const;

 private:
  /// Gate none's out: y itself or Wp y + bp.
  ConstView project(Exec& ex, const ParamSet& ps, ConstView y, View out) const;
  View gate_backward(Exec& ex, ParamSet& ps, const Saved& s, ConstView dh, View dx) const;

  ResolvedMemory memory_;
  std::int64_t ordinal_;
  ValuePool pool_;
  KeyLookup lookup_;
  std::optional<Linear> project_;  // Wp, when W != C and the gate is not silu
  std::optional<Linear> w1_;       // gate silu
  std::optional<Linear> w2_;
  std::optional<Linear> gate_;  // gate sigmoid
};

}  // namespace mneme
