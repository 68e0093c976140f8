#include "kernels/util/elementwise_loops.h"

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/util/elementwise_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

void add_elements(std::size_t n, const float* x, float* y) {
  for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::LoadU(d, x + i)), d, y + i);
  });
}

void add_scaled_elements(std::size_t n,
                         float factor,
                         const float* HWY_RESTRICT x,
                         float* HWY_RESTRICT y) {
  for_lanes(n, [=](auto d, std::size_t i) HWY_ATTR {
    const auto sum = hn::MulAdd(hn::Set(d, factor), hn::LoadU(d, x + i), hn::LoadU(d, y + i));
    hn::StoreU(sum, d, y + i);
  });
}

/// Sum of f(x[i]) in f64 with four running vectors; f gets (f64 tag, vector of x, running sum).
template <class F>
HWY_INLINE double sum_in_f64(std::size_t n, const float* HWY_RESTRICT x, const F& f) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = f(d, hn::PromoteTo(d, hn::LoadU(half, x + i)), s0);
    s1 = f(d, hn::PromoteTo(d, hn::LoadU(half, x + i + lanes)), s1);
    s2 = f(d, hn::PromoteTo(d, hn::LoadU(half, x + i + 2 * lanes)), s2);
    s3 = f(d, hn::PromoteTo(d, hn::LoadU(half, x + i + 3 * lanes)), s3);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  const hn::CappedTag<double, 1> one;
  for (; i < n; ++i) {
    sum = hn::GetLane(f(one, hn::Set(one, static_cast<double>(x[i])), hn::Set(one, sum)));
  }
  return sum;
}

double sum_squares_elements(std::size_t n, const float* x) {
  return sum_in_f64(n, x, [](auto, auto v, auto sum) HWY_ATTR { return hn::MulAdd(v, v, sum); });
}

double sum_elements(std::size_t n, const float* x) {
  return sum_in_f64(n, x, [](auto, auto v, auto sum) HWY_ATTR { return hn::Add(v, sum); });
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {

HWY_EXPORT(add_elements);
void add_elements(std::size_t n, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(add_elements)(n, x, y);
}

HWY_EXPORT(add_scaled_elements);
void add_scaled_elements(std::size_t n, float factor, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(add_scaled_elements)(n, factor, x, y);
}

HWY_EXPORT(sum_squares_elements);
double sum_squares_elements(std::size_t n, const float* x) {
  return HWY_DYNAMIC_DISPATCH(sum_squares_elements)(n, x);
}

HWY_EXPORT(sum_elements);
double sum_elements(std::size_t n, const float* x) {
  return HWY_DYNAMIC_DISPATCH(sum_elements)(n, x);
}

}  // namespace mneme::cpu
#endif
