#include <cmath>
#include <cstddef>

#include "kernels/norm/standardize_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/standardize_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

void layernorm_rows_forward(std::int64_t tokens,
                            std::int64_t row,
                            const float* x_rows,
                            float eps,
                            float* y_rows,
                            float* rstd) {
  const auto channels = static_cast<std::size_t>(row);
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* x = x_rows + t * row;
    float* y = y_rows + t * row;
    const float sum =
        sum_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR { return hn::LoadU(d, x + i); });
    const float mean = sum / static_cast<float>(row);
    const float squares = sum_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto off = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
      return hn::Mul(off, off);
    });
    const float r = 1.0F / std::sqrt(squares / static_cast<float>(row) + eps);
    rstd[t] = r;
    for_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto off = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
      hn::StoreU(hn::Mul(off, hn::Set(d, r)), d, y + i);
    });
  }
}

void layernorm_rows_backward(std::int64_t tokens,
                             std::int64_t row,
                             const float* dy_rows,
                             const float* y_rows,
                             const float* rstd,
                             float* dx_rows) {
  const auto channels = static_cast<std::size_t>(row);
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* dy = dy_rows + t * row;
    const float* y = y_rows + t * row;
    float* dx = dx_rows + t * row;
    const float r = rstd[t];
    const float sum =
        sum_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR { return hn::LoadU(d, dy + i); });
    const float along = sum_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      return hn::Mul(hn::LoadU(d, dy + i), hn::LoadU(d, y + i));
    });
    const float mean = sum / static_cast<float>(row);
    const float mean_along = along / static_cast<float>(row);
    for_lanes(channels, [=](auto d, std::size_t i) HWY_ATTR {
      const auto off = hn::Sub(hn::LoadU(d, dy + i), hn::Set(d, mean));
      const auto rest = hn::NegMulAdd(hn::LoadU(d, y + i), hn::Set(d, mean_along), off);
      hn::StoreU(hn::Mul(rest, hn::Set(d, r)), d, dx + i);
    });
  }
}

void column_moments_rows(std::int64_t tokens,
                         std::int64_t channels,
                         const float* HWY_RESTRICT x,
                         const float* HWY_RESTRICT y,
                         double* HWY_RESTRICT sums) {
  double* HWY_RESTRICT products = sums + channels;
  for (std::int64_t t = 0; t < tokens; ++t) {  // the compiler vectorises these for the target
    const float* HWY_RESTRICT a = x + t * channels;
    const float* HWY_RESTRICT b = y + t * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double value = static_cast<double>(a[c]);
      sums[c] += value;
      products[c] += value * static_cast<double>(b[c]);
    }
  }
}

void column_affine_rows(const AffineRows& a, float* y_rows) {
  const AffineRows p = a;
  for (std::int64_t t = 0; t < p.tokens; ++t) {
    const std::int64_t at = t * p.channels;
    for_lanes(static_cast<std::size_t>(p.channels), [=](auto d, std::size_t i) HWY_ATTR {
      auto v = hn::MulAdd(hn::LoadU(d, p.x + at + i), hn::LoadU(d, p.scale + i),
                          hn::LoadU(d, p.shift + i));
      if (p.z != nullptr) {
        v = hn::MulAdd(hn::LoadU(d, p.z + at + i), hn::LoadU(d, p.z_scale + i), v);
      }
      hn::StoreU(v, d, y_rows + at + i);
    });
  }
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(layernorm_rows_forward);
void layernorm_rows_forward(
    std::int64_t tokens, std::int64_t channels, const float* x, float eps, float* y, float* rstd) {
  HWY_DYNAMIC_DISPATCH(layernorm_rows_forward)(tokens, channels, x, eps, y, rstd);
}

HWY_EXPORT(layernorm_rows_backward);
void layernorm_rows_backward(std::int64_t tokens,
                             std::int64_t channels,
                             const float* dy,
                             const float* y,
                             const float* rstd,
                             float* dx) {
  HWY_DYNAMIC_DISPATCH(layernorm_rows_backward)(tokens, channels, dy, y, rstd, dx);
}

HWY_EXPORT(column_moments_rows);
void column_moments_rows(
    std::int64_t tokens, std::int64_t channels, const float* x, const float* y, double* sums) {
  HWY_DYNAMIC_DISPATCH(column_moments_rows)(tokens, channels, x, y, sums);
}

HWY_EXPORT(column_affine_rows);
void column_affine_rows(const AffineRows& a, float* y) {
  HWY_DYNAMIC_DISPATCH(column_affine_rows)(a, y);
}

}  // namespace mneme::cpu
#endif
