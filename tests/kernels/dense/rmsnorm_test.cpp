#include "kernels/norm/rmsnorm.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/gradient_check.h"
#include "support/op_check.h"

namespace mneme::test {
namespace {

constexpr float rmsnorm_eps = 1e-5F;

/// y of RMSNorm over rows of C channels; `inputs` is x, then weight.
Values plain_rmsnorm(const Values& inputs, std::size_t channels, Values* rstd = nullptr) {
  const std::size_t tokens = (inputs.size() - channels) / channels;
  const double* weight = inputs.data() + tokens * channels;
  Values y(tokens * channels);
  for (std::size_t t = 0; t < tokens; ++t) {
    double squares = 0;
    for (std::size_t c = 0; c < channels; ++c) squares += std::pow(inputs[t * channels + c], 2);
    const double r =
        1 / std::sqrt(squares / static_cast<double>(channels) + static_cast<double>(rmsnorm_eps));
    if (rstd != nullptr) rstd->push_back(r);
    for (std::size_t c = 0; c < channels; ++c) {
      y[t * channels + c] = inputs[t * channels + c] * r * weight[c];
    }
  }
  return y;
}

class RmsNorm : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(RmsNorm, ForwardAgreesWithPlainLoop) {
  const auto [tokens, channels] = GetParam();
  for (const bool in_place : {false, true}) {
    OpCheck check("rmsnorm_forward");
    const auto x = check.inout("x", DType::f32, {tokens, channels}, -2, 2);
    const auto w = check.in("weight", DType::f32, {channels}, 0.5, 1.5);
    const auto y = in_place ? x : check.out("y", DType::f32, {tokens, channels});
    const auto r = check.out("rstd", DType::f32, {tokens});
    check.run([&](Exec& ex) {
      rmsnorm_forward(ex, {.x = check.get(x),
                           .weight = check.get(w),
                           .y = check.mut(y),
                           .rstd = check.mut(r),
                           .eps = rmsnorm_eps});
    });
    Values inputs = check.initial(x), rstd;
    const Values weight = check.initial(w);
    inputs.insert(inputs.end(), weight.begin(), weight.end());
    const Values wanted = plain_rmsnorm(inputs, size_of(channels), &rstd);
    // rstd: the relative error of a sum of positive terms is the sum's, halved by the root
    const Tolerance near{.relative = tolerance(DType::f32, channels).absolute};
    check.expect(y, wanted, near);
    check.expect(r, rstd, near);
    if (!in_place) check.expect(x, check.initial(x), {});
  }
}

/// dx and dweight against central differences of the plain loop, along directions.
TEST_P(RmsNorm, BackwardAgreesWithFiniteDifferences) {
  const std::int64_t tokens = std::get<0>(GetParam());
  const std::int64_t channels = std::get<1>(GetParam());
  for (const bool accumulate : {false, true}) {
    OpCheck check("rmsnorm_backward");
    const auto dy = check.in("dy", DType::f32, {tokens, channels}, -1, 1);
    const auto x = check.in("x", DType::f32, {tokens, channels}, -2, 2);
    const auto w = check.in("weight", DType::f32, {channels}, 0.5, 1.5);
    Values inputs = check.initial(x), rstd;
    const Values weight = check.initial(w);
    inputs.insert(inputs.end(), weight.begin(), weight.end());
    plain_rmsnorm(inputs, size_of(channels), &rstd);
    const auto r = check.in("rstd", {tokens}, std::vector<float>(rstd.begin(), rstd.end()));
    const auto dx = check.inout("dx", DType::f32, {tokens, channels}, -1, 1);
    const auto dw = check.inout("dweight", DType::f32, {channels}, -1, 1);
    check.run([&](Exec& ex) {
      rmsnorm_backward(ex, {.dy = check.get(dy),
                            .x = check.get(x),
                            .weight = check.get(w),
                            .rstd = check.get(r),
                            .dx = check.mut(dx),
                            .dweight = check.mut(dw),
                            .accumulate_dx = accumulate});
    });
    const auto plain = [&](const Values& v) { return plain_rmsnorm(v, size_of(channels)); };
    const std::size_t n = size_of(tokens * channels);
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      Values v = random_direction(inputs.size(), seed, "rmsnorm");
      const Values along_x(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(n));
      const Values along_w(v.begin() + static_cast<std::ptrdiff_t>(n), v.end());
      Values only_x = v, only_w = v;
      std::fill(only_x.begin() + static_cast<std::ptrdiff_t>(n), only_x.end(), 0);
      std::fill(only_w.begin(), only_w.begin() + static_cast<std::ptrdiff_t>(n), 0);
      const Values g = check.initial(dy);
      const double before_x = accumulate ? dot(check.initial(dx), along_x) : 0;
      const double before_w = dot(check.initial(dw), along_w);
      // rstd is at most about 2 for these inputs (C = 1: x may be small; then up to 300)
      const double term = channels == 1 ? 300 : 8;
      check.expect_along(dx, along_x, before_x + directional_difference(plain, inputs, only_x, g),
                         tolerance(DType::f32, static_cast<std::int64_t>(n), term));
      check.expect_along(dw, along_w, before_w + directional_difference(plain, inputs, only_w, g),
                         tolerance(DType::f32, static_cast<std::int64_t>(n), term));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         RmsNorm,
                         testing::Combine(testing::Values(1, 3, 300),
                                          testing::Values(1, 2, 31, 33, 256, 1000)));

TEST(RmsNorm, BackwardInPlaceGivesTheSameBits) {
  Values result[2];
  for (const bool in_place : {false, true}) {
    OpCheck check("rmsnorm_backward", 7);
    const auto dy = check.inout("dy", DType::f32, {5, 33}, -1, 1);
    const auto x = check.in("x", DType::f32, {5, 33}, -2, 2);
    const auto w = check.in("weight", DType::f32, {33}, 0.5, 1.5);
    const auto r = check.in("rstd", DType::f32, {5}, 0.5, 1.5);
    const auto dx = in_place ? dy : check.out("dx", DType::f32, {5, 33});
    const auto dw = check.inout("dweight", {33}, std::vector<float>(33));
    check.run([&](Exec& ex) {
      rmsnorm_backward(ex, {.dy = check.get(dy),
                            .x = check.get(x),
                            .weight = check.get(w),
                            .rstd = check.get(r),
                            .dx = check.mut(dx),
                            .dweight = check.mut(dw)});
    });
    result[in_place ? 1 : 0] = check.result(dx);
  }
  EXPECT_EQ(result[0], result[1]);
}

}  // namespace
}  // namespace mneme::test
