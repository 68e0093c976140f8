#include <cmath>
#include <cstddef>

#include "kernels/norm/rmsnorm_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/rmsnorm_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

void rmsnorm_rows_forward(const RmsNormRows& rows, float eps, float* y, float* rstd) {
  const auto channels = static_cast<std::size_t>(rows.channels);
  const float* weight = rows.weight;
  for (std::int64_t t = 0; t < rows.tokens; ++t) {
    const float* x = rows.x + t * rows.channels;
    float* out = y + t * rows.channels;
    const float squares = sum_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto v = hn::LoadU(d, x + i);
      return hn::Mul(v, v);
    });
    const float r = 1.0F / std::sqrt(squares / static_cast<float>(rows.channels) + eps);
    rstd[t] = r;
    for_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto scaled = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, r));
      hn::StoreU(hn::Mul(scaled, hn::LoadU(d, weight + i)), d, out + i);
    });
  }
}

void rmsnorm_rows_backward(const RmsNormRows& rows,
                           const float* dy_rows,
                           const float* rstd,
                           bool accumulate_dx,
                           float* dx_rows,
                           float* dweight_sum) {
  const auto channels = static_cast<std::size_t>(rows.channels);
  const float* weight = rows.weight;
  for (std::int64_t t = 0; t < rows.tokens; ++t) {
    const float* x = rows.x + t * rows.channels;
    const float* dy = dy_rows + t * rows.channels;
    float* dx = dx_rows + t * rows.channels;
    const float r = rstd[t];
    const float sum = sum_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto g = hn::Mul(hn::LoadU(d, dy + i), hn::LoadU(d, weight + i));
      return hn::Mul(g, hn::LoadU(d, x + i));
    });
    // mean of g*xhat, times the r of xhat = x*r
    const float along = sum * r / static_cast<float>(rows.channels) * r;
    for_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto vdy = hn::LoadU(d, dy + i);
      const auto vx = hn::LoadU(d, x + i);
      const auto vr = hn::Set(d, r);
      const auto dw = hn::MulAdd(hn::Mul(vdy, vx), vr, hn::LoadU(d, dweight_sum + i));
      hn::StoreU(dw, d, dweight_sum + i);
      const auto g = hn::Mul(vdy, hn::LoadU(d, weight + i));
      auto out = hn::Mul(vr, hn::NegMulAdd(vx, hn::Set(d, along), g));
      if (accumulate_dx) out = hn::Add(out, hn::LoadU(d, dx + i));
      hn::StoreU(out, d, dx + i);
    });
  }
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(rmsnorm_rows_forward);
void rmsnorm_rows_forward(const RmsNormRows& rows, float eps, float* y, float* rstd) {
  HWY_DYNAMIC_DISPATCH(rmsnorm_rows_forward)(rows, eps, y, rstd);
}

HWY_EXPORT(rmsnorm_rows_backward);
void rmsnorm_rows_backward(const RmsNormRows& rows,
                           const float* dy,
                           const float* rstd,
                           bool accumulate_dx,
                           float* dx,
                           float* dweight_sum) {
  HWY_DYNAMIC_DISPATCH(rmsnorm_rows_backward)(rows, dy, rstd, accumulate_dx, dx, dweight_sum);
}

}  // namespace mneme::cpu
#endif
