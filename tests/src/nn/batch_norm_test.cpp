#include "nn/batch_norm.h"

#include <cmath>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "comm/self_comm.h"
#include "support/gradient_check.h"
#include "support/ranks.h"

namespace mneme::test {
namespace {

constexpr std::int64_t all_tokens = 12;  // of all ranks
constexpr std::int64_t features = 5;
constexpr float epsilon = 1e-3F;

/// The columns' means and variances over all tokens.
struct Moments {
  Values mean = Values(features, 0.0);
  Values variance = Values(features, 0.0);
  explicit Moments(const Values& x) {
    for (std::size_t i = 0; i < x.size(); ++i) mean[i % features] += x[i] / all_tokens;
    for (std::size_t i = 0; i < x.size(); ++i)
      variance[i % features] += std::pow(x[i] - mean[i % features], 2) / all_tokens;
  }
};

Values plain_batch_norm(const Values& x) {
  const Moments m(x);
  Values y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t f = i % features;
    y[i] = (x[i] - m.mean[f]) / std::sqrt(m.variance[f] + static_cast<double>(epsilon));
  }
  return y;
}

Values f32_values(std::uint64_t seed, const std::string& name) {
  Values v = random_direction(size_of(all_tokens * features), seed, name);
  for (double& x : v) x = static_cast<double>(static_cast<float>(x));
  return v;
}

/// One rank's module and its slice of x.
struct OnRank {
  ParamSet params;
  BatchNorm norm;
  Arena weights{"weights", 1 << 16, cpu_device};
  Arena grads{"grads", 1 << 16, cpu_device};
  Arena keep{"keep", 1 << 16, cpu_device};
  Arena scratch{"scratch", 1 << 16, cpu_device};
  Exec ex{cpu_device, scratch, 1};
  std::vector<float> x, dy, dx;
  Shape shape;

  OnRank(Communicator& world, const Values& all_x, const Values& all_dy)
      : norm(ParamScope(params, "query_norm."), features, epsilon, world),
        shape{all_tokens / world.size(), features} {
    params.allocate(weights, grads);
    params.initialise(ex, 1);
    const auto first = world.rank() * shape.count();
    x.assign(all_x.begin() + first, all_x.begin() + first + shape.count());
    dy.assign(all_dy.begin() + first, all_dy.begin() + first + shape.count());
    dx.resize(x.size());
  }
  View in() { return view_of(std::span<float>(x), shape); }
  std::vector<float> running(std::size_t which) const {
    const auto v = params.all().at(which).weight.span<const float>();
    return {v.begin(), v.end()};
  }
};

/// y and dx over all ranks.
struct Outcome {
  Values y = Values(size_of(all_tokens * features));
  Values dx = y;
};
Outcome run(int ranks, const Values& x, const Values& dy) {
  Outcome o;
  run_ranks(ranks, [&](Communicator& world) {
    OnRank r(world, x, dy);
    const auto saved = r.norm.forward(r.ex, r.params, Mode::train, r.in(), r.keep);
    r.norm.backward(r.ex, saved, view_of(std::span<const float>(r.dy), r.shape),
                    view_of(std::span<float>(r.dx), r.shape));
    const auto first = static_cast<std::size_t>(world.rank()) * r.x.size();
    for (std::size_t i = 0; i < r.x.size(); ++i) {
      o.y[first + i] = static_cast<double>(saved.y.span<const float>()[i]);
      o.dx[first + i] = static_cast<double>(r.dx[i]);
    }
  });
  return o;
}

class BatchNormRanks : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(, BatchNormRanks, testing::Values(1, 2, 3));

TEST_P(BatchNormRanks, ForwardIsThatOfAllTokens) {
  const Values x = f32_values(1, "x");
  const Outcome o = run(GetParam(), x, x);
  const Values wanted = plain_batch_norm(x);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(o.y[i], wanted[i], 16 * 0x1p-24);
}

/// <dx, v> = (<dy, f(x+hv)> - <dy, f(x-hv)>) / 2h, through the statistics of all ranks.
TEST_P(BatchNormRanks, BackwardIsTheDerivativeAlongDirections) {
  const Values x = f32_values(1, "x");
  const Values dy = f32_values(2, "dy");
  const Outcome o = run(GetParam(), x, dy);
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Values v = random_direction(x.size(), seed, "v");
    const double wanted = directional_difference(plain_batch_norm, x, v, dy);
    double size = 0;  // of the terms, for f32's roundings
    for (std::size_t i = 0; i < v.size(); ++i) size += std::abs(o.dx[i] * v[i]);
    EXPECT_NEAR(dot(o.dx, v), wanted, 32 * 0x1p-24 * size + 1e-9) << "direction " << seed;
  }
}

TEST(BatchNorm, RunningValuesMoveByATenthInTrainingOnly) {
  SelfComm world("world");
  const Values x = f32_values(1, "x");
  const Moments m(x);
  OnRank r(world, x, x);
  r.norm.forward(r.ex, r.params, Mode::train, r.in(), r.keep);
  for (std::size_t f = 0; f < features; ++f) {
    EXPECT_NEAR(static_cast<double>(r.running(0)[f]), 0.1 * m.mean[f], 4 * 0x1p-24);
    EXPECT_NEAR(static_cast<double>(r.running(1)[f]), 0.9 + 0.1 * m.variance[f], 4 * 0x1p-24);
  }
  const auto mean = r.running(0);
  const auto variance = r.running(1);
  r.norm.forward(r.ex, r.params, Mode::recompute, r.in(), r.keep);
  const auto saved = r.norm.forward(r.ex, r.params, Mode::evaluate, r.in(), r.keep);
  EXPECT_EQ(r.running(0), mean);
  EXPECT_EQ(r.running(1), variance);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t f = i % features;
    const double wanted =
        (x[i] - static_cast<double>(mean[f])) /
        std::sqrt(static_cast<double>(variance[f]) + static_cast<double>(epsilon));
    EXPECT_NEAR(static_cast<double>(saved.y.span<const float>()[i]), wanted, 16 * 0x1p-24);
  }
}

}  // namespace
}  // namespace mneme::test
