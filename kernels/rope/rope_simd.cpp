#include <cmath>
#include <cstddef>

#include "kernels/rope/rope_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rope/rope_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

/// (cos, sin) of the next position from those of this one.
template <class D>
HWY_INLINE void advance_lanes(D d, const RopeTokens& a, std::size_t half, std::size_t i) {
  const auto c = hn::LoadU(d, a.turn + i);
  const auto s = hn::LoadU(d, a.turn + half + i);
  const auto uc = hn::LoadU(d, a.unit_cos + i);
  const auto us = hn::LoadU(d, a.unit_sin + i);
  hn::StoreU(hn::NegMulAdd(s, us, hn::Mul(c, uc)), d, a.turn + i);
  hn::StoreU(hn::MulAdd(c, us, hn::Mul(s, uc)), d, a.turn + half + i);
}

HWY_INLINE void advance(const RopeTokens& a, std::size_t half) {
  const hn::ScalableTag<double> d;
  const hn::CappedTag<double, 1> one;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= half; i += hn::Lanes(d)) advance_lanes(d, a, half, i);
  for (; i < half; ++i) advance_lanes(one, a, half, i);
}

HWY_INLINE void start_at(const RopeTokens& a, std::size_t half, std::int32_t position) {
  for (std::size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * a.frequency[i];
    a.turn[i] = std::cos(angle);
    a.turn[half + i] = std::sin(angle);
  }
}

void rope_tokens(const RopeTokens& a) {
  const std::size_t half = static_cast<std::size_t>(a.width) / 2;
  const double sign = a.inverse ? -1.0 : 1.0;
  const float* c = a.turn_in_f32;
  const float* s = a.turn_in_f32 + half;
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    if (t > 0 && a.positions[t] == a.positions[t - 1] + 1) {
      advance(a, half);
    } else {
      start_at(a, half, a.positions[t]);
    }
    for (std::size_t i = 0; i < half; ++i) {
      a.turn_in_f32[i] = static_cast<float>(a.turn[i]);
      a.turn_in_f32[half + i] = static_cast<float>(sign * a.turn[half + i]);
    }
    for (std::int64_t h = 0; h < a.rotated; ++h) {
      float* low = a.x + (t * a.heads + h) * a.width;
      float* high = low + half;
      for_lanes(half, [=](auto d, std::size_t i) HWY_ATTR {
        const auto vc = hn::LoadU(d, c + i);
        const auto vs = hn::LoadU(d, s + i);
        const auto x = hn::LoadU(d, low + i);
        const auto y = hn::LoadU(d, high + i);
        hn::StoreU(hn::NegMulAdd(y, vs, hn::Mul(x, vc)), d, low + i);
        hn::StoreU(hn::MulAdd(x, vs, hn::Mul(y, vc)), d, high + i);
      });
    }
  }
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(rope_tokens);
void rope_tokens(const RopeTokens& a) {
  HWY_DYNAMIC_DISPATCH(rope_tokens)(a);
}

}  // namespace mneme::cpu
#endif
