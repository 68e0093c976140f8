#include "runtime/arena.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mneme {
namespace {

using testing::HasSubstr;

/// A small step: one long-lived tensor, then two scopes of different size.
void step(Arena& arena) {
  const View kept = arena.take(DType::f32, {100}, "kept");
  EXPECT_EQ(kept.shape(), Shape({100}));
  {
    const auto mark = arena.mark();
    arena.take(DType::bf16, {1000}, "small");
    arena.take(DType::f32, {1000}, "large");
    arena.take(DType::f32, {1000}, "large");
  }
  const auto mark = arena.mark();
  arena.take(DType::i64, {10}, "later");
}

TEST(Arena, MeasuredPeakIsExactlyWhatIsNeeded) {
  Arena measured = Arena::measuring("test");
  step(measured);
  EXPECT_TRUE(measured.is_measuring());
  EXPECT_EQ(measured.peak(), 512U + 2048U + 2 * 4096U);

  Arena real("test", measured.peak(), cpu_device);
  step(real);
  EXPECT_EQ(real.peak(), measured.peak());

  Arena short_of_one("test", measured.peak() - 1, cpu_device);
  EXPECT_THROW(step(short_of_one), Error);
}

TEST(Arena, BillAddsEqualLabelsLargestFirst) {
  Arena arena = Arena::measuring("test");
  step(arena);
  const auto bill = arena.at_peak();
  ASSERT_EQ(bill.size(), 3U);
  EXPECT_STREQ(bill[0].label, "large");
  EXPECT_EQ(bill[0].bytes, 8192U);
  EXPECT_STREQ(bill[1].label, "small");
  EXPECT_STREQ(bill[2].label, "kept");
}

TEST(Arena, FullArenaNamesItselfTheTensorAndTheBill) {
  Arena arena("activations", 1024, cpu_device);
  arena.take(DType::f32, {100}, "attention.qkv");
  try {
    arena.take(DType::f32, {1000}, "attention.lse");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::machine);
    EXPECT_THAT(
        e.what(),
        HasSubstr(
            "arena 'activations' is full: 'attention.lse' wants 4000 bytes, 512 of 1024 are left"));
    EXPECT_THAT(e.what(), HasSubstr("attention.qkv"));
    EXPECT_THAT(e.what(), HasSubstr("hint:"));
  }
}

TEST(Arena, ReleaseToGivesBackWithoutAScope) {
  Arena arena("test", 4096, cpu_device);
  const auto start = arena.position();
  const View first = arena.take(DType::f32, {10}, "a");
  arena.release_to(start);
  const View second = arena.take(DType::f32, {10}, "b");
  EXPECT_EQ(first.data(), second.data());
}

}  // namespace
}  // namespace mneme
