#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

// clang-format off: foreach_target compiles what follows once per target, in this order
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense/exp_simd_test.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mneme::cpu::HWY_NAMESPACE {

void exp_of(std::size_t n, const float* x, float* y) {
  for_lanes(n, [=](auto d, std::size_t i)
                   HWY_ATTR { hn::StoreU(exp_lanes(d, hn::LoadU(d, x + i)), d, y + i); });
}

void sigmoid_of(std::size_t n, const float* x, float* y) {
  for_lanes(n, [=](auto d, std::size_t i)
                   HWY_ATTR { hn::StoreU(sigmoid_lanes(d, hn::LoadU(d, x + i)), d, y + i); });
}

}  // namespace mneme::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mneme::cpu {
namespace {

HWY_EXPORT(exp_of);
HWY_EXPORT(sigmoid_of);

/// Every 997th float of size 2^-32 to 88, down to -87.33.
TEST(Exp, IsWithinItsBoundOnEachTarget) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    double worst = 0;
    std::vector<float> x, y;
    const auto measure = [&] {
      y.assign(x.size(), 0);
      HWY_DYNAMIC_DISPATCH(exp_of)(x.size(), x.data(), y.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = std::exp(static_cast<double>(x[i]));
        const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
        worst = std::max(worst, std::abs(static_cast<double>(y[i]) - exact) / ulp);
      }
      x.clear();
    };
    for (const float sign : {-1.0F, 1.0F}) {
      for (std::uint32_t bits = 0x2f800000U; bits <= 0x42b00000U; bits += 997) {
        const float v = sign * std::bit_cast<float>(bits);
        if (v >= -87.33F) x.push_back(v);
        if (x.size() == 4096) measure();
      }
    }
    measure();
    EXPECT_LT(worst, 2.5) << hwy::TargetName(target);
    EXPECT_GT(worst, 0.4) << "a bound that nothing comes near checks nothing";
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Exp, EndsOfTheRange) {
  const float inf = INFINITY;
  const std::vector<float> x{0, -0.0F, -87.4F, -104, -1e30F, -inf, NAN, -87.3F};
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    std::vector<float> y(x.size());
    HWY_DYNAMIC_DISPATCH(exp_of)(x.size(), x.data(), y.data());
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], 1);
    for (std::size_t i = 2; i < 6; ++i) EXPECT_EQ(y[i], 0);
    EXPECT_TRUE(std::isnan(y[6]));
    EXPECT_NEAR(y[7] / std::exp(-87.3F), 1, 1e-6);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Sigmoid, KnowsNoOverflow) {
  const std::vector<float> x{-1000, -INFINITY, 1000, INFINITY, 0, NAN, -3, 3};
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    std::vector<float> y(x.size());
    HWY_DYNAMIC_DISPATCH(sigmoid_of)(x.size(), x.data(), y.data());
    EXPECT_EQ(std::vector<float>(y.begin(), y.begin() + 5), (std::vector<float>{0, 0, 1, 1, 0.5F}));
    EXPECT_TRUE(std::isnan(y[5]));
    EXPECT_NEAR(y[6], 1 / (1 + std::exp(3.0)), 1e-8);
    EXPECT_NEAR(y[7], 1 / (1 + std::exp(-3.0)), 1e-7);
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace mneme::cpu
#endif
