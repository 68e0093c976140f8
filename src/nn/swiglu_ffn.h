#pragma once

#include "nn/linear.h"

namespace mneme {

/// h += W2 (silu(W1 x) * W3 x), no biases (Shazeer 2020, arXiv 2002.05202).
class SwiGluFfn {
 public:
  struct Saved {
    ConstView x;  // (T, C)
    View u;       // (T, F): W1 x
    View y;       // (T, F): W3 x
  };
  SwiGluFfn(const ParamScope& scope, std::int64_t channels, std::int64_t hidden);
  Saved forward(Exec& ex, const ParamSet& ps, ConstView x, View h, Arena& keep) const;
  /// dh (T, C): gradient of h; dx (T, C) overwritten.
  void backward(Exec& ex, ParamSet& ps, const Saved& saved, ConstView dh, View dx) const;

 private:
  std::int64_t hidden_;
  Linear w1_;
  Linear w3_;
  Linear w2_;
};

}  // namespace mneme
