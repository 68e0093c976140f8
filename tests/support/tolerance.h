#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/dtype.h"

namespace mneme::test {

/// How far a result may be from the oracle: absolute + relative * |wanted|.
struct Tolerance {
  double relative = 0;
  double absolute = 0;

  /// By how much `found` is too far off; 0 if it is not. NaN agrees with NaN only.
  double excess(double found, double wanted) const {
    if (std::isnan(found) && std::isnan(wanted)) return 0;
    if (found == wanted) return 0;  // infinities too
    const double off = std::abs(found - wanted) - (absolute + relative * std::abs(wanted));
    return std::isnan(off) ? std::numeric_limits<double>::infinity() : std::max(off, 0.0);
  }
};

/// Half the distance from 1 to the next number: the relative error of one rounding.
inline double unit_roundoff(DType type) {
  switch (type) {
    case DType::bf16:
      return std::ldexp(1.0, -8);
    case DType::f64:
      return std::ldexp(1.0, -53);
    default:
      return std::ldexp(1.0, -24);
  }
}

/// For a result stored as `type` that is an f32 sum of `sum_length` terms of size up to `term`.
/// Roundings of a sum wander: after n additions of partial sums of size sqrt(n)*term (random signs)
/// the error is about sqrt(n) * sqrt(n)*term * u = n*term*u. The bound takes that with a few terms
/// more for the arithmetic of each term, and 8 roundings of the result itself.
inline Tolerance tolerance(DType type, std::int64_t sum_length, double term = 1.0) {
  const double u = unit_roundoff(DType::f32);
  return {.relative = 8 * u + (type == DType::bf16 ? unit_roundoff(type) : 0),
          .absolute = u * term * static_cast<double>(sum_length + 8)};
}

}  // namespace mneme::test
