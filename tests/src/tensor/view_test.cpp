#include "tensor/view.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mneme {
namespace {

// An op cannot write its inputs, and a readable view never becomes writable.
static_assert(std::is_convertible_v<View, ConstView>);
static_assert(!std::is_convertible_v<ConstView, View>);
template <class V>
concept GivesWritableSpan = requires(const V v) {
  v.template span<float>();
};
static_assert(GivesWritableSpan<View>);
static_assert(!GivesWritableSpan<ConstView>);

TEST(View, RowsPartsAndShapesShareMemory) {
  std::vector<float> x(12);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const View v = view_of(std::span<float>(x), {4, 3});
  EXPECT_EQ(v.rows(1, 3).shape(), Shape({2, 3}));
  EXPECT_EQ(v.rows(1, 3).span<const float>()[0], 3.0F);
  EXPECT_EQ(v.part(5, {2}).span<const float>()[1], 6.0F);
  EXPECT_EQ(v.as({2, 6}).extent(1), 6);
  EXPECT_THROW((void)v.as({5}), Error);
  EXPECT_THROW((void)v.rows(3, 5), Error);
  EXPECT_THROW((void)v.part(11, {2}), Error);
}

TEST(View, WrongDtypeOrShapeIsNamed) {
  std::vector<std::int64_t> rows(6);
  const ConstView v = view_of(std::span<const std::int64_t>(rows), {2, 3});
  EXPECT_THROW((void)v.span<const float>(), Error);
  try {
    require_tensor(v, DType::i32, {2, 4}, "pool_read", "rows");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "pool_read: rows is i64 (2, 3), wanted i32 (2, 4)");
  }
}

TEST(View, OverlapIsFound) {
  std::vector<float> x(10);
  const View v = view_of(std::span<float>(x), {10});
  EXPECT_NO_THROW(require_apart(v.rows(0, 5), v.rows(5, 10), "op", "x and y"));
  EXPECT_THROW(require_apart(v.rows(0, 6), v.rows(5, 10), "op", "x and y"), Error);
}

}  // namespace
}  // namespace mneme
