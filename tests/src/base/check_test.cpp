#include "base/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bf16.h"
#include "base/math.h"
#include "base/scope.h"

namespace mneme {
namespace {

using testing::HasSubstr;

TEST(Check, ErrorCarriesFaultMessageBreadcrumbAndLine) {
  const Scope step("step", 120);
  const Scope read("pool_read");
  try {
    require(1 > 2, Fault::data, "found {}, wanted {}", 1, 2);
    FAIL() << "require let a false condition pass";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::data);
    EXPECT_STREQ(e.what(), "found 1, wanted 2");
    EXPECT_THAT(e.where(), HasSubstr("step[120] > pool_read"));
    EXPECT_THAT(e.where(), HasSubstr("check_test.cpp:"));
  }
}

TEST(Math, BlocksCoverAllIndicesOnceForAnyNumberOfParts) {
  for (const std::int64_t n : {0, 1, 7, 64, 100}) {
    for (std::int64_t parts = 1; parts < 9; ++parts) {
      std::int64_t next = 0;
      for (std::int64_t p = 0; p < parts; ++p) {
        const Range r = block_of(n, p, parts);
        EXPECT_EQ(r.first, next);
        next = r.last;
      }
      EXPECT_EQ(next, n);
    }
  }
}

TEST(Math, NarrowAndExactDivRefuseToChangeTheValue) {
  EXPECT_THROW(narrow<std::int32_t>(std::int64_t{1} << 40), Error);
  EXPECT_THROW(exact_div(7, 2), Error);
  EXPECT_EQ(exact_div(8, 2), 4);
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(to_f32(to_bf16(1.0F + 0x1p-8F)), 1.0F);                      // tie, down to even
  EXPECT_EQ(to_f32(to_bf16(1.0F + 0x1p-7F + 0x1p-8F)), 1.0F + 0x1p-6F);  // tie, up to even
  EXPECT_EQ(to_f32(to_bf16_stochastic(1.0F + 0x1p-8F, 0x7fff)), 1.0F);
  EXPECT_EQ(to_f32(to_bf16_stochastic(1.0F + 0x1p-8F, 0x8000)), 1.0F + 0x1p-7F);
}

}  // namespace
}  // namespace mneme
