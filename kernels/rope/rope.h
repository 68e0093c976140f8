#pragma once

#include "runtime/exec.h"
#include "tensor/view.h"

namespace mneme {

/// Rotary positions, "rotate half" layout, in place on the first `rotated` heads of each token:
///   (x[i], x[i+w/2]) is turned by the angle position * theta^(-2i/w),  i < w/2;  backward turns
///   back
struct Rope {
  View x;                  // (T, heads, w) f32, w even
  ConstView positions;     // (T) i32
  int rotated = 0;         // heads that turn, the first ones (queries and keys); the others stay
  double theta = 10000.0;  // > 1
  bool inverse = false;    // true in backward: gradients turn by minus the angle
  void validate() const;
};
void rope(Exec& ex, const Rope& a);

}  // namespace mneme
