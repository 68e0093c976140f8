#include "kernels/optim/adamw.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/op_check.h"

namespace mneme::test {
namespace {

struct State {
  double w, m, v;
};

/// The update as the paper writes it, in double.
State plain_adamw(State s, double grad, const AdamWStep& p) {
  s.w *= 1 - p.lr * p.weight_decay;
  const double g = grad * p.grad_scale;
  s.m = p.beta1 * s.m + (1 - p.beta1) * g;
  s.v = p.beta2 * s.v + (1 - p.beta2) * g * g;
  const auto t = static_cast<double>(p.step);
  const double m_hat = s.m / (1 - std::pow(p.beta1, t));
  const double v_hat = s.v / (1 - std::pow(p.beta2, t));
  s.w -= p.lr * m_hat / (std::sqrt(v_hat) + p.eps);
  return s;
}

class AdamWTest : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(AdamWTest, AgreesWithPlainLoop) {
  const auto [n, step] = GetParam();
  const AdamWStep p{.lr = 0.01, .weight_decay = 0.1, .step = step, .grad_scale = 0.5};
  OpCheck check("adamw");
  const auto w = check.inout("weight", DType::f32, {n}, -2, 2);
  const auto g = check.in("grad", DType::f32, {n}, -1, 1);
  const auto m = check.inout("m", DType::f32, {n}, -1, 1);
  const auto v = check.inout("v", DType::f32, {n}, 0.1, 1);
  check.run([&](Exec& ex) {
    adamw(ex, {.weight = check.mut(w),
               .grad = check.get(g),
               .m = check.mut(m),
               .v = check.mut(v),
               .step = p});
  });
  const auto w0 = check.initial(w), g0 = check.initial(g), m0 = check.initial(m),
             v0 = check.initial(v);
  std::vector<double> want_w, want_m, want_v;
  for (std::size_t i = 0; i < w0.size(); ++i) {
    const State s = plain_adamw({w0[i], m0[i], v0[i]}, g0[i], p);
    want_w.push_back(s.w);
    want_m.push_back(s.m);
    want_v.push_back(s.v);
  }
  check.expect(w, want_w, tolerance(DType::f32, 2));
  check.expect(m, want_m, tolerance(DType::f32, 2));
  check.expect(v, want_v, tolerance(DType::f32, 2));
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         AdamWTest,
                         testing::Combine(testing::Values(0, 1, 15, 16, 33, 50000),
                                          testing::Values(1, 2, 1000)));

TEST(AdamW, FirstStepMovesByTheLearningRate) {
  OpCheck check("adamw");
  const auto w = check.inout("weight", {3}, std::vector<float>{1, 1, 1});
  const auto g = check.in("grad", {3}, std::vector<float>{1e-3F, -5, 0});
  const auto m = check.inout("m", {3}, std::vector<float>{0, 0, 0});
  const auto v = check.inout("v", {3}, std::vector<float>{0, 0, 0});
  check.run([&](Exec& ex) {
    adamw(ex, {.weight = check.mut(w),
               .grad = check.get(g),
               .m = check.mut(m),
               .v = check.mut(v),
               .step = {.lr = 0.25}});
  });
  check.expect(w, {0.75, 1.25, 1}, {.absolute = 1e-5});
}

/// 1 - lr*wd rounded to f32 would be off by up to 0.6% of the decay here.
TEST(AdamW, SmallDecayIsNotBiasedByRounding) {
  const double lr = 1e-4, weight_decay = 0.1;
  OpCheck check("adamw");
  std::vector<float> start(4096);
  for (std::size_t i = 0; i < start.size(); ++i) start[i] = 1 + static_cast<float>(i) / 4096;
  const auto w = check.inout("weight", {4096}, start);
  const auto g = check.in("grad", {4096}, std::vector<float>(4096));
  const auto m = check.inout("m", {4096}, std::vector<float>(4096));
  const auto v = check.inout("v", {4096}, std::vector<float>(4096));
  constexpr int steps = 50;
  check.run([&](Exec& ex) {
    for (int s = 1; s <= steps; ++s) {
      adamw(ex, {.weight = check.mut(w),
                 .grad = check.get(g),
                 .m = check.mut(m),
                 .v = check.mut(v),
                 .step = {.lr = lr, .weight_decay = weight_decay, .step = s}});
    }
  });
  const auto end = check.result(w);
  double ratio = 0;
  for (std::size_t i = 0; i < end.size(); ++i) ratio += end[i] / static_cast<double>(start[i]);
  const double decayed = 1 - ratio / 4096;
  const double wanted = 1 - std::pow(1 - lr * weight_decay, steps);
  EXPECT_NEAR(decayed / wanted, 1, 1e-3);
}

TEST(AdamW, RefusesOtherShapesAndSharedMemory) {
  OpCheck check("adamw");
  const auto w = check.inout("weight", DType::f32, {4}, 0, 1);
  const auto g = check.in("grad", DType::f32, {5}, 0, 1);
  Arena scratch("scratch", 0, cpu_device);
  Exec ex{cpu_device, scratch, 1};
  EXPECT_THROW(adamw(ex, {.weight = check.mut(w),
                          .grad = check.get(g),
                          .m = check.mut(w),
                          .v = check.mut(w),
                          .step = {}}),
               Error);
  EXPECT_THROW(adamw(ex, {.weight = check.mut(w),
                          .grad = check.get(w),
                          .m = check.mut(w),
                          .v = check.mut(w),
                          .step = {}}),
               Error);
}

}  // namespace
}  // namespace mneme::test
