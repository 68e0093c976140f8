#include "optim/grad_clip.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "comm/self_comm.h"
#include "support/ranks.h"

#include "src/optim/optimizer_fixture.h"

namespace mneme::test {
namespace {

/// The norms of both sets, in doubles.
struct Norms {
  double main = 0;
  double values = 0;
};
Norms norms_of(const std::vector<std::int32_t>& touched) {
  double main = 0;
  double values = 0;
  const auto add = [](double& sum, const char* name, std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const double g = static_cast<double>(SomeParams::gradient(name, 1, i));
      sum += g * g;
    }
  };
  add(main, "matrix", 0, 35);
  add(main, "gain", 0, 9);
  add(main, "embedding", 0, 24);
  add(main, "keys", 0, 24);
  for (const std::int32_t row : touched)
    add(values, "pool.values", row * SomeParams::width, SomeParams::width);
  return {std::sqrt(main), std::sqrt(values)};
}

ClipResult clip(SomeParams& some, double limit, double limit_values) {
  SelfComm world("world");
  const Mesh mesh(world, {});
  OptimizerConfig config;
  config.clip = limit;
  config.clip_values = limit_values;
  return clip_gradients(some.ex, some.params, config, mesh);
}

TEST(GradClip, TwoSetsEachWithItsNormAndLimit) {
  SomeParams some({}, 10);
  const std::vector<std::int32_t> touched{1, 4, 5};
  some.set_gradients(1, touched);
  const Norms n = norms_of(touched);
  const ClipResult c = clip(some, 0.5, 2);
  EXPECT_NEAR(c.norm, n.main, 1e-14 * n.main);
  EXPECT_NEAR(c.norm_values, n.values, 1e-14 * n.values);
  EXPECT_NEAR(c.scale, 0.5 / (n.main + 1e-6), 1e-14);
  EXPECT_NEAR(c.scale_values, 2 / (n.values + 1e-6), 1e-14);
}

TEST(GradClip, ASmallGradientIsLeftAlone) {
  SomeParams some({}, 10);
  some.set_gradients(1, {3});
  const Norms n = norms_of({3});
  const ClipResult c = clip(some, n.main + 1e-3, n.values + 1e-3);
  EXPECT_EQ(c.scale, 1);
  EXPECT_EQ(c.scale_values, 1);
  EXPECT_LT(clip(some, n.main - 1e-3, 9).scale, 1);
  EXPECT_EQ(clip(some, n.main - 1e-3, 9).scale_values, 1);
}

TEST(GradClip, NoRowTouchedIsANormOfZero) {
  SomeParams some({}, 10);
  some.set_gradients(1, {});
  const ClipResult c = clip(some, 1, 1);
  EXPECT_EQ(c.norm_values, 0);
  EXPECT_EQ(c.scale_values, 1);
}

/// In f32 the small squares would vanish beside the large one: 2^26 + 34 * 1 rounds to 2^26 + 32.
TEST(GradClip, SquaresAreSummedInF64) {
  SomeParams some({}, 10);
  some.params.begin_step(some.ex);
  const auto g = some.param("matrix").grad.span<float>();
  for (float& x : g) x = 1;
  g[0] = 8192;
  EXPECT_EQ(clip(some, 1, 1).norm, std::sqrt(0x1p26 + 34));
}

/// Gradients of statistics do not exist, and columns of the pool count once over the memory axis.
TEST(GradClip, ColumnsOfAllRanksMakeOneNorm) {
  const double whole = norms_of({2, 7}).values;
  const double main = norms_of({}).main;
  run_ranks(3, [&](Communicator& world) {
    const Mesh mesh(world, {.data = 1, .memory = 3});
    SomeParams some({}, 10, MeshPosition({{"memory", mesh.memory().rank(), 3}}));
    const Range columns = some.pool().block.range;
    some.params.begin_step(some.ex);
    some.set_gradients(1, {});
    RowSums& sums = some.pool().row_sums;
    sums.count = 2;
    const auto values = sums.sums.span<float>();
    std::size_t at = 0;
    for (const std::int32_t row : {2, 7}) {
      for (std::int64_t c = columns.first; c < columns.last; ++c)
        values[at++] = SomeParams::gradient("pool.values", 1, row * SomeParams::width + c);
    }
    const ClipResult c = clip_gradients(some.ex, some.params, {}, mesh);
    EXPECT_NEAR(c.norm_values, whole, 1e-14 * whole);
    EXPECT_NEAR(c.norm, main, 1e-14 * main);
  });
}

}  // namespace
}  // namespace mneme::test
