#include "base/table.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace mneme {
namespace {

TEST(AlignedTable, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(aligned_table({{"run", "loss", "status"}, {"a long one", "3.25", "done"}}),
            "run         loss  status\n"
            "a long one  3.25  done\n");
  EXPECT_EQ(aligned_table({{"x", "wide head", "y"}, {"a", "1", "b"}}),
            "x  wide head  y\n"
            "a          1  b\n");
  EXPECT_EQ(aligned_table({}), "");
}

TEST(AlignedTable, RefusesRowsOfAnotherLength) {
  EXPECT_THROW(aligned_table({{"a", "b"}, {"c"}}), Error);
}

}  // namespace
}  // namespace mneme
