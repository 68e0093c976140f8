#include "params/param_set.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace mneme {
namespace {

/// A set with one parameter of each kind, as rank `index` of `size` on the memory axis.
struct Fixture {
  ParamSet set;
  ParamId matrix;
  ParamId pool;
  Arena weights;
  Arena grads;
  Arena scratch = Arena("scratch", 1 << 20, cpu_device);
  Exec ex{cpu_device, scratch, 2};

  Fixture(std::int64_t index, std::int64_t size)
      : set(MeshPosition({{"memory", index, size}})),
        matrix(set.declare({.name = "matrix", .shape = {6, 5}, .init = TruncatedNormal{0.5, 3}})),
        pool(set.declare({.name = "pool",
                          .shape = {8, 7},
                          .init = Normal{1},
                          .group = Group::memory_values,
                          .place = Split{"memory", 1},
                          .grad = GradKind::sparse_rows,
                          .touched_rows = 4})),
        weights("weights", 1 << 16, cpu_device),
        grads("grads", 1 << 16, cpu_device) {
    set.allocate(weights, grads);
    set.initialise(ex, 3);
  }
};

TEST(ParamSet, InitialValuesDoNotDependOnTheSplit) {
  Fixture whole(0, 1);
  const auto all = whole.set[whole.pool].weight.span<const float>();
  for (const std::int64_t size : {2, 3, 4}) {
    for (std::int64_t m = 0; m < size; ++m) {
      Fixture part(m, size);
      const Param& p = part.set[part.pool];
      const auto mine = p.weight.span<const float>();
      const std::int64_t width = p.block.range.count();
      EXPECT_EQ(p.block.shape, Shape({8, width}));
      for (std::int64_t r = 0; r < 8; ++r) {
        for (std::int64_t c = 0; c < width; ++c) {
          EXPECT_EQ(mine[static_cast<std::size_t>(r * width + c)],
                    all[static_cast<std::size_t>(r * 7 + p.block.range.first + c)]);
        }
      }
      const auto matrix = part.set[part.matrix].weight.span<const float>();
      const auto expected = whole.set[whole.matrix].weight.span<const float>();
      EXPECT_TRUE(std::equal(matrix.begin(), matrix.end(), expected.begin()));
    }
  }
}

TEST(ParamSet, SeedsAndNamesGiveOtherValues) {
  Fixture f(0, 1);
  const float first = f.set[f.matrix].weight.span<const float>()[0];
  f.set.initialise(f.ex, 4);
  EXPECT_NE(f.set[f.matrix].weight.span<const float>()[0], first);
}

TEST(ParamSet, ASecondParameterOfTheSameNameIsRefused) {
  ParamSet set;
  const ParamScope scope = ParamScope(set).in("layers", 4).in("memory");
  scope.declare({.name = "keys", .shape = {2}, .init = Constant{0}});
  EXPECT_EQ(set.all().front().spec.name, "layers.4.memory.keys");
  EXPECT_THROW(scope.declare({.name = "keys", .shape = {3}, .init = Constant{0}}), Error);
}

TEST(ParamSet, SparseGradientsAreAsLargeAsTheRowsThatAStepCanTouch) {
  Fixture f(0, 1);
  EXPECT_EQ(f.set[f.pool].row_sums.sums.shape(), Shape({4, 7}));
  for (const std::int32_t slot : f.set[f.pool].row_sums.slot_of_row.span<const std::int32_t>()) {
    EXPECT_EQ(slot, -1) << "a row that nobody touched";
  }
  EXPECT_FALSE(f.set[f.pool].grad.given());
  EXPECT_EQ(f.set.flat_grad(Group::matrices).count(), 32);  // 30 elements, padded to 64 bytes
  EXPECT_FALSE(f.set.flat_grad(Group::memory_keys).given());
}

TEST(ParamSet, CountsAreOfTheGlobalTensors) {
  Fixture f(1, 3);
  EXPECT_EQ(f.set.count(), 6 * 5 + 8 * 7);
  EXPECT_EQ(f.set.count(Group::memory_values), 8 * 7);
}

}  // namespace
}  // namespace mneme
