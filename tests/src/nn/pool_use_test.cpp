#include "nn/pool_use.h"

#include <cmath>

#include <gtest/gtest.h>

#include "comm/self_comm.h"

namespace mneme::test {
namespace {

/// Layer 0 reads rows 0 and 1, twice and once; layer 1 reads row 1 once.
PoolUse::Summary use_of(const std::vector<std::int64_t>& pool_of_layer) {
  SelfComm alone("self");
  Arena arena("test", 1 << 20, cpu_device);
  Exec ex{.device = cpu_device, .scratch = arena};
  const PoolUse use(ex, pool_of_layer, 1, 8, alone, arena);
  const std::vector<std::int32_t> first{0, 1, 0};
  const std::vector<std::int32_t> second{1};
  use.count(ex, 0, view_of(std::span<const std::int32_t>(first), {3, 1}));
  use.count(ex, 1, view_of(std::span<const std::int32_t>(second), {1, 1}));
  return use.summarise(ex, alone, alone);
}

TEST(PoolUse, OnePoolCountsARowOfTwoLayersOnce) {
  const PoolUse::Summary use = use_of({0, 0});
  EXPECT_DOUBLE_EQ(use.touched, 2.0 / 8);
  EXPECT_NEAR(use.effective_rows, 2, 1e-12);  // two reads of each
  ASSERT_EQ(use.lines.size(), 2U);
  EXPECT_DOUBLE_EQ(use.lines[0].touched, 2.0 / 8);
  EXPECT_DOUBLE_EQ(use.lines[1].touched, 1.0 / 8);
}

TEST(PoolUse, RowsOfTwoPoolsAreDifferentRows) {
  const PoolUse::Summary use = use_of({0, 1});
  EXPECT_DOUBLE_EQ(use.touched, 3.0 / 16);
  EXPECT_NEAR(use.effective_rows, std::exp(1.5 * std::log(2.0)), 1e-12);  // 2, 1 and 1 of 4 reads
}

}  // namespace
}  // namespace mneme::test
