#include <cmath>
#include <limits>

#include "kernels/loss/cross_entropy_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/loss/cross_entropy_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// The largest of n values; NaN may be passed over (the sum of exponentials will meet it).
HWY_INLINE float largest(std::size_t n, const float* x) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  auto m0 = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto m1 = m0;
  std::size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, x + i));
    m1 = hn::Max(m1, hn::LoadU(d, x + i + lanes));
  }
  float m = hn::GetLane(hn::MaxOfLanes(d, hn::Max(m0, m1)));
  for (; i < n; ++i) m = x[i] > m ? x[i] : m;
  return m;
}

RowLoss cross_entropy_row(
    std::size_t n, std::size_t target, float scale, float z_weight, bool gradient, float* logits) {
  const float top = largest(n, logits);
  const float at_target = logits[target];
  const float sum = sum_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    const auto e = exp_lanes(d, hn::Sub(hn::LoadU(d, logits + i), hn::Set(d, top)));
    if (gradient) hn::StoreU(e, d, logits + i);
    return e;
  });
  const float lse = top + std::log(sum);
  if (gradient) {
    const float factor = scale * (1.0F + 2.0F * z_weight * lse) / sum;
    for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, logits + i), hn::Set(d, factor)), d, logits + i);
    });
    logits[target] -= scale;
  }
  return {.loss = lse - at_target, .lse = lse};
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(cross_entropy_row);
RowLoss cross_entropy_row(
    std::size_t n, std::size_t target, float scale, float z_weight, bool gradient, float* logits) {
  return HWY_DYNAMIC_DISPATCH(cross_entropy_row)(n, target, scale, z_weight, gradient, logits);
}

}  // namespace mneme::cpu
#endif
