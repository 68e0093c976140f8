#include "kernels/norm/standardize.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

constexpr float standardize_eps = 1e-5F;

Values plain_layernorm(const Values& x, std::size_t channels, Values* rstd = nullptr) {
  Values y;
  const double n = static_cast<double>(channels);
  for (std::size_t start = 0; start < x.size(); start += channels) {
    double mean = 0, variance = 0;
    for (std::size_t c = 0; c < channels; ++c) mean += x[start + c] / n;
    for (std::size_t c = 0; c < channels; ++c) variance += std::pow(x[start + c] - mean, 2) / n;
    const double r = 1 / std::sqrt(variance + static_cast<double>(standardize_eps));
    if (rstd != nullptr) rstd->push_back(r);
    for (std::size_t c = 0; c < channels; ++c) y.push_back((x[start + c] - mean) * r);
  }
  return y;
}

class Standardize : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(Standardize, LayerNormForwardAgreesWithPlainLoop) {
  const auto [tokens, channels] = GetParam();
  for (const bool in_place : {false, true}) {
    OpCheck check("layernorm_forward");
    const auto x = check.inout("x", DType::f32, {tokens, channels}, -1, 5);
    const auto y = in_place ? x : check.out("y", DType::f32, {tokens, channels});
    const auto r = check.out("rstd", DType::f32, {tokens});
    check.run([&](Exec& ex) {
      layernorm_forward(
          ex, {.x = check.get(x), .y = check.mut(y), .rstd = check.mut(r), .eps = standardize_eps});
    });
    Values rstd;
    const Values wanted = plain_layernorm(check.initial(x), size_of(channels), &rstd);
    // The mean's error, some roundings of a value of 5, is multiplied by rstd (about 0.6; 316 when
    // the variance vanishes, as it does for one channel).
    double largest = 0;
    for (const double v : rstd) largest = std::max(largest, v);
    check.expect(y, wanted, tolerance(DType::f32, channels, 5 * largest));
    check.expect(r, rstd, tolerance(DType::f32, channels, 5 * largest * largest));
  }
}

TEST_P(Standardize, LayerNormBackwardAgreesWithFiniteDifferences) {
  const std::int64_t tokens = std::get<0>(GetParam());
  const std::int64_t channels = std::get<1>(GetParam());
  OpCheck check("layernorm_backward");
  const auto dy = check.in("dy", DType::f32, {tokens, channels}, -1, 1);
  Values x = random_direction(size_of(tokens * channels), 1, "layernorm"), rstd;
  const Values y0 = plain_layernorm(x, size_of(channels), &rstd);
  const auto y = check.in("y", {tokens, channels}, std::vector<float>(y0.begin(), y0.end()));
  const auto r = check.in("rstd", {tokens}, std::vector<float>(rstd.begin(), rstd.end()));
  const auto dx = check.out("dx", DType::f32, {tokens, channels});
  check.run([&](Exec& ex) {
    layernorm_backward(
        ex, {.dy = check.get(dy), .y = check.get(y), .rstd = check.get(r), .dx = check.mut(dx)});
  });
  const auto plain = [&](const Values& at) { return plain_layernorm(at, size_of(channels)); };
  double largest = 0;
  for (const double v : rstd) largest = std::max(largest, v);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Values v = random_direction(x.size(), seed, "layernorm v");
    // differences: relative to eps = 1e-5 a step of 1e-6 keeps the curvature's share below 1e-9
    check.expect_along(dx, v, directional_difference(plain, x, v, check.initial(dy), 1e-6),
                       tolerance(DType::f32, tokens * channels, 4 * largest));
  }
}

TEST_P(Standardize, ColumnMomentsAgreeWithPlainLoop) {
  const auto [tokens, channels] = GetParam();
  OpCheck check("column_moments");
  const auto x = check.in("x", DType::f32, {tokens, channels}, -1, 1);
  const auto y = check.in("y", DType::f32, {tokens, channels}, -1, 1);
  const auto sums = check.out("sums", DType::f64, {2, channels});
  check.run([&](Exec& ex) {
    column_moments(ex, {.x = check.get(x), .y = check.get(y), .sums = check.mut(sums)});
  });
  const Values x0 = check.initial(x), y0 = check.initial(y);
  const std::size_t n = size_of(channels);
  Values wanted(2 * n);
  for (std::size_t i = 0; i < x0.size(); ++i) {
    wanted[i % n] += x0[i];
    wanted[n + i % n] += x0[i] * y0[i];
  }
  check.expect(sums, wanted,
               {.absolute = unit_roundoff(DType::f64) * static_cast<double>(2 * tokens)});
}

TEST_P(Standardize, ColumnAffineAgreesWithPlainLoop) {
  const auto [tokens, channels] = GetParam();
  for (const bool with_z : {false, true}) {
    OpCheck check("column_affine");
    const auto x = check.inout("x", DType::f32, {tokens, channels}, -1, 1);
    const auto z = check.in("z", DType::f32, {tokens, channels}, -1, 1);
    const auto scale = check.in("scale", DType::f32, {channels}, -1, 1);
    const auto shift = check.in("shift", DType::f32, {channels}, -1, 1);
    const auto z_scale = check.in("z_scale", DType::f32, {channels}, -1, 1);
    check.run([&](Exec& ex) {
      column_affine(ex, {.x = check.get(x),
                         .scale = check.get(scale),
                         .shift = check.get(shift),
                         .y = check.mut(x),
                         .z = with_z ? check.get(z) : ConstView{},
                         .z_scale = with_z ? check.get(z_scale) : ConstView{}});
    });
    Values wanted = check.initial(x);
    const Values z0 = check.initial(z), s0 = check.initial(scale), h0 = check.initial(shift),
                 zs0 = check.initial(z_scale);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::size_t c = i % size_of(channels);
      wanted[i] = wanted[i] * s0[c] + h0[c] + (with_z ? z0[i] * zs0[c] : 0);
    }
    check.expect(x, wanted, tolerance(DType::f32, 3));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         Standardize,
                         testing::Combine(testing::Values(1, 3, 300),
                                          testing::Values(1, 2, 33, 256)));

}  // namespace
}  // namespace mneme::test
