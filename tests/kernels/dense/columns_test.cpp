#include "kernels/util/columns.h"

#include <vector>

#include <gtest/gtest.h>

#include "support/op_check.h"

namespace mneme::test {
namespace {

struct Cut {
  std::int64_t tokens;
  std::int64_t width;
  std::int64_t first;
  std::int64_t columns;
};
class Columns : public testing::TestWithParam<Cut> {};

TEST_P(Columns, PutOverwritesItsPlaceOnly) {
  const Cut c = GetParam();
  OpCheck check("put_columns");
  const auto block = check.in("block", DType::f32, {c.tokens, c.columns}, -2, 2);
  const auto whole = check.inout("whole", DType::f32, {c.tokens, c.width}, 5, 9);
  check.run([&](Exec& ex) { put_columns(ex, check.get(block), check.mut(whole), c.first); });
  std::vector<double> wanted = check.initial(whole);
  const std::vector<double> from = check.initial(block);
  for (std::int64_t t = 0; t < c.tokens; ++t) {
    for (std::int64_t i = 0; i < c.columns; ++i) {
      wanted[size_of(t * c.width + c.first + i)] = from[size_of(t * c.columns + i)];
    }
  }
  check.expect(whole, wanted, {});
}

TEST_P(Columns, TakeGivesBackWhatPutPut) {
  const Cut c = GetParam();
  for (const DType type : {DType::f32, DType::bf16, DType::i32}) {
    OpCheck check("take_columns");
    const auto whole = check.in("whole", type, {c.tokens, c.width}, -99, 99);
    const auto block = check.out("block", type, {c.tokens, c.columns});
    check.run([&](Exec& ex) { take_columns(ex, check.get(whole), c.first, check.mut(block)); });
    std::vector<double> wanted;
    const std::vector<double> from = check.initial(whole);
    for (std::int64_t t = 0; t < c.tokens; ++t) {
      for (std::int64_t i = 0; i < c.columns; ++i) {
        wanted.push_back(from[size_of(t * c.width + c.first + i)]);
      }
    }
    check.expect(block, wanted, {});
  }
}

INSTANTIATE_TEST_SUITE_P(Cuts,
                         Columns,
                         testing::Values(Cut{0, 4, 1, 2},
                                         Cut{1, 1, 0, 1},
                                         Cut{5, 7, 0, 7},
                                         Cut{5, 7, 4, 3},
                                         Cut{64, 33, 11, 11},
                                         Cut{3, 8, 8, 0}));

TEST(Columns, RefuseABlockThatSticksOut) {
  OpCheck check("columns");
  const auto whole = check.inout("whole", DType::f32, {2, 4}, 0, 1);
  const auto block = check.in("block", DType::f32, {2, 2}, 0, 1);
  check.run([&](Exec& ex) {
    EXPECT_THROW(put_columns(ex, check.get(block), check.mut(whole), 3), Error);
    EXPECT_THROW(put_columns(ex, check.get(block), check.mut(whole), -1), Error);
    EXPECT_THROW(take_columns(ex, check.get(block), 0, check.mut(whole)), Error);
  });
}

}  // namespace
}  // namespace mneme::test
